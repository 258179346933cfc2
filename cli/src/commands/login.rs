//! `softkeep login`: as a user, a service principal, or whoever approves a device code.

pub mod approve;
mod assertion;
mod device;

use std::{
    io::{self, IsTerminal},
    path::PathBuf,
};

use clap::Subcommand;
use softkeep_proto::v1::{
    AccessToken, ClientAssertion, PasswordCredential, SignInRequest, sign_in_request::Credential,
};

use crate::{
    azure,
    client::Context,
    commands::{Reply, account},
    confirm::ask,
    error::{Error, Result},
    secret,
    session::{self, Session},
    shape,
};

/// Flags.
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// User name, or a service principal's app id
    #[arg(long, short = 'u')]
    username: Option<String>,
    /// Password or secret: the value, @FILE, or - for standard input; asked for if absent
    #[arg(long, short = 'p')]
    password: Option<String>,
    /// Sign in a service principal
    #[arg(long, requires = "username")]
    service_principal: bool,
    /// PEM file with the service principal's certificate and private key
    #[arg(long, value_name = "FILE", requires = "service_principal", conflicts_with = "password")]
    certificate: Option<PathBuf>,
    /// The daemon's tenant, to be sure
    #[arg(long, short = 't')]
    tenant: Option<String>,
    /// Show a code that somebody else approves
    #[arg(long, conflicts_with_all = ["username", "password"])]
    use_device_code: bool,
    /// Managed identities are in Azure only
    #[arg(long, short = 'i', hide = true)]
    identity: bool,
    /// Accepted for az's sake: there always is a subscription
    #[arg(long, hide = true)]
    allow_no_subscriptions: bool,
    /// Accepted for az's sake: there is one scope
    #[arg(long, hide = true)]
    scope: Option<String>,
}

/// What `login` has besides itself.
#[derive(Subcommand)]
enum Command {
    /// Sign in, as yourself, whoever waits with this code
    Approve(approve::Args),
}

/// Signs in, keeps the tokens, and prints the subscriptions: one.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    // Both change nothing here.
    let _ = (args.allow_no_subscriptions, &args.scope);
    if let Some(Command::Approve(approve)) = args.command {
        return approve::run(&approve, context).await;
    }
    azure::refuse_flag("--identity", args.identity)?;
    let token = if wants_device(&args) { device::sign_in(context).await? } else { sign_in(&args, context).await? };
    check_tenant(args.tenant.as_deref(), &token)?;
    session::store(&context.settings, Some(Session::of(&token, "")))?;
    session::narrow(&context.settings);
    let who = account::who(context).await?;
    Ok(Reply::value(vec![shape::account::account_item(&who)].into()).columns(shape::account::ACCOUNT_COLUMNS))
}

/// Like az: a bare `login` asks where there is a terminal, and shows a code where there is none.
fn wants_device(args: &Args) -> bool {
    args.use_device_code || (args.username.is_none() && args.password.is_none() && !io::stdin().is_terminal())
}

async fn sign_in(args: &Args, context: &Context) -> Result<AccessToken> {
    let name = match &args.username {
        Some(name) => name.clone(),
        None => ask("user name", "softkeep login --username NAME")?,
    };
    let credential = match &args.certificate {
        Some(file) => {
            let assertion = assertion::make(&name, file)?;
            Credential::ClientAssertion(ClientAssertion { app_id: name, assertion })
        }
        None => {
            let what = if args.service_principal { "secret" } else { "password" };
            let secret = secret::given_or_asked("--password", args.password.as_deref(), what, false)?;
            let pair = PasswordCredential { name, password: secret.as_str().to_owned() };
            if args.service_principal { Credential::ClientSecret(pair) } else { Credential::Password(pair) }
        }
    };
    let request = SignInRequest { credential: Some(credential) };
    Ok(context.sign_in().await?.sign_in(request).await?.into_inner())
}

/// A tenant that is named by its number must be this daemon's. Domains name nothing here.
fn check_tenant(wanted: Option<&str>, token: &AccessToken) -> Result<()> {
    let is_number = |text: &str| text.len() == 36 && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    match wanted {
        Some(tenant) if is_number(tenant) && !tenant.eq_ignore_ascii_case(&token.tenant_id) => {
            Err(Error::local(format!("this daemon's tenant is {}, not {tenant}", token.tenant_id))
                .fix("leave --tenant out, or choose the daemon with --endpoint"))
        }
        _ => Ok(()),
    }
}
