//! What sign and verify take: a digest, or a file to hash here; and writing files that must not exist yet.

#[cfg(test)]
mod tests;

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use sha2::{Digest, Sha256, Sha384, Sha512};
use softkeep_proto::{
    algorithm::{Hash, JOSE_SIGNATURES, JoseSignature, jose_signature},
    error::ErrorCode,
};

use crate::{
    encoding,
    error::{Error, Result},
};

/// How a signature is written. RSA has one form only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SignatureFormat {
    /// As Key Vault has it: r‖s for EC.
    #[default]
    Raw,
    /// As OpenSSL has it: ECDSA-Sig-Value for EC.
    Der,
}

/// What is signed.
#[derive(clap::Args)]
#[group(id = "message", required = true, multiple = false)]
pub struct Message {
    /// The digest, in base64 or base64url
    #[arg(long, value_name = "BASE64")]
    digest: Option<String>,
    /// A file to hash here; - is standard input
    #[arg(long = "in", value_name = "FILE")]
    input: Option<PathBuf>,
}

impl Message {
    /// The digest.
    pub fn digest(&self, algorithm: &str) -> Result<Vec<u8>> {
        let row = row(algorithm)?;
        match (&self.digest, &self.input) {
            (Some(text), _) => {
                let digest = encoding::from_base64("--digest", text)?;
                if digest.len() != row.hash.len() {
                    let message = format!("--digest has {} bytes, {} takes {}", digest.len(), row.name, row.hash.len());
                    return Err(Error::coded(ErrorCode::InvalidLength, message));
                }
                Ok(digest.to_vec())
            }
            (None, Some(path)) if path.as_os_str() == "-" => hash(row.hash, io::stdin().lock(), "standard input"),
            (None, path) => {
                let path = path.as_deref().unwrap_or(Path::new(""));
                let file = File::open(path)
                    .map_err(|error| Error::io(format!("--in: cannot read {}", path.display()), &error))?;
                hash(row.hash, file, &path.display().to_string())
            }
        }
    }
}

/// The row of an algorithm, whatever its case.
pub fn row(algorithm: &str) -> Result<&'static JoseSignature> {
    jose_signature(&algorithm.to_ascii_uppercase()).ok_or_else(|| {
        let names = JOSE_SIGNATURES.iter().map(|row| row.name).collect::<Vec<_>>().join(", ");
        Error::usage(format!("no signature algorithm '{algorithm}'")).fix(format!("one of {names}"))
    })
}

fn hash(hash: Hash, source: impl Read, name: &str) -> Result<Vec<u8>> {
    match hash {
        Hash::Sha256 => hash_with::<Sha256>(source, name),
        Hash::Sha384 => hash_with::<Sha384>(source, name),
        Hash::Sha512 => hash_with::<Sha512>(source, name),
        Hash::Sha1
        | Hash::Sha224
        | Hash::Sha512_224
        | Hash::Sha512_256
        | Hash::Sha3_224
        | Hash::Sha3_256
        | Hash::Sha3_384
        | Hash::Sha3_512 => Err(Error::usage("no signature algorithm here uses this hash")),
    }
}

fn hash_with<D: Digest>(mut source: impl Read, name: &str) -> Result<Vec<u8>> {
    let mut state = D::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = source.read(&mut buffer).map_err(|error| Error::io(format!("cannot read {name}"), &error))?;
        if count == 0 {
            return Ok(state.finalize().to_vec());
        }
        state.update(buffer.get(..count).unwrap_or_default());
    }
}

/// Writes a file that must not exist, as az does.
pub fn write_new(flag: &str, path: &Path, bytes: &[u8]) -> Result<()> {
    let failed = |error: &io::Error| Error::io(format!("{flag}: cannot write {}", path.display()), error);
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(bytes).map_err(|error| failed(&error)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::local(format!("{flag}: {} exists", path.display())).fix("choose another name, or remove it"))
        }
        Err(error) => Err(failed(&error)),
    }
}

/// Writes a file, replacing one that exists.
pub fn write(flag: &str, path: &Path, bytes: &[u8]) -> Result<()> {
    std::fs::write(path, bytes).map_err(|error| Error::io(format!("{flag}: cannot write {}", path.display()), &error))
}
