//! `softkeep secret delete`.

use softkeep_proto::v1::DeleteSecretRequest;

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

/// Soft-deletes the secret and prints it with its dates, without its value.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let secret = args.target.resolve(Collection::Secrets, &context.settings)?.whole("deleted")?;
    let request = DeleteSecretRequest { vault: secret.vault, name: secret.name };
    let deleted = context.secrets().await?.delete_secret(request).await?.into_inner();
    Ok(Reply::value(shape::secret_without_value(&deleted)).columns(shape::ONE_SECRET_COLUMNS))
}
