//! `softkeep key rotation-policy show`.

use softkeep_proto::v1::GetRotationPolicyRequest;

use crate::{args::KeyTarget, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
}

/// Prints the policy.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.object(&context.settings)?;
    let request = GetRotationPolicyRequest { vault: key.vault, name: key.name };
    let policy = context.keys().await?.get_rotation_policy(request).await?.into_inner();
    Ok(Reply::value(shape::key::rotation_policy(&policy)).columns(super::COLUMNS))
}
