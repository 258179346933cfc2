//! `softkeep key import`: the PEM is read and decrypted here; what travels is PKCS#8.

use std::path::PathBuf;

use softkeep_proto::v1::ImportKeyRequest;

use crate::{
    args::{AttributeArgs, KeyTarget, Protection},
    client::Context,
    commands::Reply,
    error::Result,
    pem, secret, shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
    #[command(flatten)]
    source: Source,
    /// Password of an encrypted PEM; also @FILE or - (standard input). Asked for on the terminal if absent
    #[arg(long, value_name = "PASSWORD")]
    pem_password: Option<String>,
    /// hsm adds the -HSM ending to the type, a label
    #[arg(long, short = 'p', value_enum)]
    protection: Option<Protection>,
    #[command(flatten)]
    attributes: AttributeArgs,
}

/// Where the PEM is.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// PEM file: PKCS#8, encrypted PKCS#8, PKCS#1 or SEC1; - is standard input
    #[arg(long, value_name = "FILE")]
    pem_file: Option<PathBuf>,
    /// The PEM itself; also @FILE or -
    #[arg(long, value_name = "PEM")]
    pem_string: Option<String>,
}

/// Imports the key and prints its public half.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    let text = match (&args.source.pem_file, &args.source.pem_string) {
        (Some(path), _) => secret::from_file("--pem-file", path)?,
        (None, text) => secret::from_flag("--pem-string", text.as_deref().unwrap_or_default())?,
    };
    let pkcs8 = pem::private_key(&text, || match &args.pem_password {
        Some(value) => secret::from_flag("--pem-password", value),
        None => secret::prompt("PEM password", "--pem-password", false),
    })?;
    let request = ImportKeyRequest {
        vault: key.vault,
        name: key.name,
        pkcs8_der: pkcs8.to_vec(),
        hsm: args.protection == Some(Protection::Hsm),
        key_ops: args.attributes.operations(),
        attributes: Some(args.attributes.attributes()?),
        ..ImportKeyRequest::default()
    };
    let made = context.keys().await?.import_key(request).await?.into_inner();
    Ok(Reply::value(shape::key(&made)).columns(shape::ONE_KEY_COLUMNS))
}
