//! `softkeep key decrypt`.

use serde_json::json;
use softkeep_proto::v1::DecryptRequest;
use zeroize::Zeroizing;

use super::cipher::{self, ALGORITHMS, DataType};
use crate::{args::VersionTarget, client::Context, commands::Reply, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VersionTarget,
    /// Algorithm
    #[arg(long, short = 'a', value_parser = ALGORITHMS, ignore_case = true)]
    algorithm: String,
    /// The result that encrypt printed, in base64 or base64url; also @FILE or - (standard input)
    #[arg(long)]
    value: String,
    /// How the plaintext is printed
    #[arg(long, value_enum, default_value_t)]
    data_type: DataType,
    /// CBC and GCM: the initialization vector that encrypt printed, in hex
    #[arg(long, value_name = "HEX")]
    iv: Option<String>,
    /// GCM: the tag that encrypt printed, in hex
    #[arg(long, value_name = "HEX")]
    tag: Option<String>,
    /// GCM: what is authenticated and not encrypted, in hex
    #[arg(long, value_name = "HEX")]
    aad: Option<String>,
}

/// Decrypts and prints what was encrypted.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    let algorithm = args.algorithm.to_ascii_uppercase();
    let request = DecryptRequest {
        key: Some(key),
        algorithm: algorithm.clone(),
        ciphertext: cipher::ciphertext("--value", &args.value)?,
        iv: cipher::parameter("--iv", args.iv.as_deref())?,
        tag: cipher::parameter("--tag", args.tag.as_deref())?,
        aad: cipher::parameter("--aad", args.aad.as_deref())?,
    };
    let reply = context.crypto().await?.decrypt(request).await?.into_inner();
    let plaintext = Zeroizing::new(reply.plaintext);
    let result = args.data_type.print(&plaintext)?;
    Ok(Reply::value(json!({ "algorithm": algorithm, "kid": reply.kid, "result": result })))
}
