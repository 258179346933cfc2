//! `softkeep certificate issuer admin …`.

mod add;
mod delete;
mod list;

use clap::Subcommand;
use prost_types::FieldMask;
use softkeep_proto::v1::{GetIssuerRequest, Issuer, IssuerAdmin, SetIssuerRequest};

use super::Target;
use crate::{client::Context, commands::Reply, error::Result};

/// The verbs.
#[derive(Subcommand)]
pub enum Command {
    /// Add one
    Add(add::Args),
    /// Remove one
    Delete(delete::Args),
    /// List them
    List(list::Args),
}

/// Runs one verb.
pub async fn run(command: Command, context: &Context) -> Result<Reply> {
    match command {
        Command::Add(args) => add::run(&args, context).await,
        Command::Delete(args) => delete::run(&args, context).await,
        Command::List(args) => list::run(&args, context).await,
    }
}

async fn get(target: &Target, context: &Context) -> Result<Vec<IssuerAdmin>> {
    let (vault, name) = target.resolve(context)?;
    let issuer = context.certificates().await?.get_issuer(GetIssuerRequest { vault, name }).await?.into_inner();
    Ok(issuer.admins)
}

async fn set(target: &Target, admins: Vec<IssuerAdmin>, context: &Context) -> Result<()> {
    let (vault, name) = target.resolve(context)?;
    let issuer = Issuer { vault, name, admins, ..Issuer::default() };
    let update_mask = Some(FieldMask { paths: vec!["admins".to_owned()] });
    let request = SetIssuerRequest { issuer: Some(issuer), password: String::new(), update_mask };
    context.certificates().await?.set_issuer(request).await?;
    Ok(())
}
