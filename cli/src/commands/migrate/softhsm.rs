//! `softkeep migrate softhsm`: reads a SoftHSM2 token's files and writes its objects as a program would by C_CreateObject, so that ids,
//! labels, flags and certificates stay. What is there already is left out: a run that was broken off goes on with the next one.

mod attributes;
mod module;
mod object;
mod store;

use std::path::PathBuf;

use serde_json::{Value, json};

use self::{
    module::Module,
    object::Object,
    store::{Token, find_token},
};
use crate::{
    args::VaultArg,
    client::Context,
    commands::Reply,
    error::{Error, Result},
    secret,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// `directories.tokendir` of softhsm2.conf
    #[arg(long, value_name = "DIR")]
    tokendir: PathBuf,
    /// Label of the token; needed where there are several
    #[arg(long, value_name = "LABEL")]
    token: Option<String>,
    /// User PIN of the SoftHSM2 token; also @FILE or -. Asked for on the terminal if absent
    #[arg(long)]
    pin: Option<String>,
    /// User PIN of the vault; also @FILE or -. Asked for on the terminal if absent
    #[arg(long, value_name = "PIN")]
    softkeep_pin: Option<String>,
    #[command(flatten)]
    vault: VaultArg,
    /// Read the token and say what is in it, without a vault
    #[arg(long)]
    dry_run: bool,
}

/// Imports the token and reports on each object.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let token = find_token(&args.tokendir, args.token.as_deref())?;
    let pin = secret::given_or_asked("--pin", args.pin.as_deref(), "user PIN of the SoftHSM2 token", false)?;
    let key = token.unlock(pin.as_bytes())?;
    drop(pin);
    let (mut objects, mut report) = read(&token, &key)?;
    // A private key first: the public key and the certificate that come after it find it there.
    objects.sort_by_key(Object::order);
    let vault = if args.dry_run {
        for object in &objects {
            report.add(object, "found", "");
        }
        None
    } else {
        let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
        let pin =
            secret::given_or_asked("--softkeep-pin", args.softkeep_pin.as_deref(), "user PIN of the vault", false)?;
        let mut module = Module::log_in(context, &vault, pin.as_bytes()).await?;
        // Private keys that this run has made: the public key that came with each is only derived from it, and gives way to the token's.
        let mut made = Vec::new();
        for object in &objects {
            migrate(&mut module, &token, object, &mut made, &mut report).await?;
        }
        Some(vault)
    };
    Ok(report.into_reply(&token.label, vault.as_deref()))
}

/// All objects of the token that can be read; those that cannot are in the report.
fn read(token: &Token, key: &store::TokenKey) -> Result<(Vec<Object>, Report)> {
    let (mut objects, mut report) = (Vec::new(), Report::default());
    for (file, content) in token.objects()? {
        match content.and_then(|attributes| Object::read(file.clone(), attributes, key)) {
            Ok(object) => objects.push(object),
            Err(error) => report.add_line("failed", json!({ "file": file, "why": error.message() })),
        }
    }
    Ok((objects, report))
}

async fn migrate<'a>(
    module: &mut Module,
    token: &Token,
    object: &'a Object,
    made: &mut Vec<&'a Object>,
    report: &mut Report,
) -> Result<()> {
    if let Some(why) = object.refusal() {
        report.add(object, "skipped", why);
        return Ok(());
    }
    let found = match made.iter().any(|private| private.has_public_half(object)) {
        true => Ok(Vec::new()),
        false => module.find(object.search()).await,
    };
    let outcome = match found {
        Ok(found) if found.iter().any(|found| object.is(found)) => {
            report.add(object, "skipped", "it is in the vault already");
            return Ok(());
        }
        Ok(_) => module.create(object.template(), &object.request_id(&token.serial)).await,
        Err(error) => Err(error),
    };
    match outcome {
        Ok(()) => {
            made.push(object);
            report.add(object, "imported", &object.left_behind());
        }
        // The other objects would fail the same way.
        Err(error) if error.exit() == softkeep_proto::error::ExitCode::Unreachable => return Err(error),
        Err(error) => report.add(object, "failed", error.message()),
    }
    Ok(())
}

/// What became of each object.
#[derive(Default)]
struct Report {
    lines: Vec<Value>,
}

impl Report {
    fn add(&mut self, object: &Object, status: &str, why: &str) {
        let mut line = object.describe();
        if let (Some(line), false) = (line.as_object_mut(), why.is_empty()) {
            line.insert("why".into(), why.into());
        }
        self.add_line(status, line);
    }

    fn add_line(&mut self, status: &str, mut line: Value) {
        if let Some(line) = line.as_object_mut() {
            line.insert("status".into(), status.into());
        }
        self.lines.push(line);
    }

    fn count(&self, status: &str) -> usize {
        self.lines.iter().filter(|line| line["status"] == status).count()
    }

    fn into_reply(self, token: &str, vault: Option<&str>) -> Reply {
        let failed = self.count("failed");
        let mut reply = Reply::value(json!({
            "failed": failed,
            "found": self.lines.len(),
            "imported": self.count("imported"),
            "objects": self.lines,
            "skipped": self.count("skipped"),
            "token": token,
            "vault": vault,
        }));
        if failed > 0 {
            reply.then = Some(
                Error::local(format!("{failed} objects of the token were not imported"))
                    .fix("'why' says for each what is in the way; run it again when that is gone"),
            );
        }
        reply
    }
}
