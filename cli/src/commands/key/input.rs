//! What sign and verify take: a digest, or a file to hash here.

#[cfg(test)]
mod tests;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use sha2::{Digest, Sha256, Sha384, Sha512};
use softkeep_proto::{
    algorithm::{Hash, JOSE_SIGNATURES},
    error::ErrorCode,
};

use crate::{
    encoding,
    error::{Error, Result},
    files,
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
    /// The digest, in base64 or base64url (EdDSA: the message itself)
    #[arg(long, value_name = "BASE64")]
    digest: Option<String>,
    /// A file to hash here; - is standard input
    #[arg(long = "in", value_name = "FILE")]
    input: Option<PathBuf>,
}

impl Message {
    /// What the algorithm signs: the digest, or for some the message itself.
    pub fn digest(&self, algorithm: &Algorithm) -> Result<Vec<u8>> {
        let Some(text) = &self.digest else {
            let path = self.input.as_deref().unwrap_or(Path::new(""));
            return match algorithm.takes {
                Takes::Digest(hash) => digest_of(hash, path),
                Takes::Message => Ok(files::read("--in", path)?.to_vec()),
                Takes::Padding => Err(Error::usage(format!("{} signs no file", algorithm.name)).fix("--digest BASE64")),
            };
        };
        let digest = encoding::from_base64("--digest", text)?;
        if let Takes::Digest(hash) = algorithm.takes
            && digest.len() != hash.len()
        {
            let message = format!("--digest has {} bytes, {} takes {}", digest.len(), algorithm.name, hash.len());
            return Err(Error::coded(ErrorCode::InvalidLength, message));
        }
        Ok(digest.to_vec())
    }
}

/// What goes into a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// The digest of the message.
    Digest(Hash),
    /// The message: of EdDSA (RFC 8037), and of a MAC (RFC 7518 section 3.2).
    Message,
    /// The bytes that are padded, whatever they are.
    Padding,
}

/// A signature algorithm.
#[derive(Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// As JWA has it.
    pub name: &'static str,
    takes: Takes,
}

/// The algorithms that do not take a digest.
const OTHERS: [Algorithm; 5] = [
    Algorithm { name: "HS256", takes: Takes::Message },
    Algorithm { name: "HS384", takes: Takes::Message },
    Algorithm { name: "HS512", takes: Takes::Message },
    Algorithm { name: "EdDSA", takes: Takes::Message },
    Algorithm { name: "RSNULL", takes: Takes::Padding },
];

/// The algorithm of a name, whatever its case.
pub fn algorithm(given: &str) -> Result<Algorithm> {
    let rows = JOSE_SIGNATURES.iter().map(|row| Algorithm { name: row.name, takes: Takes::Digest(row.hash) });
    OTHERS.into_iter().chain(rows).find(|known| known.name.eq_ignore_ascii_case(given)).ok_or_else(|| {
        let names: Vec<&str> = JOSE_SIGNATURES.iter().map(|row| row.name).collect();
        Error::usage(format!("no signature algorithm '{given}'")).fix(format!("one of {}", names.join(", ")))
    })
}

fn digest_of(algorithm: Hash, path: &Path) -> Result<Vec<u8>> {
    if path.as_os_str() == "-" {
        return hash(algorithm, io::stdin().lock(), "standard input");
    }
    let file = File::open(path).map_err(|error| Error::io(format!("--in: cannot read {}", path.display()), &error))?;
    hash(algorithm, file, &path.display().to_string())
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
