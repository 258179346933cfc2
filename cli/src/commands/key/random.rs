//! `softkeep key random`.

use serde_json::json;
use softkeep_proto::{limits::MAX_RANDOM_BYTES, v1::RandomRequest};

use crate::{azure::HsmArg, client::Context, commands::Reply, encoding, error::Result, identifier::Identifier};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// How many bytes, 1 to 4096
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=MAX_RANDOM_BYTES as i64))]
    count: u32,
    #[command(flatten)]
    hsm: HsmArg,
    /// Taken for az's sake: the daemon that is asked has one source
    #[arg(long, value_name = "URL", conflicts_with = "hsm_name")]
    id: Option<String>,
}

/// Prints random bytes of the daemon.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    args.hsm.refuse()?;
    args.id.as_deref().map(Identifier::parse).transpose()?;
    let request = RandomRequest { count_bytes: args.count };
    let reply = context.crypto().await?.random(request).await?.into_inner();
    Ok(Reply::value(json!({ "value": encoding::base64(&reply.random) })))
}
