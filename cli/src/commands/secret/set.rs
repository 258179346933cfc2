//! `softkeep secret set`.

use std::path::PathBuf;

use softkeep_proto::v1::{SecretAttributes, SetSecretRequest};
use zeroize::Zeroizing;

use super::encoding::{self, FileEncoding};
use crate::{
    args::{VaultArg, attributes::NewArgs},
    client::Context,
    commands::Reply,
    error::Result,
    files, secret,
    shape::secret as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
    /// Name
    #[arg(long, short = 'n')]
    name: String,
    /// The value; also @FILE or - (standard input), without their last line end. Asked for on the terminal if absent
    #[arg(long, conflicts_with = "file", allow_hyphen_values = true)]
    value: Option<String>,
    /// A file whose content, to the last byte, is the value; - is standard input
    #[arg(long, short = 'f', value_name = "FILE")]
    file: Option<PathBuf>,
    /// The file's encoding, kept in the tag file-encoding for download
    #[arg(long, short = 'e', value_enum, ignore_case = true, default_value_t)]
    encoding: FileEncoding,
    /// What the value is, e.g. text/plain
    #[arg(long, visible_alias = "description", value_name = "TYPE")]
    content_type: Option<String>,
    #[command(flatten)]
    attributes: NewArgs,
}

impl Args {
    fn value(&self) -> Result<Zeroizing<Vec<u8>>> {
        let bytes = |text: secret::Secret| Zeroizing::new(text.as_bytes().to_vec());
        match (&self.value, &self.file) {
            (_, Some(path)) => self.encoding.value(&files::read("--file", path)?),
            (Some(value), None) => secret::from_flag("--value", value).map(bytes),
            (None, None) => secret::prompt("secret", "--file", true).map(bytes),
        }
    }
}

/// Sets the secret and prints it.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let mut attributes = SecretAttributes::from(args.attributes.attributes()?);
    attributes.tags.insert(encoding::TAG.to_owned(), args.encoding.name().to_owned());
    let request = SetSecretRequest {
        vault,
        name: args.name.clone(),
        value: args.value()?.to_vec(),
        content_type: args.content_type.clone().unwrap_or_default(),
        attributes: Some(attributes),
        request_id: String::new(),
    };
    let mut made = context.secrets().await?.set_secret(request.clone()).await?.into_inner();
    // The answer may leave out what the caller has just said; az shows it.
    if made.value.is_empty() {
        made.value = request.value;
    }
    Ok(Reply::value(shape::secret(&made)?).columns(shape::ONE_SECRET_COLUMNS))
}
