//! `softkeep certificate download`: the certificate alone. Its private key, if it may leave, is in the secret of the
//! same name.

use std::path::PathBuf;

use pkcs8::{LineEnding, der::Document};

use super::show;
use crate::{
    args::target::ObjectVersionTarget,
    client::Context,
    commands::Reply,
    error::{Error, Result},
    files::{self, Readers},
    identifier::Collection,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectVersionTarget,
    /// File to write, which must not exist; - is standard output
    #[arg(long, short = 'f')]
    file: PathBuf,
    /// Encoding
    #[arg(long, short = 'e', value_parser = ["PEM", "DER"], ignore_case = true, default_value = "PEM")]
    encoding: String,
}

/// Writes the certificate. Like az, it prints nothing else.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let target = args.target.resolve(Collection::Certificates, &context.settings)?;
    files::must_be_new("--file", &args.file)?;
    let certificate = show::get(target, context).await?;
    let bytes = if args.encoding.eq_ignore_ascii_case("DER") {
        certificate.cer
    } else {
        let broken = |_| Error::local("the daemon's certificate is not DER");
        let document = Document::try_from(certificate.cer.as_slice()).map_err(broken)?;
        document.to_pem("CERTIFICATE", LineEnding::LF).map_err(broken)?.into_bytes()
    };
    files::write_new("--file", &args.file, &bytes, Readers::All)?;
    Ok(Reply::nothing())
}
