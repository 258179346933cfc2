//! `softkeep key rotation-policy update`.

use softkeep_proto::v1::{RotationPolicy, SetRotationPolicyRequest};

use super::document;
use crate::{args::KeyTarget, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
    /// The policy: JSON, @FILE, a file's name, or - (standard input)
    #[arg(long, value_name = "POLICY")]
    value: String,
}

/// Sets the policy and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.object(&context.settings)?;
    let (expiry_time, lifetime_actions) = document::read("--value", &args.value)?;
    let policy =
        RotationPolicy { vault: key.vault, name: key.name, expiry_time, lifetime_actions, ..RotationPolicy::default() };
    let request = SetRotationPolicyRequest { policy: Some(policy) };
    let policy = context.keys().await?.set_rotation_policy(request).await?.into_inner();
    Ok(Reply::value(shape::key::rotation_policy(&policy)).columns(super::COLUMNS))
}
