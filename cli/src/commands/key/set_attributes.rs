//! `softkeep key set-attributes`.

use softkeep_proto::v1::UpdateKeyRequest;

use crate::{
    args::{
        VersionTarget,
        attributes::{ChangeArgs, OperationArgs, mask},
        azure::ReleasePolicyArgs,
    },
    client::Context,
    commands::Reply,
    error::Result,
    shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VersionTarget,
    #[command(flatten)]
    ops: OperationArgs,
    #[command(flatten)]
    changes: ChangeArgs,
    #[command(flatten)]
    release: ReleasePolicyArgs,
}

/// Changes what was given of one version and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    args.release.refuse()?;
    let (attributes, mut paths) = args.changes.changes()?;
    let operations = args.ops.named()?;
    paths.extend(operations.map(|_| "key_ops".to_owned()));
    let request = UpdateKeyRequest {
        vault: key.vault,
        name: key.name,
        version: key.version,
        key_ops: operations.unwrap_or_default().to_vec(),
        attributes: Some(attributes.into()),
        update_mask: mask(paths)?,
    };
    let changed = context.keys().await?.update_key(request).await?.into_inner();
    Ok(Reply::value(shape::key(&changed)).columns(shape::ONE_KEY_COLUMNS))
}
