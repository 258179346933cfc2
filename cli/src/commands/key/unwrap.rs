//! `softkeep key unwrap`: Key Vault's unwrapKey, which az has no command for.

use serde_json::json;
use softkeep_proto::v1::DecryptRequest;
use zeroize::Zeroizing;

use super::cipher::{self, ALGORITHMS};
use crate::{args::VersionTarget, client::Context, commands::Reply, encoding, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VersionTarget,
    /// Algorithm
    #[arg(long, short = 'a', value_parser = ALGORITHMS, ignore_case = true)]
    algorithm: String,
    /// The result that wrap printed, in base64 or base64url; also @FILE or - (standard input)
    #[arg(long)]
    value: String,
}

/// Unwraps a key and prints it, in the clear.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    let algorithm = args.algorithm.to_ascii_uppercase();
    let ciphertext = cipher::ciphertext("--value", &args.value)?;
    let request =
        DecryptRequest { key: Some(key), algorithm: algorithm.clone(), ciphertext, ..DecryptRequest::default() };
    let reply = context.crypto().await?.unwrap_key(request).await?.into_inner();
    let result = encoding::base64(&Zeroizing::new(reply.plaintext));
    Ok(Reply::value(json!({ "algorithm": algorithm, "kid": reply.kid, "result": result })))
}
