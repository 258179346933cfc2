//! `softkeep secret set-attributes`.

use softkeep_proto::v1::UpdateSecretRequest;

use crate::{
    args::{
        attributes::{ChangeArgs, mask},
        target::ObjectVersionTarget,
    },
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
    /// What the value is; '' for nothing
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    #[command(flatten)]
    changes: ChangeArgs,
}

/// Changes what was given of one version and prints it, without its value.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let secret = args.target.resolve(Collection::Secrets, &context.settings)?;
    let (attributes, mut paths) = args.changes.changes()?;
    paths.extend(args.content_type.as_ref().map(|_| "content_type".to_owned()));
    let request = UpdateSecretRequest {
        vault: secret.vault,
        name: secret.name,
        version: secret.version,
        content_type: args.content_type.clone().unwrap_or_default(),
        attributes: Some(attributes.into()),
        update_mask: mask(paths)?,
    };
    let changed = context.secrets().await?.update_secret(request).await?.into_inner();
    Ok(Reply::value(shape::secret_without_value(&changed)).columns(shape::ONE_SECRET_COLUMNS))
}
