//! The operations of a key as a set of bits.

use softkeep_proto::algorithm::{KeyOperation, KeyType};

/// The operations of a key: Key Vault's `key_ops`, and what only PKCS#11 has.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Ops(pub u32);

impl Ops {
    /// None.
    pub const NONE: Ops = Ops(0);
    /// CKA_SIGN.
    pub const SIGN: Ops = Ops::of(KeyOperation::Sign);
    /// CKA_VERIFY.
    pub const VERIFY: Ops = Ops::of(KeyOperation::Verify);
    /// CKA_ENCRYPT.
    pub const ENCRYPT: Ops = Ops::of(KeyOperation::Encrypt);
    /// CKA_DECRYPT.
    pub const DECRYPT: Ops = Ops::of(KeyOperation::Decrypt);
    /// Key Vault's `wrapKey`, and CKA_WRAP of an RSA public key.
    pub const WRAP_KEY: Ops = Ops::of(KeyOperation::WrapKey);
    /// Key Vault's `unwrapKey`, which returns plaintext: as good as decrypting, and never CKA_UNWRAP.
    pub const UNWRAP_KEY: Ops = Ops::of(KeyOperation::UnwrapKey);
    /// CKA_UNWRAP: makes an object, never gives plaintext, so it is not Key Vault's `unwrapKey`.
    pub const UNWRAP_OBJECT: Ops = Ops(1 << 16);
    /// CKA_DERIVE.
    pub const DERIVE: Ops = Ops(1 << 17);
    /// CKA_SIGN_RECOVER.
    pub const SIGN_RECOVER: Ops = Ops(1 << 18);
    /// CKA_VERIFY_RECOVER.
    pub const VERIFY_RECOVER: Ops = Ops(1 << 19);
    /// CKA_ENCAPSULATE.
    pub const ENCAPSULATE: Ops = Ops(1 << 20);
    /// CKA_DECAPSULATE.
    pub const DECAPSULATE: Ops = Ops(1 << 21);
    /// CKA_WRAP of any key but an RSA public key.
    pub const WRAP_OBJECT: Ops = Ops(1 << 22);

    /// What the private half of a pair does.
    pub const PRIVATE_HALF: Ops = Ops::SIGN
        .and(Ops::DECRYPT)
        .and(Ops::UNWRAP_KEY)
        .and(Ops::UNWRAP_OBJECT)
        .and(Ops::DERIVE)
        .and(Ops::SIGN_RECOVER)
        .and(Ops::DECAPSULATE);
    /// What the public half of a pair does.
    pub const PUBLIC_HALF: Ops = Ops::VERIFY
        .and(Ops::ENCRYPT)
        .and(Ops::WRAP_KEY)
        .and(Ops::WRAP_OBJECT)
        .and(Ops::VERIFY_RECOVER)
        .and(Ops::ENCAPSULATE);

    /// What CKA_ALWAYS_AUTHENTICATE asks the PIN for (PKCS#11 3.2 section 4.9). Key Vault's `unwrapKey` decrypts.
    pub const NEEDS_PIN: Ops = Ops::SIGN.and(Ops::DECRYPT).and(Ops::SIGN_RECOVER).and(Ops::UNWRAP_KEY);

    /// The bit of one Key Vault operation.
    pub const fn of(operation: KeyOperation) -> Ops {
        Ops(match operation {
            KeyOperation::Sign => 1,
            KeyOperation::Verify => 1 << 1,
            KeyOperation::Encrypt => 1 << 2,
            KeyOperation::Decrypt => 1 << 3,
            KeyOperation::WrapKey => 1 << 4,
            KeyOperation::UnwrapKey => 1 << 5,
            KeyOperation::Import => 1 << 6,
        })
    }

    /// All of some operations.
    pub fn all(operations: &[KeyOperation]) -> Ops {
        Ops(operations.iter().fold(0, |bits, operation| bits | Self::of(*operation).0))
    }

    /// The bit of CKA_WRAP for a key of this type: RSA shares it with Key Vault.
    pub const fn wrap(key_type: KeyType) -> Ops {
        if let KeyType::Rsa(_) = key_type { Ops::WRAP_KEY } else { Ops::WRAP_OBJECT }
    }

    /// Both sets.
    #[must_use]
    pub const fn and(self, other: Ops) -> Ops {
        Ops(self.0 | other.0)
    }

    /// What is in both sets.
    #[must_use]
    pub const fn only(self, other: Ops) -> Ops {
        Ops(self.0 & other.0)
    }

    /// Whether every bit of `other` is in here.
    pub const fn contains(self, other: Ops) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any bit of `other` is in here.
    pub const fn has_any(self, other: Ops) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is nothing in here.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// This set with or without another.
    #[must_use]
    pub const fn with(self, other: Ops, on: bool) -> Ops {
        Ops(if on { self.0 | other.0 } else { self.0 & !other.0 })
    }

    /// The Key Vault names, in Key Vault's order.
    pub fn names(self) -> Vec<String> {
        let present = KeyOperation::ALL.into_iter().filter(|operation| self.contains(Self::of(*operation)));
        present.map(|operation| operation.name().to_owned()).collect()
    }

    /// The names for a message, Key Vault's and PKCS#11's.
    pub fn words(self) -> String {
        let mut words = self.names();
        for (bit, word) in [
            (Ops::UNWRAP_OBJECT, "unwrapObject"),
            (Ops::DERIVE, "derive"),
            (Ops::SIGN_RECOVER, "signRecover"),
            (Ops::VERIFY_RECOVER, "verifyRecover"),
            (Ops::ENCAPSULATE, "encapsulate"),
            (Ops::DECAPSULATE, "decapsulate"),
            (Ops::WRAP_OBJECT, "wrapObject"),
        ] {
            if self.contains(bit) {
                words.push(word.to_owned());
            }
        }
        words.join(", ")
    }
}
