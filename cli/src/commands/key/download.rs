//! `softkeep key download`: the public half, as a SubjectPublicKeyInfo.

use std::path::PathBuf;

use pkcs8::{LineEnding, der::Document};

use super::{input, show};
use crate::{
    args::VersionTarget,
    client::Context,
    commands::Reply,
    error::{Error, Result},
    output,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VersionTarget,
    /// File to write, which must not exist; - is standard output
    #[arg(long, short = 'f')]
    file: PathBuf,
    /// Encoding
    #[arg(long, short = 'e', value_parser = ["PEM", "DER"], ignore_case = true, default_value = "PEM")]
    encoding: String,
}

/// Writes the public key. Like az, it prints nothing else.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = show::get(args.target.resolve(&context.settings)?, context).await?;
    if key.public_key_der.is_empty() {
        return Err(Error::local(format!("'{}' is a secret key, which has no public half", key.name)));
    }
    let bytes = if args.encoding.eq_ignore_ascii_case("DER") {
        key.public_key_der
    } else {
        pem(&key.public_key_der)?.into_bytes()
    };
    if args.file.as_os_str() == "-" {
        output::write(&bytes)?;
    } else {
        input::write_new("--file", &args.file, &bytes)?;
    }
    Ok(Reply::nothing())
}

fn pem(der: &[u8]) -> Result<String> {
    let broken = |_| Error::local("the daemon's public key is not DER");
    Document::try_from(der).map_err(broken)?.to_pem("PUBLIC KEY", LineEnding::LF).map_err(broken)
}
