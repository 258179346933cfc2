//! `softkeep ad user update`.

use clap::builder::BoolishValueParser;
use prost_types::FieldMask;
use softkeep_proto::v1::UpdatePrincipalRequest;

use crate::{
    client::Context,
    commands::{Reply, ad::IdArg},
    error::{Error, Result},
    secret,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    user: IdArg,
    /// What people call them
    #[arg(long)]
    display_name: Option<String>,
    /// New password: the value, @FILE, or - for standard input; signs them out
    #[arg(long)]
    password: Option<String>,
    /// Whether they may sign in; false signs them out
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    account_enabled: Option<bool>,
    /// Whether they may do everything
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    administrator: Option<bool>,
    /// Accepted for az's sake: a password is good as given
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "true")]
    force_change_password_next_sign_in: Option<String>,
    /// Accepted for az's sake: there is no mail
    #[arg(long, hide = true)]
    mail_nickname: Option<String>,
}

/// Changes what the flags name. Like az, it prints nothing.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    // There is nothing here that they could change.
    let _ = (args.force_change_password_next_sign_in, args.mail_nickname);
    let mut paths = Vec::new();
    let mut request = UpdatePrincipalRequest { principal: args.user.id, ..UpdatePrincipalRequest::default() };
    if let Some(name) = args.display_name {
        request.display_name = name;
        paths.push("display_name".to_owned());
    }
    if let Some(password) = args.password {
        request.password = secret::from_flag("--password", &password)?.as_str().to_owned();
        paths.push("password".to_owned());
    }
    if let Some(enabled) = args.account_enabled {
        request.enabled = enabled;
        paths.push("enabled".to_owned());
    }
    if let Some(administrator) = args.administrator {
        request.administrator = administrator;
        paths.push("administrator".to_owned());
    }
    if paths.is_empty() {
        return Err(Error::usage("nothing to change is given").fix("softkeep ad user update --help lists the flags"));
    }
    request.update_mask = Some(FieldMask { paths });
    context.access().await?.update_principal(request).await?;
    Ok(Reply::nothing())
}
