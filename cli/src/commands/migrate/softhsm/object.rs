//! One object of a SoftHSM2 token, in the clear, and what it becomes.

use aws_lc_rs::{
    agreement,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use softkeep_proto::{
    algorithm::Curve,
    pkcs11::v1::{self as wire, Attribute},
};
use zeroize::Zeroizing;

use super::{
    attributes::{
        APPLICATION, CERTIFICATE, CLASS, DATA, EC_PARAMS, EC_POINT, ID, KEPT, KEY_TYPE, KEY_TYPES, LABEL, LEFT_BEHIND,
        MODULUS, PRIVATE, PRIVATE_KEY, PUBLIC_KEY, PUBLIC_KEY_INFO, SECRET_KEY, VALUE,
    },
    store::{Attributes, Stored, TokenKey},
};
use crate::error::{Error, Result};

/// An object.
pub struct Object {
    file: String,
    class: u64,
    attributes: Attributes,
}

impl Object {
    /// Decrypts what is encrypted.
    pub fn read(file: String, mut attributes: Attributes, key: &TokenKey) -> Result<Self> {
        let Some(Stored::Number(class)) = attributes.get(&CLASS).cloned() else {
            return Err(Error::local("the object has no class"));
        };
        if matches!(attributes.get(&PRIVATE), Some(Stored::Flag(true))) {
            for value in attributes.values_mut() {
                if let Stored::Bytes(bytes) = value
                    && !bytes.is_empty()
                {
                    *bytes = key
                        .decrypt(bytes)
                        .ok_or_else(|| Error::local("the object cannot be decrypted: it is damaged"))?;
                }
            }
        }
        Ok(Self { file, class, attributes })
    }

    /// Private keys first.
    pub fn order(&self) -> u8 {
        match self.class {
            PRIVATE_KEY => 0,
            SECRET_KEY => 1,
            PUBLIC_KEY => 2,
            _ => 3,
        }
    }

    fn bytes(&self, kind: u64) -> &[u8] {
        match self.attributes.get(&kind) {
            Some(Stored::Bytes(bytes)) => bytes,
            _ => &[],
        }
    }

    fn key_type(&self) -> Option<u64> {
        match self.attributes.get(&KEY_TYPE) {
            Some(Stored::Number(number)) if matches!(self.class, PUBLIC_KEY | PRIVATE_KEY | SECRET_KEY) => {
                Some(*number)
            }
            _ => None,
        }
    }

    /// For the report.
    pub fn describe(&self) -> Value {
        let class = match self.class {
            DATA => "data",
            CERTIFICATE => "certificate",
            PUBLIC_KEY => "public key",
            PRIVATE_KEY => "private key",
            SECRET_KEY => "secret key",
            _ => "other",
        };
        let kind = self.key_type().map(|number| match KEY_TYPES.iter().find(|(known, ..)| *known == number) {
            Some((_, name, _)) => (*name).to_owned(),
            None => format!("0x{number:x}"),
        });
        let id: String = self.bytes(ID).iter().map(|byte| format!("{byte:02x}")).collect();
        json!({
            "class": class,
            "file": self.file,
            "id": id,
            "keyType": kind,
            "label": String::from_utf8_lossy(self.bytes(LABEL)),
        })
    }

    /// Why a vault takes no such object.
    pub fn refusal(&self) -> Option<&'static str> {
        let unknown = |number| !KEY_TYPES.iter().any(|(known, _, taken)| *known == number && *taken);
        match self.class {
            DATA | CERTIFICATE => None,
            PUBLIC_KEY | PRIVATE_KEY | SECRET_KEY => {
                self.key_type().is_none_or(unknown).then_some("keys of this type are not taken here")
            }
            _ => Some("objects of this class are not kept here"),
        }
    }

    /// What C_CreateObject is given.
    pub fn template(&self) -> Vec<Attribute> {
        let kept = self.attributes.iter().filter(|(kind, _)| KEPT.contains(kind));
        kept.filter_map(|(kind, value)| Some(attribute(*kind, wire_value(value)?))).collect()
    }

    /// The attributes that stay behind although they say something.
    pub fn left_behind(&self) -> String {
        let says = |kind: &u64| match self.attributes.get(kind) {
            Some(Stored::Flag(on)) => *on,
            Some(Stored::Rule(len)) => *len > 0,
            Some(Stored::Number(_) | Stored::Bytes(_) | Stored::Mechanisms(_)) | None => false,
        };
        let names: Vec<&str> = LEFT_BEHIND.iter().filter(|(kind, _)| says(kind)).map(|(_, name)| *name).collect();
        if names.is_empty() { String::new() } else { format!("without {}", names.join(", ")) }
    }

    /// The same for the same object of the same token, however often.
    pub fn request_id(&self, serial: &str) -> Vec<u8> {
        let hash = Sha256::new().chain_update(b"softkeep migrate softhsm\0").chain_update(serial.as_bytes());
        let hash = hash.chain_update(b"\0").chain_update(self.file.as_bytes()).finalize();
        hash.iter().copied().take(16).collect()
    }

    /// What an object in the vault that may be this one has.
    pub fn search(&self) -> Vec<Attribute> {
        let mut kinds = vec![CLASS];
        match self.class {
            DATA => kinds.extend([LABEL, APPLICATION]),
            CERTIFICATE => kinds.push(ID),
            _ => kinds.extend([KEY_TYPE, ID]),
        }
        let value = |kind: u64| Some(attribute(kind, wire_value(self.attributes.get(&kind)?)?));
        kinds.into_iter().filter_map(value).collect()
    }

    /// Whether an object that was found so is this one.
    pub fn is(&self, found: &wire::Object) -> bool {
        let other = |kind: u64| {
            let found = found.attributes.iter().find(|attribute| attribute.r#type == kind);
            found.map_or(&[][..], |attribute| &attribute.value)
        };
        match (self.class, self.public_part()) {
            (CERTIFICATE, _) => other(VALUE) == self.bytes(VALUE),
            // A modulus is told by both halves; a point is at the end of what tells it.
            (PUBLIC_KEY | PRIVATE_KEY, Some(part)) => {
                other(MODULUS) == part || other(EC_POINT).ends_with(&part) || other(PUBLIC_KEY_INFO).ends_with(&part)
            }
            _ => other(LABEL) == self.bytes(LABEL),
        }
    }

    /// Whether the other one is the public key of this private one.
    pub fn has_public_half(&self, other: &Object) -> bool {
        (self.class, other.class) == (PRIVATE_KEY, PUBLIC_KEY)
            && self.key_type() == other.key_type()
            && self.bytes(ID) == other.bytes(ID)
            && self.public_part().is_none_or(|part| other.public_part() == Some(part))
    }

    /// What tells a key pair from every other one: the modulus, or the point without anything around it. `None` where it cannot be worked
    /// out: then ids and labels tell.
    fn public_part(&self) -> Option<Vec<u8>> {
        let modulus = self.bytes(MODULUS);
        if !modulus.is_empty() {
            return Some(modulus.to_vec());
        }
        if self.class == PRIVATE_KEY {
            return point_of(self.bytes(EC_PARAMS), self.bytes(VALUE));
        }
        // An OCTET STRING around the point: tag, length in one byte or two.
        let bare = match self.bytes(EC_POINT) {
            [4, 0x81, len, point @ ..] if point.len() == usize::from(*len) => point,
            [4, len, point @ ..] if point.len() == usize::from(*len) => point,
            whole => whole,
        };
        (!bare.is_empty()).then(|| bare.to_vec())
    }
}

/// The point of a private value.
fn point_of(params: &[u8], value: &[u8]) -> Option<Vec<u8>> {
    let curve = Curve::ALL.into_iter().find(|curve| curve.oid_der() == params);
    let curve = match curve {
        Some(Curve::P256) => &agreement::ECDH_P256,
        Some(Curve::P384) => &agreement::ECDH_P384,
        Some(Curve::P521) => &agreement::ECDH_P521,
        Some(Curve::P256K) => return None,
        None => {
            let pair = Ed25519KeyPair::from_seed_unchecked(value).ok()?;
            return Some(pair.public_key().as_ref().to_vec());
        }
    };
    let key = agreement::PrivateKey::from_private_key(curve, value).ok()?;
    Some(key.compute_public_key().ok()?.as_ref().to_vec())
}

fn attribute(kind: u64, value: Zeroizing<Vec<u8>>) -> Attribute {
    Attribute { r#type: kind, value: value.to_vec().into() }
}

/// A value as it travels; `None` for what is empty and so says nothing, and for rules.
fn wire_value(value: &Stored) -> Option<Zeroizing<Vec<u8>>> {
    let bytes = match value {
        Stored::Flag(on) => vec![u8::from(*on)].into(),
        Stored::Number(number) => number.to_le_bytes().to_vec().into(),
        Stored::Bytes(bytes) => bytes.clone(),
        Stored::Mechanisms(list) => list.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>().into(),
        Stored::Rule(_) => return None,
    };
    (!bytes.is_empty()).then_some(bytes)
}
