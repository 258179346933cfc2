//! `softkeep key verify`. Unlike az, a signature that is not valid is exit code 1: `verify && deploy` must be safe.

use std::path::PathBuf;

use serde_json::json;
use softkeep_proto::v1::VerifyRequest;

use super::input::{self, Message, SignatureFormat};
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
    /// RS256, PS256, ES256, HS256 and their like, ES256K, EdDSA, RSNULL
    #[arg(long, short = 'a')]
    algorithm: String,
    #[command(flatten)]
    message: Message,
    #[command(flatten)]
    signature: Signature,
    /// How an EC signature is written
    #[arg(long, value_enum, default_value_t)]
    signature_format: SignatureFormat,
}

/// The signature.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Signature {
    /// The signature, in base64 or base64url
    #[arg(long, value_name = "BASE64")]
    signature: Option<String>,
    /// A file with the signature's bytes, as sign --out writes it
    #[arg(long, value_name = "FILE")]
    signature_file: Option<PathBuf>,
}

impl Signature {
    fn bytes(&self) -> Result<Vec<u8>> {
        match (&self.signature, &self.signature_file) {
            (_, Some(path)) => std::fs::read(path)
                .map_err(|error| Error::io(format!("--signature-file: cannot read {}", path.display()), &error)),
            (text, None) => Ok(encoding::from_base64("--signature", text.as_deref().unwrap_or_default())?.to_vec()),
        }
    }
}

/// Verifies and prints the verdict.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    let known = input::algorithm(&args.algorithm)?;
    let algorithm = known.name;
    let digest = args.message.digest(&known)?;
    let signature = match args.signature_format {
        SignatureFormat::Raw => args.signature.bytes()?,
        SignatureFormat::Der => encoding::signature_from_der(algorithm, &args.signature.bytes()?)?,
    };
    let request = VerifyRequest { key: Some(key), algorithm: algorithm.to_owned(), digest, signature };
    let reply = context.crypto().await?.verify(request).await?.into_inner();
    let mut answer = Reply::value(json!({ "algorithm": algorithm, "isValid": reply.valid, "keyId": reply.kid }));
    if !reply.valid {
        answer.then = Some(
            Error::local("the signature is not valid")
                .fix("check key, version, algorithm and --signature-format: openssl writes EC signatures as der"),
        );
    }
    Ok(answer)
}
