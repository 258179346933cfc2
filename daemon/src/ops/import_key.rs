//! Takes in a key: a private key in the clear, a secret key's bytes, or one that was wrapped for a key here. It never comes back out.

use std::{borrow::Cow, collections::HashSet, sync::Arc};

use softkeep_proto::{
    algorithm::{KeyOperation, KeyType},
    v1,
};
use zeroize::Zeroizing;

use super::{
    Audited, Operation, Remark,
    get_key::{GetKey, KeyView},
    names, new_object,
    new_version::{self, Naming, NewVersion, Wishes},
};
use crate::{
    crypto::byok::{MAX_BLOB_BYTES, Target},
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{
        catalog::Version,
        record::{KeyRecord, Ops, Origin},
    },
    pipeline::Unsealed,
    policy::{Authorized, KeyName, KeyUse, Permission, Place, VaultName, profile::Rules},
    workers::Lane,
};

mod wrapped;

use wrapped::{Unwrapped, Wrapped};

/// A key to be taken in.
pub struct ImportKey {
    vault: VaultName,
    name: String,
    source: Source,
    wishes: Wishes,
    /// Everything is checked and nothing is changed.
    dry_run: bool,
}

/// Where the key is. What is in it is read when the import is allowed, not before.
enum Source {
    Pkcs8(Zeroizing<Vec<u8>>),
    Secret(Zeroizing<Vec<u8>>),
    Wrapped(Box<Wrapped>),
}

/// What an import leaves.
pub struct Imported {
    /// The key. After a dry run it is as it would have been.
    pub key: KeyView,
    /// The receipt (`audit/receipt.rs`); empty unless the key came wrapped, and when an earlier request has imported it.
    pub receipt: String,
    /// Nothing was changed.
    pub dry_run: bool,
}

impl ImportKey {
    /// Checks what the caller asks for, but not the key itself.
    pub fn parse(request: v1::ImportKeyRequest) -> Result<Self> {
        let (pkcs8_der, secret) = (Zeroizing::new(request.pkcs8_der), Zeroizing::new(request.secret));
        names::check_key_name(&request.name)?;
        let source = match (pkcs8_der.is_empty(), secret.is_empty(), request.wrapped) {
            (false, true, None) => Source::Pkcs8(pkcs8_der),
            (true, false, None) => Source::Secret(secret),
            (true, true, Some(wrapped)) => {
                Source::Wrapped(Box::new(Wrapped::parse(&request.vault, &request.name, wrapped)?))
            }
            (true, true, None) => return Err(Error::new(ErrorCode::InvalidArgument, "there is no key to import")),
            _ => return Err(Error::new(ErrorCode::InvalidArgument, "there is more than one key to import")),
        };
        if let Source::Pkcs8(bytes) | Source::Secret(bytes) = &source
            && bytes.len() > MAX_BLOB_BYTES
        {
            return Err(Error::new(ErrorCode::KeyInvalid, format!("a key has at most {MAX_BLOB_BYTES} bytes")));
        }
        // Which operations fit, the key's type decides, which is not known yet.
        let wishes = Wishes::parse(None, &request.key_ops, request.attributes, request.hsm, request.request_id)?;
        let vault = VaultName::Named(request.vault);
        Ok(Self { vault, name: request.name, source, wishes, dry_run: request.dry_run })
    }
}

impl Operation for ImportKey {
    const NAME: &'static str = "key.import";
    const PERMISSION: Permission = Permission::Import;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Imported;

    fn place(&self) -> Place {
        Place::Vault(self.vault.clone(), Some(self.name.clone()))
    }

    fn other_key(&self) -> Option<KeyName> {
        match &self.source {
            Source::Wrapped(wrapped) => Some(wrapped.kek.clone()),
            Source::Pkcs8(_) | Source::Secret(_) => None,
        }
    }

    fn algorithm(&self) -> Option<Cow<'static, str>> {
        match &self.source {
            Source::Wrapped(wrapped) => Some(wrapped.announced().into()),
            Source::Pkcs8(_) | Source::Secret(_) => None,
        }
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn remark(reply: &Imported) -> Remark {
        Remark {
            detail: reply.dry_run.then(|| "a dry run: the key could be imported, nothing is changed".into()),
            receipt: Some(reply.receipt.clone()).filter(|receipt| !receipt.is_empty()),
        }
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Imported> {
        let vault = grant.vault()?.clone();
        let rules = Rules::of(&vault.record)?;
        let unwrapped = match &grant.operation().source {
            Source::Wrapped(wrapped) => Some(wrapped.open(&grant, rooms)?),
            Source::Pkcs8(_) | Source::Secret(_) => None,
        };
        let caller = grant.caller().clone();
        let Self { name, source, mut wishes, dry_run, .. } = grant.into_operation();
        let (target, unwrapped) = match (source, unwrapped) {
            (Source::Wrapped(_), Some(Unwrapped { target, origin, allowed_mechanisms })) => {
                (target, Some((origin, allowed_mechanisms)))
            }
            (Source::Pkcs8(bytes), _) => (Target::of_pkcs8(bytes, &*rooms.keys.backend)?, None),
            (Source::Secret(bytes), _) => (Target::of_secret(bytes)?, None),
            (Source::Wrapped(_), None) => return Err(Error::internal("a wrapped key that was not unwrapped")),
        };
        let key_type = target.key_type;
        if wishes.ops == Ops::NONE {
            wishes.ops = rules.default_ops(Ops::all(&KeyOperation::defaults(key_type)));
        }
        wishes.check_in(&vault.record, key_type)?;
        let mut record = wishes.into_record(key_type, target.public.as_ref(), false)?;
        if let (Some(policy), Some((_, allowed_mechanisms))) = (&mut record.policy, &unwrapped) {
            policy.allowed_mechanisms.clone_from(allowed_mechanisms);
            // It came wrapped, but whoever wrapped it knows it: it vouches for no other key.
            policy.set_origin(Origin::Unwrapped);
            policy.unwrapped_by_untrusted = true;
        }
        record.policy.as_ref().map_or(Ok(()), |policy| rules.check_key(policy))?;
        if let KeyType::Secret(kind, _) = key_type {
            record.check_value = new_object::check_value(rooms, vault.id, kind, &target.material)?;
        }
        let new = NewVersion::new(record, target.material);
        let unwrapped = unwrapped.map(|(origin, _)| origin);
        let kek = unwrapped.as_ref().map(|origin| origin.kek.clone());
        let written = write(rooms, vault.id, &Naming::Exactly(name.clone()), new, kek.as_deref(), dry_run)?;
        let key = match written {
            Written::Checked(version) => {
                let key = Arc::new(KeyRecord { name, ..KeyRecord::default() });
                return Ok(Imported {
                    key: KeyView { vault: vault.record, key, version: Arc::new(*version) },
                    receipt: String::new(),
                    dry_run,
                });
            }
            Written::Before(id) => {
                return Ok(Imported { key: GetKey::show(rooms, vault.id, id)?, receipt: String::new(), dry_run });
            }
            Written::Now(id) => GetKey::show(rooms, vault.id, id)?,
        };
        let receipt = unwrapped.map(|origin| origin.receipt(rooms, &caller, &key)).transpose()?.unwrap_or_default();
        Ok(Imported { key, receipt, dry_run })
    }
}

/// It opens the key that unwraps, if there is one.
impl KeyUse for ImportKey {}

/// What became of it.
enum Written {
    /// A new version.
    Now(Id),
    /// Nothing: an earlier request with the same id has made this one.
    Before(Id),
    /// Nothing: it was a dry run, and this is what it would have been.
    Checked(Box<Version>),
}

/// Writes the new version and, in the same transaction, spends the key that unwrapped it if it is for one import.
fn write(
    rooms: &Unsealed,
    vault: Id,
    naming: &Naming,
    mut new: NewVersion,
    kek: Option<&Version>,
    dry_run: bool,
) -> Result<Written> {
    let keys = &rooms.keys;
    new_version::publish(keys, vault, naming, &mut new)?;
    let mut checked = None;
    let result = keys.write(|counters| {
        let view = keys.catalog.view();
        let vault = view.vault(vault).ok_or_else(|| Error::vault_not_found(&vault.to_string()))?;
        let mut written = new_version::entries(keys, vault, counters, naming, new, &mut HashSet::new())?;
        if let (Some(kek), Some(_)) = (kek, &written.version) {
            written.entries.extend(wrapped::spend(vault, kek)?);
        }
        if dry_run {
            checked =
                Some(written.version.map_or(Written::Before(written.id), |version| Written::Checked(version.into())));
            // A transaction that fails writes nothing: no row, no number taken.
            return Err(Error::internal("a dry run"));
        }
        Ok((std::mem::take(&mut written.entries), written))
    });
    if let Some(checked) = checked {
        return Ok(checked);
    }
    let written = result?;
    written.note(rooms)?;
    Ok(if written.version.is_some() { Written::Now(written.id) } else { Written::Before(written.id) })
}
