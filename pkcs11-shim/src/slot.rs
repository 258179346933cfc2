//! Slots and tokens as the module remembers them: one for each vault, numbered by the daemon. Asking the daemon is
//! `calls::slot`'s; what may be done in a vault is the daemon's.
//!
//! Until a daemon has answered, the list is empty: OpenSSL's engine asks again after an empty one, and never looks twice
//! at a slot without a token. Each number asked for is such a slot, though: Java waits for the token of one it was given.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

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
    /// The last look got no list.
    failed: bool,
    /// The first look got no list: slots without a token have been shown, and CKF_REMOVABLE_DEVICE must never change.
    awaited: bool,
    /// What a call that asked for the count has counted, until the list is asked for.
    counted: Option<Vec<u64>>,
    /// Where a token has appeared or gone since C_WaitForSlotEvent last told.
    events: BTreeSet<u64>,
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

    /// Whether the last look got no list.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// The daemon's answer. The first one is no event, unless slots without a token were shown before it.
    pub fn store(&mut self, mut tokens: Vec<TokenInfo>) {
        tokens.sort_by_key(|token| token.slot_id);
        if self.known || self.awaited {
            let (before, after) = (by_slot(&self.tokens), by_slot(&tokens));
            let slots: BTreeSet<u64> = before.keys().chain(after.keys()).copied().collect();
            self.events.extend(slots.into_iter().filter(|slot| before.get(slot) != after.get(slot)));
        }
        self.tokens = tokens;
        (self.known, self.failed, self.checked) = (true, false, Some(Instant::now()));
    }

    /// The daemon gave no list: what is known stays, and nobody asks again for a moment.
    pub fn keep(&mut self) {
        self.awaited |= !self.known;
        (self.failed, self.checked) = (true, Some(Instant::now()));
    }

    /// The next look asks again (a PIN was tried or set).
    pub fn forget_age(&mut self) {
        self.checked = None;
    }

    /// Each vault and the revision it had.
    pub fn revisions(&self) -> Vec<(Bytes, u64)> {
        self.tokens.iter().map(|token| (token.vault_id.clone(), token.revision)).collect()
    }

    /// Whether slots have been counted for a list to come.
    pub fn is_counted(&self) -> bool {
        self.counted.is_some()
    }

    /// The slots, in the daemon's order; perhaps only those with a token. The list that follows a count is the one that
    /// was counted, so that it fits.
    pub fn list(&mut self, only_present: bool, count: bool) -> Vec<u64> {
        let now = self.tokens.iter().map(|token| token.slot_id).collect();
        let counted = self.counted.take().filter(|_| !count);
        let mut ids = counted.unwrap_or(now);
        if count {
            self.counted = Some(ids.clone());
        }
        ids.retain(|id| !only_present || self.find(*id).is_some());
        ids
    }

    fn find(&self, slot_id: u64) -> Option<&TokenInfo> {
        self.tokens.iter().find(|token| token.slot_id == slot_id)
    }

    /// One slot's token. The numbers are the daemon's: before its first answer none can be called wrong.
    pub fn token(&self, slot_id: u64) -> Result<&TokenInfo> {
        let missing = if self.known { Error::SlotIdInvalid } else { Error::TokenNotPresent };
        self.find(slot_id).ok_or(missing)
    }

    /// One slot, for a session.
    pub fn slot(&self, slot_id: u64) -> Result<SlotRef> {
        Ok(SlotRef { slot_id, vault_id: self.token(slot_id)?.vault_id.clone() })
    }

    /// CK_SLOT_INFO (PKCS#11 3.2 section 3.2).
    pub fn slot_info(&self, slot_id: u64) -> Result<ck::CK_SLOT_INFO> {
        let token = match self.token(slot_id) {
            Err(Error::TokenNotPresent) => None,
            token => Some(token?),
        };
        // A slot that is not removable always has a token (section 3.2), so these two go together.
        let removable = if self.awaited { ck::CKF_REMOVABLE_DEVICE } else { 0 };
        let present = if token.is_some() { ck::CKF_TOKEN_PRESENT } else { 0 };
        let label = token.map_or("", |token| &token.label);
        Ok(ck::CK_SLOT_INFO {
            slotDescription: padded(format!("Softkeep vault {label}").trim_end()),
            manufacturerID: padded("Softkeep"),
            flags: present | removable,
            hardwareVersion: ck::CK_VERSION { major: 0, minor: 0 },
            firmwareVersion: version(),
        })
    }

    /// A slot whose token has appeared or gone; it is told once (PKCS#11 3.2 section 5.5.4).
    pub fn take_event(&mut self) -> Option<u64> {
        self.events.pop_first()
    }
}

/// Which vault is in which slot. That the free slot has moved on is no event.
fn by_slot(tokens: &[TokenInfo]) -> BTreeMap<u64, Bytes> {
    let vaults = tokens.iter().filter(|token| !token.vault_id.is_empty());
    vaults.map(|token| (token.slot_id, token.vault_id.clone())).collect()
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

/// CK_TOKEN_INFO (PKCS#11 3.2 section 3.2). `sessions` is all of them and the read/write ones.
pub fn token_info(token: &TokenInfo, sessions: (u64, u64)) -> ck::CK_TOKEN_INFO {
    let states = [
        (true, ck::CKF_RNG | ck::CKF_LOGIN_REQUIRED),
        // A slot without a vault is the one where C_InitToken makes one.
        (!token.vault_id.is_empty(), ck::CKF_TOKEN_INITIALIZED),
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
