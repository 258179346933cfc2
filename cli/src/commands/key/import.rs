//! `softkeep key import`: one key from a PEM, a secret key's bytes or a wrapped key; or a folder of PEM files. A PEM is read and decrypted
//! here, and what travels is PKCS#8. A wrapped key travels as it is.

use std::path::PathBuf;

use softkeep_proto::{
    error::ErrorCode,
    v1::{ImportKeyRequest, WrappedKey},
};

use crate::{
    args::{AttributeArgs, KeyTarget, Protection, azure::ReleaseArgs},
    client::Context,
    commands::Reply,
    error::{Error, Result},
    files::{self, Readers},
    pem, secret, shape,
};

mod folder;

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
    #[command(flatten)]
    wrapping: WrappingArgs,
    /// Type of the key in a wrapped key; found out if absent
    #[arg(long, value_parser = ["RSA", "RSA-HSM", "EC", "EC-HSM", "OKP", "OKP-HSM", "oct", "oct-HSM"], ignore_case = true)]
    kty: Option<String>,
    /// Curve of an EC key; it must be the one that comes
    #[arg(long, visible_alias = "curve-name", value_parser = ["P-256", "P-384", "P-521", "P-256K", "Ed25519"], ignore_case = true)]
    curve: Option<String>,
    /// hsm adds the -HSM ending to the type, a label; a wrapped key always gets it
    #[arg(long, short = 'p', value_enum)]
    protection: Option<Protection>,
    #[command(flatten)]
    attributes: AttributeArgs,
    #[command(flatten)]
    release: ReleaseArgs,
    /// Check everything and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    folder: folder::FolderArgs,
}

/// Where the key is.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// PEM file: PKCS#8, encrypted PKCS#8, PKCS#1 or SEC1; - is standard input
    #[arg(long, value_name = "FILE")]
    pem_file: Option<PathBuf>,
    /// The PEM itself; also @FILE or -
    #[arg(long, value_name = "PEM", allow_hyphen_values = true)]
    pem_string: Option<String>,
    /// Wrapped key: a .byok file, or another service's blob; - is standard input
    #[arg(long, value_name = "FILE")]
    byok_file: Option<PathBuf>,
    /// The content of a .byok file; also @FILE or -
    #[arg(long, value_name = "TEXT")]
    byok_string: Option<String>,
    /// File with the 16, 24 or 32 bytes of a secret key
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Folder of PEM files; each becomes the key of its own name
    #[arg(long, value_name = "DIR")]
    pem_dir: Option<PathBuf>,
}

/// How a wrapped key is wrapped.
#[derive(clap::Args)]
struct WrappingArgs {
    /// Whose form a wrapped key has; found out if absent
    #[arg(long, value_name = "SERVICE", value_parser = ["azure", "aws", "gcp", "openbao", "softkeep"], ignore_case = true)]
    byok_format: Option<String>,
    /// Key that unwraps, NAME or NAME/VERSION; a .byok file names its own
    #[arg(long, value_name = "KEY")]
    kek: Option<String>,
    /// Wrapping in the service's own words, e.g. RSA_AES_KEY_WRAP_SHA_256, rsa-oaep-4096-sha256-aes-256
    #[arg(long, value_name = "NAME")]
    algorithm: Option<String>,
    /// Write the import's signed receipt (a JWS) to a new file
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
}

/// Imports the key and prints its public half.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    args.release.refuse()?;
    if let Some(folder) = &args.source.pem_dir {
        return folder::run(folder, args, context).await;
    }
    args.folder.refuse()?;
    let key = args.target.resolve(&context.settings)?;
    let request = ImportKeyRequest { vault: key.vault, name: key.name, ..args.request()? };
    let is_wrapped = request.wrapped.is_some();
    if let Some(path) = &args.wrapping.receipt {
        if !is_wrapped {
            return Err(Error::usage("--receipt is for wrapped keys").fix("--byok-file, or leave --receipt out"));
        }
        files::must_be_new("--receipt", path)?;
    }
    let made = context.keys().await?.import_key(request).await;
    let made = made.map_err(|status| if is_wrapped { explained(status.into()) } else { status.into() })?.into_inner();
    if let Some(path) = args.wrapping.receipt.as_ref().filter(|_| !made.import_receipt.is_empty()) {
        files::write_new("--receipt", path, format!("{}\n", made.import_receipt).as_bytes(), Readers::All)?;
    }
    Ok(Reply::value(shape::key(&made)).columns(shape::ONE_KEY_COLUMNS))
}

impl Args {
    /// What is the same for every source, without vault and name.
    fn common(&self) -> Result<ImportKeyRequest> {
        Ok(ImportKeyRequest {
            hsm: self.protection == Some(Protection::Hsm),
            key_ops: self.attributes.operations(),
            attributes: Some(self.attributes.attributes()?),
            dry_run: self.dry_run,
            ..ImportKeyRequest::default()
        })
    }

    fn request(&self) -> Result<ImportKeyRequest> {
        let request = self.common()?;
        if let Some(blob) = self.blob()? {
            if self.pem_password.is_some() {
                return Err(Error::usage("--pem-password is for PEM files"));
            }
            // As in Key Vault: what came wrapped is of an HSM type, whatever --protection says.
            return Ok(ImportKeyRequest { hsm: true, wrapped: Some(self.wrapped(blob)), ..request });
        }
        if self.wrapping.kek.is_some() || self.wrapping.byok_format.is_some() || self.wrapping.algorithm.is_some() {
            let refusal = Error::usage("--kek, --byok-format and --algorithm are for wrapped keys");
            return Err(refusal.fix("--byok-file FILE, or leave them out"));
        }
        if let Some(path) = &self.source.secret_file {
            return Ok(ImportKeyRequest { secret: files::read("--secret-file", path)?.to_vec(), ..request });
        }
        let text = match (&self.source.pem_file, &self.source.pem_string) {
            (Some(path), _) => secret::from_file("--pem-file", path)?,
            (None, text) => secret::from_flag("--pem-string", text.as_deref().unwrap_or_default())?,
        };
        let pkcs8 = pem::private_key(&text, || match &self.pem_password {
            Some(value) => secret::from_flag("--pem-password", value),
            None => secret::prompt("PEM password", "--pem-password", false),
        })?;
        Ok(ImportKeyRequest { pkcs8_der: pkcs8.to_vec(), ..request })
    }

    /// The wrapped key's bytes. They are no secret, so nobody is warned of the command line.
    fn blob(&self) -> Result<Option<Vec<u8>>> {
        let bytes = match (&self.source.byok_file, &self.source.byok_string) {
            (Some(path), _) => files::read("--byok-file", path)?.to_vec(),
            (None, Some(text)) if text == "-" => files::read("--byok-string", "-".as_ref())?.to_vec(),
            (None, Some(text)) => match text.strip_prefix('@') {
                Some(path) => files::read("--byok-string", path.as_ref())?.to_vec(),
                None => text.clone().into_bytes(),
            },
            (None, None) => return Ok(None),
        };
        Ok(Some(bytes))
    }

    fn wrapped(&self, blob: Vec<u8>) -> WrappedKey {
        let kek = self.wrapping.kek.as_deref().unwrap_or_default();
        let (kek_name, kek_version) = kek.split_once('/').unwrap_or((kek, ""));
        WrappedKey {
            blob,
            format: self.wrapping.byok_format.as_deref().unwrap_or_default().to_ascii_lowercase(),
            kek_name: kek_name.to_owned(),
            kek_version: kek_version.to_owned(),
            algorithm: self.wrapping.algorithm.clone().unwrap_or_default(),
            kty: self.kty.clone().unwrap_or_default(),
            curve: self.curve.clone().unwrap_or_default(),
        }
    }
}

/// What to do about a wrapped key that was refused.
fn explained(error: Error) -> Error {
    let fix = match error.code() {
        Some(ErrorCode::UnsupportedAlgorithm) => "docs/byok.md lists the dialects and their algorithms",
        Some(ErrorCode::OperationNotPermitted) => {
            "make one with: softkeep key create --kty RSA-HSM --size 4096 --ops import --name KEK"
        }
        Some(ErrorCode::InvalidArgument) => "wrap it for a key of this vault, and name that with --kek; docs/byok.md",
        Some(ErrorCode::KeyTypeMismatch) => {
            "leave --kty and --curve out; the key that unwraps is RSA with 2048 to 4096 bits"
        }
        Some(ErrorCode::KeyDisabled) => {
            "make a new key for imports, download it and wrap for it; one for a single use is spent"
        }
        Some(ErrorCode::KeyNotFound) => {
            "the key that it was wrapped for is not in this vault; softkeep key list prints those that are"
        }
        _ => return error,
    };
    error.fix(fix)
}
