//! `softkeep key wrap`: Key Vault's wrapKey, which az has no command for.

use serde_json::json;
use softkeep_proto::v1::EncryptRequest;

use super::cipher::{ALGORITHMS, DataType};
use crate::{args::VersionTarget, client::Context, commands::Reply, encoding, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VersionTarget,
    /// Algorithm
    #[arg(long, short = 'a', value_parser = ALGORITHMS, ignore_case = true)]
    algorithm: String,
    /// The key to wrap, in base64; also @FILE or - (standard input)
    #[arg(long)]
    value: String,
}

/// Wraps a key that the caller has and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    let algorithm = args.algorithm.to_ascii_uppercase();
    let plaintext = DataType::Base64.bytes("--value", &args.value)?.to_vec();
    let request =
        EncryptRequest { key: Some(key), algorithm: algorithm.clone(), plaintext, ..EncryptRequest::default() };
    let reply = context.crypto().await?.wrap_key(request).await?.into_inner();
    let result = encoding::base64(&reply.ciphertext);
    Ok(Reply::value(json!({ "algorithm": algorithm, "kid": reply.kid, "result": result })))
}
