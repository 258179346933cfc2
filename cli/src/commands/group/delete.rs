//! `softkeep group delete`.

use softkeep_proto::v1::DeleteGroupRequest;

use super::GroupArg;
use crate::{client::Context, commands::Reply, confirm::ConfirmArgs, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    group: GroupArg,
    #[command(flatten)]
    confirm: ConfirmArgs,
    /// Accepted for az's sake: it is done when it returns
    #[arg(long, hide = true)]
    no_wait: bool,
    /// Accepted for az's sake
    #[arg(long, short = 'f', hide = true)]
    force_deletion_types: Option<String>,
}

/// Deletes the group; its vaults can be recovered. Like az, it prints nothing on stdout.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    // Both change nothing here.
    let _ = (args.no_wait, &args.force_deletion_types);
    args.confirm.ask()?;
    let request = DeleteGroupRequest { name: args.group.name.clone() };
    context.vaults().await?.delete_group(request).await?;
    Ok(Reply::nothing())
}
