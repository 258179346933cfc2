//! `softkeep key decrypt`.

use serde_json::json;
use softkeep_proto::v1::DecryptRequest;
use zeroize::Zeroizing;

use super::encrypt::DataType;
use crate::{
    args::VersionTarget,
    client::Context,
    commands::Reply,
    encoding,
    error::{Error, Result},
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VersionTarget,
    /// RSA-OAEP or RSA-OAEP-256
    #[arg(long, short = 'a', value_parser = ["RSA-OAEP", "RSA-OAEP-256"], ignore_case = true)]
    algorithm: String,
    /// The ciphertext that encrypt printed, in base64 or base64url
    #[arg(long)]
    value: String,
    /// What was encrypted
    #[arg(long, value_enum, default_value_t)]
    data_type: DataType,
}

/// Decrypts and prints what was encrypted.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    let algorithm = args.algorithm.to_ascii_uppercase();
    let ciphertext = encoding::from_base64("--value", &args.value)?.to_vec();
    let request = DecryptRequest { key: Some(key), algorithm: algorithm.clone(), ciphertext, ..DecryptRequest::default() };
    let reply = context.crypto().await?.decrypt(request).await?.into_inner();
    let plaintext = Zeroizing::new(reply.plaintext);
    let result = match args.data_type {
        DataType::Base64 => encoding::base64(&plaintext),
        DataType::Plaintext => std::str::from_utf8(&plaintext)
            .map_err(|_| Error::local("the plaintext is not UTF-8").fix("leave --data-type out for base64"))?
            .to_owned(),
    };
    Ok(Reply::value(json!({ "algorithm": algorithm, "kid": reply.kid, "result": result })))
}
