//! One object of a SoftHSM2 token, in the clear, and what it becomes.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use softkeep_proto::pkcs11::v1::{self as wire, Attribute};
use zeroize::Zeroizing;

use super::{
    attributes::{
        APPLICATION, CERTIFICATE, CLASS, DATA, EC_POINT, ID, KEPT, KEY_TYPE, KEY_TYPES, LABEL, LEFT_BEHIND, MODULUS,
        PRIVATE, PRIVATE_KEY, PUBLIC_KEY, PUBLIC_KEY_INFO, SECRET_KEY, VALUE,
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
                    *bytes = key.decrypt(bytes).ok_or_else(|| Error::local("the object cannot be decrypted: it is damaged"))?;
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
            Some(Stored::Number(number)) if matches!(self.class, PUBLIC_KEY | PRIVATE_KEY | SECRET_KEY) => Some(*number),
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

    /// Whether an object that was found so is this one. `all` are those of the token: a private key on a curve does not say which public
    /// key it belongs to, but the one with the same id does.
    pub fn is(&self, found: &wire::Object, all: &[Object]) -> bool {
        let other = |kind: u64| {
            let found = found.attributes.iter().find(|attribute| attribute.r#type == kind);
            found.map_or(&[][..], |attribute| &attribute.value)
        };
        let same_label = || other(LABEL) == self.bytes(LABEL);
        match self.class {
            CERTIFICATE => other(VALUE) == self.bytes(VALUE),
            PUBLIC_KEY | PRIVATE_KEY if !self.bytes(MODULUS).is_empty() => other(MODULUS) == self.bytes(MODULUS),
            PUBLIC_KEY | PRIVATE_KEY => match self.point(all) {
                Some(point) => other(EC_POINT).ends_with(&point) || other(PUBLIC_KEY_INFO).ends_with(&point),
                None => same_label(),
            },
            _ => same_label(),
        }
    }

    fn point(&self, all: &[Object]) -> Option<Vec<u8>> {
        let public = |other: &&Object| {
            other.class == PUBLIC_KEY && other.key_type() == self.key_type() && other.bytes(ID) == self.bytes(ID)
        };
        let der = if self.class == PUBLIC_KEY { self } else { all.iter().find(public)? }.bytes(EC_POINT);
        // An OCTET STRING around the point: tag, length in one byte or two.
        let bare = match der {
            [4, 0x81, len, point @ ..] if point.len() == usize::from(*len) => point,
            [4, len, point @ ..] if point.len() == usize::from(*len) => point,
            whole => whole,
        };
        (!bare.is_empty()).then(|| bare.to_vec())
    }
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
