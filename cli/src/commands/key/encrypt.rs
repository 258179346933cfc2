//! `softkeep key encrypt`.

use clap::ValueEnum;
use serde_json::json;
use softkeep_proto::v1::EncryptRequest;

use crate::{
    args::VersionTarget,
    client::Context,
    commands::Reply,
    encoding,
    error::{Error, Result},
    secret,
};

/// What `--value` of encrypt is, and what decrypt prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DataType {
    /// Bytes.
    #[default]
    Base64,
    /// A text.
    Plaintext,
}

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VersionTarget,
    /// RSA-OAEP or RSA-OAEP-256
    #[arg(long, short = 'a', value_parser = ["RSA-OAEP", "RSA-OAEP-256"], ignore_case = true)]
    algorithm: String,
    /// What to encrypt; also @FILE or - (standard input)
    #[arg(long)]
    value: String,
    /// What --value is
    #[arg(long, value_enum, default_value_t)]
    data_type: DataType,
}

/// Encrypts and prints the ciphertext.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    let algorithm = args.algorithm.to_ascii_uppercase();
    let value = secret::from_flag("--value", &args.value)?;
    let plaintext = match args.data_type {
        DataType::Plaintext => value.as_bytes().to_vec(),
        DataType::Base64 => encoding::from_base64("--value", &value)
            .map_err(|_| Error::usage("--value is not base64").fix("--data-type plaintext for a text"))?
            .to_vec(),
    };
    let request = EncryptRequest { key: Some(key), algorithm: algorithm.clone(), plaintext, ..EncryptRequest::default() };
    let reply = context.crypto().await?.encrypt(request).await?.into_inner();
    Ok(Reply::value(json!({
        "aad": null,
        "algorithm": algorithm,
        "iv": null,
        "kid": reply.kid,
        "result": encoding::base64(&reply.ciphertext),
        "tag": null,
    })))
}
