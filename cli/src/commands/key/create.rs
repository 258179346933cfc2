//! `softkeep key create`.

#[cfg(test)]
mod tests;

use softkeep_proto::v1::CreateKeyRequest;

use crate::{
    args::{AttributeArgs, KeyTarget, Protection, azure::ReleaseArgs},
    azure::refuse_flag,
    client::Context,
    commands::Reply,
    error::{Error, Result},
    shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
    /// Type: RSA, or what --curve is for if it is given; oct is a secret AES key
    #[arg(long, value_parser = ["RSA", "RSA-HSM", "EC", "EC-HSM", "oct", "oct-HSM", "OKP", "OKP-HSM"], ignore_case = true)]
    kty: Option<String>,
    /// Curve of an EC key [default: P-256] or of an OKP key [default: Ed25519]
    #[arg(long, value_parser = CURVES.map(|(name, _)| name), ignore_case = true)]
    curve: Option<String>,
    /// Bits of an RSA key [default: 2048] or of a secret key [default: 256]
    #[arg(long, value_name = "BITS")]
    size: Option<u32>,
    /// hsm adds the -HSM ending to the type, a label
    #[arg(long, short = 'p', value_enum)]
    protection: Option<Protection>,
    #[command(flatten)]
    attributes: AttributeArgs,
    /// For --ops import: the first key that it takes in disables it
    #[arg(long)]
    single_use: bool,
    #[command(flatten)]
    release: ReleaseArgs,
    /// Only with Azure: a key of an external key manager
    #[arg(long, value_name = "ID")]
    external_key_id: Option<String>,
}

/// Curves as az and JWK write them, and the name they go by here.
const CURVES: [(&str, &str); 6] = [
    ("P-256", "P-256"),
    ("P-384", "P-384"),
    ("P-521", "P-521"),
    ("P-256K", "P-256K"),
    ("SECP256K1", "P-256K"),
    ("Ed25519", "Ed25519"),
];

/// The curve's own name.
fn curve(given: &str) -> &'static str {
    CURVES.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(given)).map_or("", |(_, name)| name)
}

/// The type that the flags name together, with az's rules.
fn kty(kty: Option<&str>, curve: Option<&str>, size: Option<u32>, protection: Option<Protection>) -> Result<String> {
    let edwards = curve.is_some_and(|curve| curve.starts_with("Ed"));
    let default = || match curve {
        None => "RSA",
        Some(_) if edwards => "OKP",
        Some(_) => "EC",
    };
    let mut kty = kty.map_or_else(|| default().to_owned(), str::to_ascii_uppercase);
    if let Some(ending) = kty.strip_prefix("OCT") {
        // The one type that JWK writes small (RFC 7518 section 6.1).
        kty = format!("oct{ending}");
    }
    match protection {
        Some(Protection::Software) if kty.ends_with("-HSM") => {
            return Err(
                Error::usage(format!("--protection software contradicts --kty {kty}")).fix("leave one of them out")
            );
        }
        Some(Protection::Hsm) if !kty.ends_with("-HSM") => kty.push_str("-HSM"),
        _ => {}
    }
    let (ec, okp) = (kty.starts_with("EC"), kty.starts_with("OKP"));
    if (ec || okp) && size.is_some() {
        return Err(Error::usage("--size is for RSA and oct keys").fix("choose the key's size with --curve"));
    }
    match curve {
        Some(_) if !ec && !okp => {
            Err(Error::usage("--curve is for EC and OKP keys").fix("--kty EC, or leave --kty out"))
        }
        Some(name) if edwards != okp => {
            Err(Error::usage(format!("{name} is no curve of {kty} keys")).fix("leave --kty out"))
        }
        _ => Ok(kty),
    }
}

/// Makes the key and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.object(&context.settings)?;
    args.release.refuse()?;
    refuse_flag("--external-key-id", args.external_key_id.is_some())?;
    let curve = args.curve.as_deref().map(curve);
    let request = CreateKeyRequest {
        vault: key.vault,
        name: key.name,
        kty: kty(args.kty.as_deref(), curve, args.size, args.protection)?,
        key_size_bits: args.size.unwrap_or_default(),
        curve: curve.unwrap_or_default().to_owned(),
        key_ops: args.attributes.operations(),
        attributes: Some(args.attributes.attributes()?),
        request_id: String::new(),
        single_use: args.single_use,
    };
    let made = context.keys().await?.create_key(request).await?.into_inner();
    Ok(Reply::value(shape::key(&made)).columns(shape::ONE_KEY_COLUMNS))
}
