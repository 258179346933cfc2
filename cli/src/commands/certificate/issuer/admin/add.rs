//! `softkeep certificate issuer admin add`.

use softkeep_proto::{error::ErrorCode, v1::IssuerAdmin};

use super::Target;
use crate::{
    client::Context,
    commands::Reply,
    error::{Error, Result},
    shape::certificate as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: Target,
    /// Address
    #[arg(long)]
    email: String,
    /// First name
    #[arg(long)]
    first_name: Option<String>,
    /// Last name
    #[arg(long)]
    last_name: Option<String>,
    /// Telephone number
    #[arg(long)]
    phone: Option<String>,
}

/// Adds the administrator and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let mut admins = super::get(&args.target, context).await?;
    if admins.iter().any(|admin| admin.email == args.email) {
        let message = format!("admin '{}' already exists", args.email);
        return Err(Error::coded(ErrorCode::AlreadyExists, message).fix("delete it first to change it"));
    }
    let admin = IssuerAdmin {
        first_name: args.first_name.clone().unwrap_or_default(),
        last_name: args.last_name.clone().unwrap_or_default(),
        email: args.email.clone(),
        phone: args.phone.clone().unwrap_or_default(),
    };
    admins.push(admin.clone());
    super::set(&args.target, admins, context).await?;
    Ok(Reply::value(shape::admin(&admin)))
}
