//! `softkeep ad user create`.

use softkeep_proto::v1::CreatePrincipalRequest;

use crate::{client::Context, commands::Reply, error::Result, secret, shape::principal};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// What people call them
    #[arg(long)]
    display_name: String,
    /// Name to sign in with, e.g. ada@example.com
    #[arg(long, value_name = "NAME")]
    user_principal_name: String,
    /// Password: the value, @FILE, or - for standard input; asked for if absent
    #[arg(long)]
    password: Option<String>,
    /// May do everything
    #[arg(long)]
    administrator: bool,
    /// Accepted for az's sake: a password is good as given
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    force_change_password_next_sign_in: Option<String>,
    /// Accepted for az's sake: nothing is synchronised
    #[arg(long, hide = true)]
    immutable_id: Option<String>,
    /// Accepted for az's sake: there is no mail
    #[arg(long, hide = true)]
    mail_nickname: Option<String>,
}

/// Makes the user and prints them.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    // There is nothing here that they could change.
    let _ = (args.force_change_password_next_sign_in, args.immutable_id, args.mail_nickname);
    let password = secret::given_or_asked("--password", args.password.as_deref(), "password", true)?;
    let request = CreatePrincipalRequest {
        kind: "User".to_owned(),
        name: args.user_principal_name,
        display_name: args.display_name,
        password: password.as_str().to_owned(),
        certificate: Vec::new(),
        administrator: args.administrator,
        credential_expires: None,
        request_id: String::new(),
        no_credential: false,
    };
    let made = context.access().await?.create_principal(request).await?.into_inner();
    Ok(Reply::value(principal::user(&made)).columns(principal::USER_COLUMNS))
}
