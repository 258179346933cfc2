//! `softkeep byok wrap`: makes what a key service imports, from a key and the service's public key (docs/byok.md has the layouts).

use std::{
    io::{self, IsTerminal},
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    key_wrap::{AES_256, AesKek, KeyWrapPadded},
    rand,
    rsa::{
        OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512, OaepAlgorithm,
        OaepPublicEncryptingKey, PublicEncryptingKey,
    },
};
use base64ct::{Base64, Base64UrlUnpadded, Encoding as _};
use clap::ValueEnum;
use serde_json::json;
use softkeep_proto::error::ErrorCode;
use zeroize::Zeroizing;

use super::source::{TargetKey, read_kek};
use crate::{
    commands::Reply,
    error::{Error, Result},
    files::{self, Readers},
    identifier::Identifier,
};

/// The bits of a key that unwraps.
const KEK_BITS: std::ops::RangeInclusive<usize> = 2048..=4096;

/// What RFC 5649 adds at most: a block, and zeros up to the next one.
const WRAP_OVERHEAD_BYTES: usize = 16;

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Who will import it
    #[arg(long = "for", value_name = "SERVICE", value_enum)]
    service: Service,
    /// Key to wrap: PEM, PKCS#8 DER, JWK, or a secret key's bytes
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// Password of an encrypted PEM; also @FILE or -. Asked for on the terminal if absent
    #[arg(long, value_name = "PASSWORD")]
    key_password: Option<String>,
    /// The service's public key to wrap for: PEM, DER or JWK
    #[arg(long, value_name = "FILE")]
    kek: PathBuf,
    /// Identifier of that key, https://VAULT.suffix/keys/NAME/VERSION; for azure and softkeep. Needless if --kek is a JWK with a kid
    #[arg(long, value_name = "URL")]
    kid: Option<String>,
    /// Hash of RSA-OAEP [default: sha1 for azure, else sha256]
    #[arg(long, value_enum)]
    hash: Option<Hash>,
    /// Encrypt the key by RSA itself, without an AES key between: RSAES_OAEP_* of aws, rsa-oaep-*-sha256 of gcp
    #[arg(long)]
    direct: bool,
    /// File to make; - is standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    out: PathBuf,
}

/// A key service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Service {
    /// Azure Key Vault: a .byok file.
    Azure,
    /// AWS KMS: EncryptedKeyMaterial.
    Aws,
    /// Google Cloud KMS: the wrapped key of an import job.
    Gcp,
    /// `OpenBao`'s transit engine: ciphertext in base64.
    Openbao,
    /// A vault here: a .byok file with SHA-256.
    Softkeep,
}

/// A hash of OAEP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Hash {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Hash {
    fn oaep(self) -> &'static OaepAlgorithm {
        match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha384 => &OAEP_SHA384_MGF1SHA384,
            Self::Sha512 => &OAEP_SHA512_MGF1SHA512,
        }
    }
}

/// The wrapping's name in the service's words; an error where the service has none such.
fn algorithm(service: Service, hash: Hash, direct: bool, kek_bits: usize) -> Result<String> {
    let name = match (service, hash, direct) {
        (Service::Azure | Service::Softkeep, Hash::Sha1, false) => "CKM_RSA_AES_KEY_WRAP".into(),
        (Service::Softkeep, Hash::Sha256, false) => "RSA_AES_KEY_WRAP_256".into(),
        (Service::Softkeep, Hash::Sha384, false) => "RSA_AES_KEY_WRAP_384".into(),
        (Service::Aws, Hash::Sha1, false) => "RSA_AES_KEY_WRAP_SHA_1".into(),
        (Service::Aws, Hash::Sha256, false) => "RSA_AES_KEY_WRAP_SHA_256".into(),
        (Service::Aws, Hash::Sha1, true) => "RSAES_OAEP_SHA_1".into(),
        (Service::Aws, Hash::Sha256, true) => "RSAES_OAEP_SHA_256".into(),
        (Service::Gcp, ..) if !matches!(kek_bits, 3072 | 4096) => {
            return Err(Error::usage(format!("--for gcp: import jobs have keys of 3072 or 4096 bits, not {kek_bits}")));
        }
        (Service::Gcp, Hash::Sha1, false) => format!("rsa-oaep-{kek_bits}-sha1-aes-256"),
        (Service::Gcp, Hash::Sha256, false) => format!("rsa-oaep-{kek_bits}-sha256-aes-256"),
        (Service::Gcp, Hash::Sha256, true) => format!("rsa-oaep-{kek_bits}-sha256"),
        (Service::Openbao, hash, false) => format!("{hash:?}").to_ascii_uppercase(),
        _ => {
            let what = if direct { format!("--direct with {hash:?}") } else { format!("--hash {hash:?}") };
            return Err(Error::usage(format!("{what} is not what {service:?} takes").to_ascii_lowercase())
                .fix("leave --hash and --direct out for what the service takes by default; docs/byok.md"));
        }
    };
    Ok(name)
}

/// Wraps the key and says by what name the service knows the wrapping.
pub fn run(args: &Args) -> Result<Reply> {
    files::must_be_new("--out", &args.out)?;
    let is_binary = matches!(args.service, Service::Aws | Service::Gcp);
    if is_binary && args.out.as_os_str() == "-" && io::stdout().is_terminal() {
        return Err(Error::usage("the wrapped key is not text, and standard output is a terminal").fix("--out FILE"));
    }
    let kid = kid(args)?;
    let kek = read_kek(&args.kek)?;
    let unusable = |_| Error::coded(ErrorCode::KeyInvalid, "--kek: the public key cannot be used");
    let kek = PublicEncryptingKey::from_der(&kek).map_err(|_| unusable(()))?;
    let kek_bits = kek.key_size_bits();
    if !KEK_BITS.contains(&kek_bits) {
        let refusal = format!("--kek: a key that unwraps has 2048 to 4096 bits, this one has {kek_bits}");
        return Err(Error::coded(ErrorCode::KeyTooWeak, refusal));
    }
    let kek = OaepPublicEncryptingKey::new(kek).map_err(|_| unusable(()))?;
    let hash = args.hash.unwrap_or(if args.service == Service::Azure { Hash::Sha1 } else { Hash::Sha256 });
    let algorithm = algorithm(args.service, hash, args.direct, kek_bits)?;
    let target = TargetKey::read(&args.key, args.key_password.as_deref())?;
    let blob = if args.direct { direct(&kek, hash, &target)? } else { behind_aes(&kek, hash, &target)? };
    let file = match &kid {
        Some(kid) => transfer_file(kid, &algorithm, &blob)?,
        None if args.service == Service::Openbao => format!("{}\n", Base64::encode_string(&blob)).into_bytes(),
        None => blob,
    };
    files::write_new("--out", &args.out, &file, Readers::Owner)?;
    if args.out.as_os_str() == "-" {
        return Ok(Reply::nothing());
    }
    Ok(Reply::value(json!({
        "algorithm": algorithm,
        "bytes": file.len(),
        "file": args.out.display().to_string(),
        "for": format!("{:?}", args.service).to_ascii_lowercase(),
        "kekBits": kek_bits,
        "kid": kid,
    })))
}

/// A transfer file names its key; the others have no place for a name.
fn kid(args: &Args) -> Result<Option<String>> {
    let needs_one = matches!(args.service, Service::Azure | Service::Softkeep);
    let in_kek = if needs_one && args.kid.is_none() { kid_of_jwk(&args.kek)? } else { None };
    match args.kid.as_ref().or(in_kek.as_ref()) {
        Some(_) if !needs_one => Err(Error::usage("--kid is for azure and softkeep").fix("leave it out")),
        None if needs_one => Err(Error::usage("the transfer file names the key that unwraps it: --kid is missing")
            .fix("--kid https://VAULT.vault.azure.net/keys/NAME/VERSION, as key show prints it")),
        Some(kid) => {
            let id = Identifier::parse(kid)?;
            if id.name.is_none() {
                return Err(Error::usage("--kid names a vault, not a key"));
            }
            Ok(Some(kid.clone()))
        }
        None => Ok(None),
    }
}

/// The identifier in a public key that is a JWK (RFC 7517 section 4.5), as `key download --encoding JWK` writes it.
fn kid_of_jwk(kek: &Path) -> Result<Option<String>> {
    let jwk = serde_json::from_slice::<serde_json::Value>(&files::read("--kek", kek)?).ok();
    Ok(jwk.and_then(|jwk| jwk.get("kid")?.as_str().map(str::to_owned)))
}

fn encrypt(kek: &OaepPublicEncryptingKey, hash: Hash, plaintext: &[u8]) -> Result<Vec<u8>> {
    let mut ciphertext = vec![0; kek.ciphertext_size()];
    let failed = |_| Error::local("RSA-OAEP failed");
    let len = kek.encrypt(hash.oaep(), plaintext, &mut ciphertext, None).map_err(failed)?.len();
    ciphertext.truncate(len);
    Ok(ciphertext)
}

fn direct(kek: &OaepPublicEncryptingKey, hash: Hash, target: &TargetKey) -> Result<Vec<u8>> {
    let (len, room) = (target.bytes().len(), kek.max_plaintext_size(hash.oaep()));
    if target.is_rsa() || len > room {
        return Err(Error::usage(format!("--direct: the key has {len} bytes, {room} fit into the key that unwraps"))
            .fix("leave --direct out: an AES key is put between"));
    }
    encrypt(kek, hash, target.bytes())
}

/// A new AES key wraps the target, RSA-OAEP hides the AES key (PKCS#11 3.2, CKM_RSA_AES_KEY_WRAP).
fn behind_aes(kek: &OaepPublicEncryptingKey, hash: Hash, target: &TargetKey) -> Result<Vec<u8>> {
    let mut aes_key = Zeroizing::new([0; 32]);
    let failed = |_| Error::local("no AES key could be made");
    rand::fill(aes_key.as_mut()).map_err(failed)?;
    let wrapping = AesKek::new(&AES_256, aes_key.as_ref()).map_err(failed)?;
    let mut room = vec![0; target.bytes().len() + WRAP_OVERHEAD_BYTES];
    let wrapped = wrapping.wrap_with_padding(target.bytes(), &mut room).map_err(|_| Error::local("AES-KWP failed"))?;
    Ok([encrypt(kek, hash, aes_key.as_ref())?.as_slice(), wrapped].concat())
}

fn transfer_file(kid: &str, enc: &str, blob: &[u8]) -> Result<Vec<u8>> {
    let file = json!({
        "schema_version": "1.0.0",
        "header": { "kid": kid, "alg": "dir", "enc": enc },
        "ciphertext": Base64UrlUnpadded::encode_string(blob),
        "generator": concat!("softkeep ", env!("CARGO_PKG_VERSION")),
    });
    serde_json::to_vec_pretty(&file).map_err(|error| Error::local(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwk_brings_its_identifier() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"kty":"RSA","kid":"https://v.vault.localhost/keys/kek/00"}"#).unwrap();
        assert_eq!(kid_of_jwk(file.path()).unwrap().as_deref(), Some("https://v.vault.localhost/keys/kek/00"));
        std::fs::write(file.path(), "-----BEGIN PUBLIC KEY-----").unwrap();
        assert_eq!(kid_of_jwk(file.path()).unwrap(), None);
    }

    #[test]
    fn each_service_has_its_names_and_no_others() {
        let name = |service, hash, direct| algorithm(service, hash, direct, 4096).ok();
        assert_eq!(name(Service::Azure, Hash::Sha1, false).as_deref(), Some("CKM_RSA_AES_KEY_WRAP"));
        assert_eq!(name(Service::Azure, Hash::Sha256, false), None);
        assert_eq!(name(Service::Azure, Hash::Sha1, true), None);
        assert_eq!(name(Service::Softkeep, Hash::Sha384, false).as_deref(), Some("RSA_AES_KEY_WRAP_384"));
        assert_eq!(name(Service::Aws, Hash::Sha256, true).as_deref(), Some("RSAES_OAEP_SHA_256"));
        assert_eq!(name(Service::Aws, Hash::Sha384, false), None);
        assert_eq!(name(Service::Gcp, Hash::Sha1, false).as_deref(), Some("rsa-oaep-4096-sha1-aes-256"));
        assert_eq!(name(Service::Gcp, Hash::Sha1, true), None);
        assert_eq!(name(Service::Openbao, Hash::Sha512, false).as_deref(), Some("SHA512"));
        assert!(algorithm(Service::Gcp, Hash::Sha256, false, 2048).is_err());
    }
}
