//! Slots and tokens as the module remembers them: one for each vault, numbered by the daemon. Asking the daemon is
//! `calls::slot`'s; what may be done in a vault is the daemon's.

use std::time::{Duration, Instant};

use bytes::Bytes;
use cryptoki_sys as ck;
use softkeep_proto::{limits::MAX_PIN_BYTES, pkcs11::v1::TokenInfo};

use crate::error::{Error, Result};

/// How old the list may be: a vault made or a PIN locked elsewhere shows within this time, while hosts that poll
/// C_GetTokenInfo (NSS does, on its main thread) cost a call a second and no more.
const MAX_AGE: Duration = Duration::from_secs(1);

/// The slots, as last told.
#[derive(Default)]
pub struct SlotTable {
    tokens: Vec<TokenInfo>,
    /// None until the daemon has answered once: then a failure to refresh keeps what is known.
    known: bool,
    checked: Option<Instant>,
}

/// What a session needs to know of its slot.
#[derive(Clone)]
pub struct SlotRef {
    /// CK_SLOT_ID.
    pub slot_id: u64,
    /// The vault's 16 bytes.
    pub vault_id: Bytes,
}

impl SlotTable {
    /// Whether the daemon should be asked.
    pub fn is_stale(&self) -> bool {
        self.checked.is_none_or(|checked| checked.elapsed() >= MAX_AGE)
    }

    /// Whether the daemon has ever answered.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// The daemon's answer.
    pub fn store(&mut self, mut tokens: Vec<TokenInfo>) {
        tokens.sort_by_key(|token| token.slot_id);
        *self = Self { tokens, known: true, checked: Some(Instant::now()) };
    }

    /// The daemon did not answer: what is known stays, and nobody asks again for a moment.
    pub fn keep(&mut self) {
        self.checked = Some(Instant::now());
    }

    /// The next look asks again (a PIN was tried or set).
    pub fn forget_age(&mut self) {
        self.checked = None;
    }

    /// Each vault and the revision it had.
    pub fn revisions(&self) -> Vec<(Bytes, u64)> {
        self.tokens.iter().map(|token| (token.vault_id.clone(), token.revision)).collect()
    }

    /// Every slot id, in the daemon's order.
    pub fn ids(&self) -> Vec<u64> {
        self.tokens.iter().map(|token| token.slot_id).collect()
    }

    /// One slot's token.
    pub fn token(&self, slot_id: u64) -> Result<&TokenInfo> {
        self.tokens.iter().find(|token| token.slot_id == slot_id).ok_or(Error::SlotIdInvalid)
    }

    /// One slot, for a session.
    pub fn slot(&self, slot_id: u64) -> Result<SlotRef> {
        Ok(SlotRef { slot_id, vault_id: self.token(slot_id)?.vault_id.clone() })
    }
}

/// Text in a fixed field: blanks after it, never a NUL (PKCS#11 3.2 section 3.1).
pub fn padded<const N: usize>(text: &str) -> [u8; N] {
    let mut field = [b' '; N];
    // Whole characters only: half of one would not be UTF-8.
    let end = (0..=text.len().min(N)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    for (to, from) in field.iter_mut().zip(text.as_bytes().iter().take(end)) {
        *to = *from;
    }
    field
}

/// This crate's version, which the module shows as firmware and library version.
pub fn version() -> ck::CK_VERSION {
    let part = |text: &str| text.parse().unwrap_or(0);
    ck::CK_VERSION { major: part(env!("CARGO_PKG_VERSION_MAJOR")), minor: part(env!("CARGO_PKG_VERSION_MINOR")) }
}

/// CK_SLOT_INFO (PKCS#11 3.2 section 3.2).
pub fn slot_info(token: &TokenInfo) -> ck::CK_SLOT_INFO {
    ck::CK_SLOT_INFO {
        slotDescription: padded(&format!("Softkeep vault {}", token.label)),
        manufacturerID: padded("Softkeep"),
        flags: ck::CKF_TOKEN_PRESENT,
        hardwareVersion: ck::CK_VERSION { major: 0, minor: 0 },
        firmwareVersion: version(),
    }
}

/// CK_TOKEN_INFO (PKCS#11 3.2 section 3.2). `sessions` is all of them and the read/write ones.
pub fn token_info(token: &TokenInfo, sessions: (u64, u64)) -> ck::CK_TOKEN_INFO {
    let states = [
        (true, ck::CKF_RNG | ck::CKF_LOGIN_REQUIRED | ck::CKF_TOKEN_INITIALIZED),
        (token.user_pin_set, ck::CKF_USER_PIN_INITIALIZED),
        (token.user_pin_count_low, ck::CKF_USER_PIN_COUNT_LOW),
        (token.user_pin_locked, ck::CKF_USER_PIN_LOCKED),
        (token.so_pin_locked, ck::CKF_SO_PIN_LOCKED),
    ];
    ck::CK_TOKEN_INFO {
        label: padded(&token.label),
        manufacturerID: padded("Softkeep"),
        model: padded("Softkeep"),
        serialNumber: padded(&token.serial),
        flags: states.into_iter().filter(|(on, _)| *on).fold(0, |flags, (_, flag)| flags | flag),
        ulMaxSessionCount: ck::CK_EFFECTIVELY_INFINITE,
        ulSessionCount: sessions.0,
        ulMaxRwSessionCount: ck::CK_EFFECTIVELY_INFINITE,
        ulRwSessionCount: sessions.1,
        ulMaxPinLen: MAX_PIN_BYTES as u64,
        ulMinPinLen: u64::from(token.min_pin_len),
        ulTotalPublicMemory: ck::CK_UNAVAILABLE_INFORMATION,
        ulFreePublicMemory: ck::CK_UNAVAILABLE_INFORMATION,
        ulTotalPrivateMemory: ck::CK_UNAVAILABLE_INFORMATION,
        ulFreePrivateMemory: ck::CK_UNAVAILABLE_INFORMATION,
        hardwareVersion: ck::CK_VERSION { major: 0, minor: 0 },
        firmwareVersion: version(),
        utcTime: padded(""),
    }
}
