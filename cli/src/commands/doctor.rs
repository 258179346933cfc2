//! `softkeep doctor`: one line a check, from this shell to a signature. Nothing is changed, nothing is loaded into
//! this process.

#[cfg(test)]
mod tests;

mod module;
mod signature;

use serde_json::json;
use softkeep_proto::v1::Status;

use super::{Reply, status};
use crate::{
    args::VaultArg,
    client::Context,
    error::{Error, Result},
    output,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// As it should be.
    Ok,
    /// Works, with a drawback; or could not be checked.
    Warn,
    /// Does not work.
    Fail,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One line of the report.
#[derive(Debug)]
pub struct Check {
    name: &'static str,
    state: State,
    detail: String,
    fix: Option<String>,
}

impl Check {
    /// All is well.
    pub fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self { name, state: State::Ok, detail: detail.into(), fix: None }
    }

    /// A drawback and what to do about it.
    pub fn warn(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, state: State::Warn, detail: detail.into(), fix: Some(fix.into()) }
    }

    /// A failure and what to do about it.
    pub fn fail(name: &'static str, detail: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { name, state: State::Fail, detail: detail.into(), fix: Some(fix.into()) }
    }

    /// A call that failed.
    pub fn error(name: &'static str, error: &Error) -> Self {
        Self { name, state: State::Fail, detail: error.message().to_owned(), fix: error.hint().map(str::to_owned) }
    }

    fn line(&self) -> String {
        let fix = self.fix.as_ref().map_or_else(String::new, |fix| format!("\n      fix: {fix}"));
        format!("{:<4}  {}: {}{fix}\n", self.state.name(), self.name, self.detail)
    }
}

/// Runs every check that the ones before it allow.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let checks = examine(args, context).await;
    let failed = checks.iter().any(|check| check.state == State::Fail);
    let mut reply = Reply::exit(u8::from(failed));
    if context.settings.output_chosen {
        let items = checks.iter().map(|check| {
            json!({ "check": check.name, "detail": check.detail, "fix": check.fix, "state": check.state.name() })
        });
        reply.value = Some(items.collect::<Vec<_>>().into());
        reply.columns = &[("State", "/state"), ("Check", "/check"), ("Detail", "/detail"), ("Fix", "/fix")];
    } else {
        output::write(checks.iter().map(Check::line).collect::<String>().as_bytes())?;
    }
    Ok(reply)
}

async fn examine(args: &Args, context: &Context) -> Vec<Check> {
    let settings = &context.settings;
    let files: Vec<String> = settings.files.iter().map(|path| path.display().to_string()).collect();
    let files = if files.is_empty() { "no file, defaults only".to_owned() } else { files.join(", ") };
    let mut checks = vec![Check::ok("configuration", files)];
    let endpoint = format!("{} (from {})", settings.endpoint, settings.endpoint_origin);
    let sealed = match status::get(context).await {
        Ok(status) => {
            checks.push(Check::ok("endpoint", format!("softkeepd answers at {endpoint}")));
            checks.extend(daemon(&status));
            status.sealed
        }
        Err(error) => {
            checks.push(Check::error("endpoint", &error));
            // Whatever comes next would only wait for the daemon too.
            return checks;
        }
    };
    checks.extend(module::check(&settings.endpoint.to_string()).await);
    if !sealed {
        let vault = args.vault.vault_name.clone().or_else(|| settings.vault.clone());
        checks.push(signature::check(vault, context).await);
    }
    checks
}

/// What the daemon says about itself.
fn daemon(status: &Status) -> Vec<Check> {
    let own = env!("CARGO_PKG_VERSION");
    let mut checks = vec![if status.version == own {
        Check::ok("version", format!("softkeep and softkeepd are {own}"))
    } else {
        Check::warn(
            "version",
            format!("softkeep is {own}, softkeepd is {}", status.version),
            "install both from one release",
        )
    }];
    checks.push(if status.sealed {
        let reason = if status.seal_reason.is_empty() { "no root key" } else { &status.seal_reason };
        Check::fail("seal", format!("the daemon is sealed: {reason}"), "softkeep unseal")
    } else {
        Check::ok("seal", "unsealed")
    });
    checks.push(if status.audit == "ok" {
        Check::ok("audit", "the log can be written")
    } else {
        Check::fail(
            "audit",
            status.audit.clone(),
            "free the disk of the audit log, then restart softkeepd; no key is used before",
        )
    });
    checks.push(match status.damaged_records.as_slice() {
        [] => Check::ok("store", format!("{}, no damaged record seen", status.store)),
        damaged => {
            Check::fail("store", format!("damaged records: {}", damaged.join(", ")), "restore them from a backup")
        }
    });
    checks.push(if status.memory_locked {
        Check::ok("memory", "locked against swapping")
    } else {
        Check::warn(
            "memory",
            "keys in memory may be swapped to disk",
            "LimitMEMLOCK=infinity in the unit, or ulimit -l unlimited",
        )
    });
    if status.dev_mode {
        checks.push(Check::warn(
            "mode",
            "a throw-away daemon (dev mode)",
            "softkeepd init makes one that keeps its keys",
        ));
    }
    checks
}
