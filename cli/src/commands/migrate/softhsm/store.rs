//! SoftHSM2's file store: a folder a token, a file an object. A file has 8 bytes that count its changes, then attributes: type and form as
//! 8-byte numbers, big-endian, then the value. The private objects' byte strings are encrypted by AES-256-CBC, the initial vector before
//! them, under the token's key, which is kept encrypted under a key from the PIN.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use aws_lc_rs::{
    cipher::{AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey},
    iv::FixedLength,
};
use sha2::{Digest, Sha256};
use softkeep_proto::error::ErrorCode;
use zeroize::Zeroizing;

use super::attributes::{TOKEN_LABEL, TOKEN_SERIAL, TOKEN_USER_PIN};
use crate::{
    error::{Error, Result},
    files,
};

const FLAG: &str = "--tokendir";

/// What stands before the token's key, so that a wrong PIN shows.
const MAGIC: &[u8] = b"RJR";
/// Before the encrypted token's key.
const SALT_BYTES: usize = 8;
/// AES's block.
const IV_BYTES: usize = 16;
/// The hash is repeated so often, and as often again as the salt's last byte says.
const MIN_ROUNDS: u32 = 1500;

/// An attribute's value as it is stored.
#[derive(Clone)]
pub enum Stored {
    Flag(bool),
    Number(u64),
    Bytes(Zeroizing<Vec<u8>>),
    /// A rule about other keys' templates, of so many bytes.
    Rule(usize),
    Mechanisms(Vec<u64>),
}

/// An object's attributes.
pub type Attributes = BTreeMap<u64, Stored>;

/// A token's folder.
pub struct Token {
    pub label: String,
    pub serial: String,
    folder: PathBuf,
    /// The token's key, under the user PIN.
    wrapped_key: Vec<u8>,
}

/// The key of a token's private objects.
pub struct TokenKey(Zeroizing<[u8; 32]>);

/// The only token, or the one of that label.
pub fn find_token(tokendir: &Path, label: Option<&str>) -> Result<Token> {
    let unreadable = |error| Error::io(format!("{FLAG}: cannot read {}", tokendir.display()), &error);
    let mut tokens = Vec::new();
    for entry in fs::read_dir(tokendir).map_err(unreadable)? {
        let folder = entry.map_err(unreadable)?.path();
        if folder.join("sqlite3.db").is_file() {
            return Err(Error::local(format!(
                "{FLAG}: {} is a token of SoftHSM2's database backend",
                folder.display()
            ))
            .fix("only objectstore.backend = file is read; copy the objects into such a token first"));
        }
        let file = folder.join("token.object");
        if file.is_file() {
            tokens.push(Token::read(folder, &parse(&files::read(FLAG, &file)?)?)?);
        }
    }
    let labels: Vec<String> = tokens.iter().map(|token| format!("'{}'", token.label)).collect();
    let mut fitting: Vec<Token> =
        tokens.into_iter().filter(|token| label.is_none_or(|label| token.label == label)).collect();
    match (fitting.pop(), fitting.is_empty()) {
        (Some(token), true) => Ok(token),
        (Some(_), false) if label.is_none() => {
            Err(Error::usage(format!("{FLAG} has several tokens: {}", labels.join(", "))).fix("--token LABEL"))
        }
        (Some(token), false) => Err(Error::local(format!("{FLAG} has several tokens '{}'", token.label))
            .fix("copy the folder of the one that is meant into a folder of its own")),
        (None, _) if labels.is_empty() => Err(Error::local(format!("{FLAG}: {} has no token", tokendir.display()))
            .fix("it is directories.tokendir of softhsm2.conf, often /var/lib/softhsm/tokens")),
        (None, _) => {
            Err(Error::local(format!("{FLAG} has no such token, but {}", labels.join(", "))).fix("--token LABEL"))
        }
    }
}

impl Token {
    fn read(folder: PathBuf, attributes: &Attributes) -> Result<Self> {
        let bytes = |kind: u64| match attributes.get(&kind) {
            Some(Stored::Bytes(bytes)) => Some(bytes.to_vec()),
            _ => None,
        };
        let text = |kind| bytes(kind).map(|bytes| String::from_utf8_lossy(&bytes).trim_end().to_owned());
        let (Some(label), Some(serial)) = (text(TOKEN_LABEL), text(TOKEN_SERIAL)) else {
            return Err(damaged(&folder.join("token.object")));
        };
        Ok(Self { label, serial, folder, wrapped_key: bytes(TOKEN_USER_PIN).unwrap_or_default() })
    }

    /// The key of the private objects.
    pub fn unlock(&self, pin: &[u8]) -> Result<TokenKey> {
        let unset = || Error::coded(ErrorCode::PinNotSet, format!("the token '{}' has no user PIN", self.label));
        let (salt, encrypted) = self.wrapped_key.split_at_checked(SALT_BYTES).ok_or_else(unset)?;
        let rounds = MIN_ROUNDS + u32::from(salt.last().copied().unwrap_or_default());
        let mut key = Zeroizing::new([0; 32]);
        key.copy_from_slice(&Sha256::new().chain_update(salt).chain_update(pin).finalize());
        for _ in 1..rounds {
            let next = Zeroizing::new(<[u8; 32]>::from(Sha256::digest(key.as_ref())));
            key.copy_from_slice(next.as_ref());
        }
        let opened = TokenKey(key).decrypt(encrypted);
        let found = opened
            .as_ref()
            .and_then(|opened| opened.strip_prefix(MAGIC))
            .and_then(|key| <[u8; 32]>::try_from(key).ok());
        found.map(|key| TokenKey(Zeroizing::new(key))).ok_or_else(|| {
            Error::coded(ErrorCode::PinIncorrect, format!("this is not the user PIN of the token '{}'", self.label))
        })
    }

    /// Its objects, by the names of their files; an error for one that cannot be read.
    pub fn objects(&self) -> Result<Vec<(String, Result<Attributes>)>> {
        let unreadable = |error| Error::io(format!("{FLAG}: cannot read {}", self.folder.display()), &error);
        let mut objects = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if !name.ends_with(".object") || name == "token.object" {
                continue;
            }
            let read = files::read(FLAG, &path).and_then(|content| parse(&content).map_err(|_| damaged(&path)));
            objects.push((name, read));
        }
        objects.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(objects)
    }
}

impl TokenKey {
    /// Opens a private object's byte string.
    pub fn decrypt(&self, encrypted: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (iv, ciphertext) = encrypted.split_first_chunk::<IV_BYTES>()?;
        let key = UnboundCipherKey::new(&AES_256, self.0.as_ref()).ok()?;
        let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).ok()?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let opened = key.decrypt(&mut buffer, DecryptionContext::Iv128(FixedLength::from(*iv))).ok()?;
        Some(Zeroizing::new(opened.to_vec()))
    }
}

fn damaged(path: &Path) -> Error {
    Error::local(format!("{} is no object of SoftHSM2, or is damaged", path.display()))
}

/// Reads a file's attributes.
fn parse(content: &[u8]) -> Result<Attributes> {
    let broken = || Error::local("the file is no object of SoftHSM2, or is damaged");
    let mut reader = Reader(content);
    reader.number().ok_or_else(broken)?;
    let mut attributes = Attributes::new();
    while !reader.0.is_empty() {
        let (kind, value) = reader.attribute().ok_or_else(broken)?;
        attributes.insert(kind, value);
    }
    Ok(attributes)
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        let (number, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(u64::from_be_bytes(*number))
    }

    fn bytes(&mut self, len: u64) -> Option<&[u8]> {
        let (bytes, rest) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = rest;
        Some(bytes)
    }

    fn attribute(&mut self) -> Option<(u64, Stored)> {
        let (kind, form) = (self.number()?, self.number()?);
        let value = match form {
            1 => Stored::Flag(*self.bytes(1)?.first()? != 0),
            2 => Stored::Number(self.number()?),
            3 => {
                let len = self.number()?;
                Stored::Bytes(Zeroizing::new(self.bytes(len)?.to_vec()))
            }
            4 => {
                let len = self.number()?;
                Stored::Rule(self.bytes(len)?.len())
            }
            5 => {
                let len = self.number()?.checked_mul(8)?;
                let numbers = self.bytes(len)?;
                let number = |bytes: &[u8]| bytes.try_into().ok().map(u64::from_be_bytes);
                Stored::Mechanisms(numbers.chunks(8).filter_map(number).collect())
            }
            _ => return None,
        };
        Some((kind, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_is_read_and_a_cut_one_is_refused() {
        let mut file = 7_u64.to_be_bytes().to_vec();
        for (kind, form, value) in [
            (0x2_u64, 1_u64, vec![0xff]),
            (0x0, 2, 3_u64.to_be_bytes().to_vec()),
            (0x3, 3, [&2_u64.to_be_bytes()[..], b"ab"].concat()),
            (0x4000_0211, 4, 0_u64.to_be_bytes().to_vec()),
            (0x4000_0600, 5, [1_u64.to_be_bytes(), 0x1041_u64.to_be_bytes()].concat()),
        ] {
            file.extend([kind.to_be_bytes(), form.to_be_bytes()].concat());
            file.extend(value);
        }
        let read = parse(&file).unwrap();
        assert_eq!(read.len(), 5);
        assert!(matches!(&read[&0x3], Stored::Bytes(bytes) if **bytes == b"ab"));
        assert!(matches!(&read[&0x4000_0600], Stored::Mechanisms(list) if *list == [0x1041]));
        let mut whole = 0;
        for len in 0..file.len() {
            whole += usize::from(parse(&file[..len]).is_ok());
        }
        // After the counter and after each attribute but the last.
        assert_eq!(whole, 5);
    }
}
