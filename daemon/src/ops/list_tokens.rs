//! Lists the vaults that a program with the module may see as tokens.

use softkeep_proto::limits::MAX_PIN_FAILURES;

use super::{Audited, Operation};
use crate::{
    error::Result,
    id::Id,
    identity::{Caller, Peer, UserType},
    keys::{
        catalog::{Vault, Version},
        record::VaultRecord,
    },
    pins,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, Target},
    workers::Lane,
};

/// All of them, in slot order.
pub struct ListTokens;

/// One token.
pub struct TokenRow {
    /// The vault; `None` for the free slot, which C_InitToken makes one of.
    pub id: Option<Id>,
    /// Its name.
    pub label: String,
    /// Its slot.
    pub slot_id: u64,
    /// Its revision.
    pub revision: u64,
    /// Whether a user PIN is set, and whether this peer is locked out of it.
    pub user_pin: PinState,
    /// The same for the security officer's.
    pub so_pin: PinState,
    /// The shortest PIN it takes.
    pub min_pin_len: usize,
}

/// What a peer should know of a PIN.
#[derive(Clone, Copy)]
pub struct PinState {
    /// There is one.
    pub is_set: bool,
    /// This peer has guessed wrong since it was last right.
    pub count_low: bool,
    /// This peer may not try any more.
    pub locked: bool,
}

impl Operation for ListTokens {
    const NAME: &'static str = "token.list";
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Read;
    type Reply = Vec<TokenRow>;

    fn place(&self) -> Place {
        Place::Daemon
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let view = rooms.keys.catalog.view();
        let caller = grant.caller();
        let seen = view.vaults().into_iter().filter(|vault| rooms.policy.may_see(&view, caller, vault));
        let mut rows: Vec<_> = seen.map(|vault| TokenRow::of(vault, caller)).collect();
        // What a peer may do to vaults is its own right, whatever the program is logged in as.
        let may_make = |peer: &Peer| {
            rooms.policy.allows(&view, &Caller::Peer(peer.clone()), Target::Daemon, Permission::WriteVault)
        };
        if caller.peer().is_some_and(may_make) {
            rows.push(TokenRow::free(rooms.keys.next_slot()));
        }
        Ok(rows)
    }
}

impl TokenRow {
    /// What a caller should know of a vault.
    pub fn of(vault: &Vault, caller: &Caller) -> Self {
        let peer = caller.peer().map(Peer::name).unwrap_or_default();
        let state = |kind: UserType, is_set: bool| {
            let failures = vault.pin_failures.get(&(kind.name().to_owned(), peer.clone())).copied().unwrap_or(0);
            PinState { is_set, count_low: failures > 0, locked: failures >= MAX_PIN_FAILURES }
        };
        Self {
            id: Some(vault.id),
            label: vault.record.name.clone(),
            slot_id: vault.record.slot_id,
            revision: vault.revision,
            user_pin: state(UserType::User, vault.record.user_pin.is_some()),
            so_pin: state(UserType::SecurityOfficer, vault.record.so_pin.is_some()),
            min_pin_len: pins::min_len(&vault.record),
        }
    }

    fn free(slot_id: u64) -> Self {
        let unset = PinState { is_set: false, count_low: false, locked: false };
        let min_pin_len = pins::min_len(&VaultRecord::default());
        Self { id: None, label: String::new(), slot_id, revision: 0, user_pin: unset, so_pin: unset, min_pin_len }
    }
}
