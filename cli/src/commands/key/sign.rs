//! `softkeep key sign`: az's `--digest`, and our own `--in`, which hashes for you.

use std::path::PathBuf;

use serde_json::json;
use softkeep_proto::v1::SignRequest;

use super::input::{self, Message, SignatureFormat};
use crate::{args::VersionTarget, client::Context, commands::Reply, encoding, error::Result, files, output};

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
    /// How an EC signature is written
    #[arg(long, value_enum, default_value_t)]
    signature_format: SignatureFormat,
    /// Also write the signature's bytes to a file; - is standard output, then without the JSON
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Signs and prints the signature.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    let known = input::algorithm(&args.algorithm)?;
    let algorithm = known.name;
    // A format that the algorithm does not have is refused before the key is used.
    if args.signature_format == SignatureFormat::Der {
        encoding::curve(algorithm)?;
    }
    let digest = args.message.digest(&known)?;
    let request = SignRequest { key: Some(key), algorithm: algorithm.to_owned(), digest };
    let reply = context.crypto().await?.sign(request).await?.into_inner();
    let signature = match args.signature_format {
        SignatureFormat::Raw => reply.signature,
        SignatureFormat::Der => encoding::signature_to_der(algorithm, &reply.signature)?,
    };
    match &args.out {
        Some(path) if path.as_os_str() == "-" => {
            output::write(&signature)?;
            return Ok(Reply::nothing());
        }
        Some(path) => files::write("--out", path, &signature)?,
        None => {}
    }
    Ok(Reply::value(json!({
        "algorithm": algorithm,
        "keyId": reply.kid,
        "signature": encoding::base64(&signature),
    })))
}
