//! `softkeep key encrypt`. az encrypts by itself where it can; here the daemon does, so that it is audited.

use serde_json::{Value, json};
use softkeep_proto::v1::{EncryptReply, EncryptRequest};

use super::cipher::{self, ALGORITHMS, DataType};
use crate::{args::VersionTarget, client::Context, commands::Reply, encoding, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VersionTarget,
    /// Algorithm
    #[arg(long, short = 'a', value_parser = ALGORITHMS, ignore_case = true)]
    algorithm: String,
    /// What to encrypt; also @FILE or - (standard input)
    #[arg(long)]
    value: String,
    /// What --value is
    #[arg(long, value_enum, default_value_t)]
    data_type: DataType,
    /// CBC: the initialization vector, 16 bytes in hex; made by the daemon if absent
    #[arg(long, value_name = "HEX")]
    iv: Option<String>,
    /// GCM: what is authenticated and not encrypted, in hex
    #[arg(long, value_name = "HEX")]
    aad: Option<String>,
}

/// Encrypts and prints the ciphertext.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    let algorithm = args.algorithm.to_ascii_uppercase();
    let request = EncryptRequest {
        key: Some(key),
        algorithm: algorithm.clone(),
        iv: cipher::parameter("--iv", args.iv.as_deref())?,
        aad: cipher::parameter("--aad", args.aad.as_deref())?,
        plaintext: args.data_type.bytes("--value", &args.value)?.to_vec(),
    };
    let reply = context.crypto().await?.encrypt(request).await?.into_inner();
    Ok(Reply::value(shape(&algorithm, &reply)))
}

/// az's answer: the result in base64, the rest in hex.
fn shape(algorithm: &str, reply: &EncryptReply) -> Value {
    let hex = |bytes: &[u8]| if bytes.is_empty() { Value::Null } else { encoding::hex(bytes).into() };
    json!({
        "aad": hex(&reply.aad),
        "algorithm": algorithm,
        "iv": hex(&reply.iv),
        "kid": reply.kid,
        "result": encoding::base64(&reply.ciphertext),
        "tag": hex(&reply.tag),
    })
}
