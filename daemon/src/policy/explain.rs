//! Puts a decision into words. The decision itself is [`Policy::authorize`]'s, asked as it is asked for a real operation; the words come from
//! the verdict that it is made of.

use super::{
    Area, Authorized, Grant, KeyName, Lack, Permission, Place, Policy, Target, Thing, VaultName, Verdict,
    principals::Who, roles::BuiltInRole,
};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{Caller, UserType},
    keys::{
        Keys,
        catalog::{Vault, Version, View},
        record::Ops,
    },
    ops::{Audited, Operation},
    pipeline::Unsealed,
    workers::Lane,
};

/// What is asked about, in the form of an operation that is only ever decided on.
pub struct Question {
    /// The permission.
    pub permission: Permission,
    /// Where; `None` means the daemon as a whole.
    pub vault: Option<VaultName>,
    /// A key, secret or certificate; `None` means the vault.
    pub object: Option<String>,
    /// Of a key.
    pub version: Option<Id>,
}

/// What would happen, and why.
pub struct Explanation {
    /// Whether it is allowed.
    pub allowed: bool,
    /// One line each: who it is, what grants it or does not, what the object says.
    pub reasons: Vec<String>,
    /// What would change it; empty when allowed.
    pub fix: String,
}

/// What a key must allow for a permission, where it must.
fn key_use(permission: Permission) -> Option<Ops> {
    match permission {
        Permission::Sign => Some(Ops::SIGN),
        Permission::Verify => Some(Ops::VERIFY),
        Permission::Encrypt => Some(Ops::ENCRYPT),
        Permission::Decrypt => Some(Ops::DECRYPT),
        Permission::WrapKey => Some(Ops::WRAP_KEY),
        Permission::UnwrapKey => Some(Ops::UNWRAP_KEY),
        Permission::UnwrapObject => Some(Ops::UNWRAP_OBJECT),
        Permission::Derive => Some(Ops::DERIVE),
        _ => None,
    }
}

impl Operation for Question {
    const NAME: &'static str = "policy.question";
    const PERMISSION: Permission = Permission::Administer;
    const AUDITED: Audited = Audited::Read;
    type Reply = ();

    fn place(&self) -> Place {
        match (&self.vault, &self.object) {
            (None, _) => Place::Daemon,
            (Some(vault), Some(name)) if key_use(self.permission).is_some() => {
                Place::Key(vault.clone(), KeyName::Named(name.clone(), self.version))
            }
            (Some(vault), name) => Place::Vault(vault.clone(), name.clone()),
        }
    }

    fn permission(&self) -> Permission {
        self.permission
    }

    fn key_use(&self) -> Option<Ops> {
        self.object.as_ref().and_then(|_| key_use(self.permission))
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(_: Authorized<Self>, _: &Unsealed) -> Result<()> {
        Err(Error::internal("a question is only decided on"))
    }
}

impl Policy {
    /// Says what would happen if this caller asked for it now, and why.
    pub fn explain(&self, keys: &Keys, who: &Who, caller: Caller, question: Question, now: i64) -> Result<Explanation> {
        let mut reasons = vec![who_it_is(&keys.catalog.view(), who)?];
        let (permission, object) = (question.permission, question.object.clone());
        let has_use = question.key_use();
        {
            let view = keys.catalog.view();
            let vault = match &question.vault {
                Some(VaultName::Named(name)) => view.vault_named(name),
                Some(VaultName::Id(id)) => view.vault(*id),
                None => None,
            };
            let target = match (vault, object.as_deref()) {
                (None, _) => Target::Daemon,
                (Some(vault), None) => Target::Vault(vault, Thing::None),
                (Some(vault), Some(name)) => Target::Vault(vault, Thing::Named(name)),
            };
            reasons.push(match self.decide(&view, &caller, target, permission) {
                Ok(verdict) => words(&view, verdict, vault, permission),
                Err(error) => error.detail,
            });
        }
        let decision = self.authorize(keys, caller, question, now).map(drop);
        if let (Ok(()), Some(needs), Some(name)) = (&decision, has_use, &object) {
            reasons.push(format!("the key {name} is enabled, in its time, and allows {}", needs.words()));
        }
        let fix = match &decision {
            Ok(()) => String::new(),
            Err(error) => {
                if error.code != ErrorCode::PermissionDenied && !reasons.contains(&error.detail) {
                    reasons.push(error.detail.clone());
                }
                fix(error.code, permission, who)
            }
        };
        Ok(Explanation { allowed: decision.is_ok(), reasons, fix })
    }
}

fn who_it_is(view: &View, who: &Who) -> Result<String> {
    let id = who.object_id(view.cluster)?.guid();
    Ok(match who {
        Who::Stored(record) if record.disabled => format!("{} ({id}) is a disabled {}", who.name(), who.kind()),
        Who::Stored(_) | Who::Peer(_) | Who::Pin(..) => format!("{} ({id}) is a {}", who.name(), who.kind()),
        Who::Unknown(_) => format!("nobody known has the object id {id}"),
    })
}

fn words(view: &View, verdict: Verdict, vault: Option<&Vault>, permission: Permission) -> String {
    let name = permission.full_name();
    let place = vault.map_or_else(|| "the daemon".to_owned(), |vault| format!("the vault {}", vault.record.name));
    match verdict {
        Verdict::Allowed(grant) => match grant {
            Grant::Daemon => "the daemon does this by itself".into(),
            Grant::Administrator => "administrators may do everything".into(),
            Grant::Everybody => format!("everybody may {name}"),
            Grant::LocalPeer => format!("every process of this machine may {name}"),
            Grant::Pin => format!("its entry in the access policies of {place} gives {name}"),
            Grant::Configuration => format!("the daemon's configuration gives the certificate {name} in {place}"),
            Grant::AccessPolicy => format!("an access policy of {place} gives {name}"),
            Grant::SomeRight => format!("who has any right in {place} may know of it"),
            Grant::Role { role, assignment } => {
                let scope = view.directory.assignments.get(&assignment).map(|record| record.scope.clone());
                let scope = scope.filter(|scope| !scope.is_empty()).unwrap_or_else(|| "the whole subscription".into());
                format!("the role {} at {scope} gives {name} (assignment {})", role_name(view, role), assignment.guid())
            }
        },
        Verdict::Refused(lack) => match lack {
            Lack::Administrators => format!("only administrators may {name}"),
            Lack::PinOnly => format!("only a login with a vault's PIN may {name}"),
            Lack::OtherVault => "a PIN is good for its own vault alone".into(),
            Lack::PinEntry => format!("its entry in the access policies of {place} does not give {name}"),
            Lack::AccessPolicy => format!("no access policy of {place} gives {name}; access policies decide there"),
            Lack::Role if permission.area() == Area::Control => {
                format!("no role that reaches {place} gives {name}; only roles do")
            }
            Lack::Role => format!("no role that reaches {place} gives {name}; roles decide there"),
            Lack::NotLoggedIn => format!("a program that is not logged in may not {name}"),
        },
    }
}

fn role_name(view: &View, role: Id) -> String {
    let built_in = BuiltInRole::by_id(role).map(|role| role.name.to_owned());
    built_in.or_else(|| view.directory.roles.get(&role).map(|role| role.name.clone())).unwrap_or_else(|| role.guid())
}

fn fix(code: ErrorCode, permission: Permission, who: &Who) -> String {
    match (code, permission.area()) {
        (ErrorCode::VaultNotFound, _) => "give it a right in the vault; without any it may not even know of it".into(),
        (ErrorCode::KeyNotFound, _) => "check the object's name".into(),
        (ErrorCode::KeyDisabled, _) => "enable the key, or change its notBefore or expires".into(),
        (ErrorCode::OperationNotPermitted, _) => "the key's key_ops must include the operation".into(),
        (ErrorCode::TokenInvalid, _) => "enable the principal".into(),
        (ErrorCode::Unauthenticated, _) => "it must log in with the PIN first".into(),
        (_, Area::Key | Area::Secret) if matches!(who, Who::Pin(UserType::User, _)) => {
            "change its entry: softkeep keyvault set-policy --object-id pin:user".into()
        }
        (_, _) if matches!(who, Who::Pin(..)) => "nothing: a PKCS#11 user has no such right".into(),
        (_, Area::Daemon) => "make it an administrator".into(),
        (_, Area::Token) => "log in with the vault's PIN through PKCS#11".into(),
        (_, Area::Control) => "give it a role: softkeep role assignment create".into(),
        (_, Area::Key | Area::Secret | Area::Certificate) => {
            "softkeep keyvault set-policy where access policies decide, softkeep role assignment create where roles do"
                .into()
        }
    }
}
