//! `softkeep key create`.

#[cfg(test)]
mod tests;

use softkeep_proto::v1::CreateKeyRequest;

use crate::{
    args::{AttributeArgs, KeyTarget, Protection},
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
    /// Type: RSA, or EC if --curve is given; oct is a secret AES key
    #[arg(long, value_parser = ["RSA", "RSA-HSM", "EC", "EC-HSM", "oct", "oct-HSM"], ignore_case = true)]
    kty: Option<String>,
    /// Curve of an EC key [default: P-256]
    #[arg(long, value_parser = ["P-256", "P-384", "P-521", "P-256K"], ignore_case = true)]
    curve: Option<String>,
    /// Bits of an RSA key [default: 2048] or of a secret key [default: 256]
    #[arg(long, value_name = "BITS")]
    size: Option<u32>,
    /// hsm adds the -HSM ending to the type, a label
    #[arg(long, short = 'p', value_enum)]
    protection: Option<Protection>,
    #[command(flatten)]
    attributes: AttributeArgs,
}

/// The type that the flags name together, with az's rules.
fn kty(kty: Option<&str>, curve: Option<&str>, size: Option<u32>, protection: Option<Protection>) -> Result<String> {
    let mut kty = kty.map_or_else(|| if curve.is_some() { "EC" } else { "RSA" }.to_owned(), str::to_ascii_uppercase);
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
    if kty.starts_with("EC") && size.is_some() {
        return Err(Error::usage("--size is for RSA and oct keys").fix("choose an EC key's size with --curve"));
    }
    if !kty.starts_with("EC") && curve.is_some() {
        return Err(Error::usage("--curve is for EC keys").fix("--kty EC, or leave --kty out"));
    }
    Ok(kty)
}

/// Makes the key and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    let request = CreateKeyRequest {
        vault: key.vault,
        name: key.name,
        kty: kty(args.kty.as_deref(), args.curve.as_deref(), args.size, args.protection)?,
        key_size_bits: args.size.unwrap_or_default(),
        curve: args.curve.as_deref().unwrap_or_default().to_ascii_uppercase(),
        key_ops: args.attributes.operations(),
        attributes: Some(args.attributes.attributes()?),
        request_id: String::new(),
        single_use: false,
    };
    let made = context.keys().await?.create_key(request).await?.into_inner();
    Ok(Reply::value(shape::key(&made)).columns(shape::ONE_KEY_COLUMNS))
}
