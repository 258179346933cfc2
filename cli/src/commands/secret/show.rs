//! `softkeep secret show`.

use softkeep_proto::v1::{GetSecretRequest, Secret};

use crate::{
    args::target::{Object, ObjectVersionTarget},
    client::Context,
    commands::Reply,
    error::Result,
    identifier::Collection,
    shape::secret as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectVersionTarget,
}

/// Prints the secret with its value.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let secret = get(args.target.resolve(Collection::Secrets, &context.settings)?, context).await?;
    Ok(Reply::value(shape::secret(&secret)?).columns(shape::ONE_SECRET_COLUMNS))
}

/// Asks the daemon for a secret.
pub async fn get(secret: Object, context: &Context) -> Result<Secret> {
    let request = GetSecretRequest { vault: secret.vault, name: secret.name, version: secret.version };
    Ok(context.secrets().await?.get_secret(request).await?.into_inner())
}
