//! `softkeep certificate issuer admin delete`.

use super::Target;
use crate::{
    client::Context,
    commands::Reply,
    error::{Error, Result},
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Address
    #[arg(long)]
    email: String,
}

/// Removes the administrator. Like az, it prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let mut admins = super::get(&args.target, context).await?;
    let before = admins.len();
    admins.retain(|admin| admin.email != args.email);
    if admins.len() == before {
        let message = format!("admin '{}' not found for issuer '{}'", args.email, args.target.issuer_name);
        return Err(Error::local(message).fix("softkeep keyvault certificate issuer admin list prints them"));
    }
    super::set(&args.target, admins, context).await?;
    Ok(Reply::nothing())
}
