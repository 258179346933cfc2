//! `softkeep key download`: the public half, as a SubjectPublicKeyInfo or a JWK.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use pkcs8::{LineEnding, der::Document};
use serde_json::{Map, Value};
use softkeep_proto::v1::Key;

use super::show;
use crate::{
    args::VersionTarget,
    client::Context,
    commands::Reply,
    encoding,
    error::{Error, Result},
    files::{self, Readers},
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
    #[arg(long, short = 'e', value_parser = ["PEM", "DER", "JWK"], ignore_case = true, default_value = "PEM")]
    encoding: String,
}

/// Writes the public key. Like az, it prints nothing else.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let target = args.target.resolve(&context.settings)?;
    files::must_be_new("--file", &args.file)?;
    let key = show::get(target, context).await?;
    if key.public_key_der.is_empty() {
        return Err(Error::local(format!("'{}' is a secret key, which has no public half", key.name)));
    }
    let bytes = match args.encoding.to_ascii_uppercase().as_str() {
        "DER" => key.public_key_der,
        "JWK" => jwk(&key)?.into_bytes(),
        _ => pem(&key.public_key_der)?.into_bytes(),
    };
    files::write_new("--file", &args.file, &bytes, Readers::All)?;
    Ok(Reply::nothing())
}

fn pem(der: &[u8]) -> Result<String> {
    let broken = |_| Error::local("the daemon's public key is not DER");
    Document::try_from(der).map_err(broken)?.to_pem("PUBLIC KEY", LineEnding::LF).map_err(broken)
}

/// A JSON Web Key (RFC 7517) with the names of RFC 7518, RFC 8037 and RFC 8812, for programs that are not Key Vault's.
fn jwk(key: &Key) -> Result<String> {
    let kty = key.kty.trim_end_matches("-HSM");
    let curve = if key.curve == "P-256K" { "secp256k1" } else { &key.curve };
    let members: &[(&str, &[u8])] = match kty {
        "RSA" => &[("n", &key.n), ("e", &key.e)],
        "EC" => &[("x", &key.x), ("y", &key.y)],
        "OKP" => &[("x", &key.x)],
        _ => &[],
    };
    if members.is_empty() || members.iter().any(|(_, bytes)| bytes.is_empty()) {
        return Err(Error::local(format!("a key of type {kty} has no JWK")).fix("--encoding PEM or DER"));
    }
    let mut jwk = Map::new();
    jwk.insert("kty".to_owned(), kty.into());
    if kty != "RSA" {
        jwk.insert("crv".to_owned(), curve.into());
    }
    jwk.insert("kid".to_owned(), key.kid.as_str().into());
    jwk.extend(members.iter().map(|(name, bytes)| ((*name).to_owned(), encoding::base64url(bytes).into())));
    serde_json::to_string_pretty(&Value::Object(jwk))
        .map(|text| text + "\n")
        .map_err(|error| Error::local(error.to_string()))
}
