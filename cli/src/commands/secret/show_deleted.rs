//! `softkeep secret show-deleted`.

use softkeep_proto::v1::GetDeletedSecretRequest;

use crate::{
    args::target::ObjectTarget, client::Context, commands::Reply, error::Result, identifier::Collection,
    shape::secret as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectTarget,
}

/// Prints a deleted secret with its dates, without its value.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let secret = args.target.resolve(Collection::Secrets, &context.settings)?;
    let request = GetDeletedSecretRequest { vault: secret.vault, name: secret.name };
    let deleted = context.secrets().await?.get_deleted_secret(request).await?.into_inner();
    Ok(Reply::value(shape::secret_without_value(&deleted)).columns(shape::ONE_SECRET_COLUMNS))
}
