//! Says whether a principal could do something, and why. It asks the engine that decides for real ([`crate::policy::Policy::explain`]); it
//! changes nothing and uses no key.

use super::{
    Audited, Operation,
    get_secret::{self, SecretView},
};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::catalog::Version,
    pipeline::Unsealed,
    policy::{
        Authorized, Explanation, Permission, Place, Question, VaultName,
        principals::{Who, vault_of},
    },
    workers::Lane,
};

/// Who, what and where.
pub struct ExplainPolicy {
    /// Object id or name; empty means the caller.
    pub principal: String,
    /// By its full name.
    pub permission: Permission,
    /// Where; `None` means the daemon as a whole.
    pub vault: Option<VaultName>,
    /// A key, secret or certificate; `None` means the vault.
    pub object: Option<String>,
    /// Of a key.
    pub version: Option<Id>,
}

impl ExplainPolicy {
    /// Finds the permission that is meant.
    pub fn permission(name: &str) -> Result<Permission> {
        Permission::by_full_name(name).next().ok_or_else(|| {
            let all: Vec<_> = crate::policy::PermissionSet::all().iter().map(Permission::full_name).collect();
            let what = format!("there is no permission '{name}'; there are: {}", all.join(", "));
            Error::new(ErrorCode::InvalidArgument, what)
        })
    }
}

impl Operation for ExplainPolicy {
    const NAME: &'static str = "policy.explain";
    const PERMISSION: Permission = Permission::ReadRoles;
    const AUDITED: Audited = Audited::Read;
    type Reply = Explanation;

    fn place(&self) -> Place {
        match &self.vault {
            Some(vault) => Place::Vault(vault.clone(), self.object.clone()),
            None => Place::Daemon,
        }
    }

    fn permission(&self) -> Permission {
        // About oneself everybody may ask.
        if self.principal.is_empty() { Permission::SeeToken } else { Self::PERMISSION }
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Inline
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Explanation> {
        let (asked, now) = (grant.operation(), clock::now_seconds());
        let (who, caller) = {
            let view = rooms.keys.catalog.view();
            if asked.principal.is_empty() {
                let who = Who::of(&view, grant.caller()).ok_or_else(|| Error::internal("the daemon does not ask"))?;
                (who, grant.caller().clone())
            } else {
                let vault = asked.vault.is_some().then(|| vault_of(&view, &grant)).transpose()?;
                let who = Who::find(&view, &asked.principal, vault)?;
                let caller = who.as_caller(&view, now)?;
                (who, caller)
            }
        };
        let question = Question {
            permission: asked.permission,
            vault: asked.vault.clone(),
            object: asked.object.clone(),
            version: asked.version,
        };
        let mut told = rooms.policy.explain(&rooms.keys, &who, caller, question, now)?;
        // What a secret says of itself is asked when it is read.
        if let (true, Permission::GetSecret, Some(name)) = (told.allowed, asked.permission, &asked.object) {
            let vault = grant.vault()?.id;
            let read = SecretView::find(rooms, vault, name, asked.version);
            if let Err(error) = read.and_then(|view| get_secret::check_enabled(&view.version)) {
                told.allowed = false;
                told.reasons.push(error.detail);
                told.fix = "softkeep keyvault secret set-attributes --enabled true, if it is there".into();
            }
        }
        Ok(told)
    }
}
