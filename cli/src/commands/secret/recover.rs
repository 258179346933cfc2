//! `softkeep secret recover`.

use softkeep_proto::v1::RecoverDeletedSecretRequest;

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

/// Brings the secret back with all its versions and prints it, without its value.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let secret = args.target.resolve(Collection::Secrets, &context.settings)?.whole("recovered")?;
    let request = RecoverDeletedSecretRequest { vault: secret.vault, name: secret.name };
    let recovered = context.secrets().await?.recover_deleted_secret(request).await?.into_inner();
    Ok(Reply::value(shape::secret_without_value(&recovered)).columns(shape::ONE_SECRET_COLUMNS))
}
