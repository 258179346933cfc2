//! Where a role holds: the whole daemon (the subscription), a group, a vault, or one key, secret or certificate. Azure's way of writing it.

use std::fmt;

use softkeep_proto::limits::NO_GROUP;

use super::permission::Area;
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
};

/// A longer one is no scope: five names of at most 127 characters and the words between them.
const MAX_SCOPE_BYTES: usize = 1024;

/// What a vault has in it, as scopes name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Collection {
    /// Keys.
    Keys,
    /// Secrets.
    Secrets,
    /// Certificates.
    Certificates,
}

impl Collection {
    const ALL: [Self; 3] = [Self::Keys, Self::Secrets, Self::Certificates];

    /// The word in scopes and identifiers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Secrets => "secrets",
            Self::Certificates => "certificates",
        }
    }

    /// What a permission of that area is about.
    pub const fn of(area: Area) -> Option<Self> {
        match area {
            Area::Key => Some(Self::Keys),
            Area::Secret => Some(Self::Secrets),
            Area::Certificate => Some(Self::Certificates),
            Area::Token | Area::Control | Area::Daemon => None,
        }
    }
}

/// Where a role holds; names in lower case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// A group; none above groups, and for a vault that is in none.
    pub group: Option<String>,
    /// A vault.
    pub vault: Option<String>,
    /// One thing in the vault.
    pub object: Option<(Collection, String)>,
}

/// What is asked about: a place that a scope may reach.
#[derive(Clone, Copy, Debug, Default)]
pub struct Address<'a> {
    /// Its group, if it has one.
    pub group: Option<&'a str>,
    /// Its vault.
    pub vault: Option<&'a str>,
    /// The one thing.
    pub object: Option<(Collection, &'a str)>,
}

impl Scope {
    /// Reads a scope: "" and "/" are the whole subscription, as is "/subscriptions/S"; the subscription may be left out, but no other may
    /// be named.
    pub fn parse(text: &str, subscription: Id) -> Result<Self> {
        let invalid = || {
            Error::new(
                ErrorCode::InvalidArgument,
                "a scope is /subscriptions/S, with /resourceGroups/G, /providers/Microsoft.KeyVault/vaults/V and \
                 /keys/NAME (or secrets, certificates) after it",
            )
        };
        if text.len() > MAX_SCOPE_BYTES {
            return Err(invalid());
        }
        let path = text.strip_suffix('/').unwrap_or(text);
        if path.is_empty() {
            return Ok(Self::default());
        }
        let mut words: Vec<&str> = path.strip_prefix('/').ok_or_else(invalid)?.split('/').collect();
        let mut take = |word: &str| {
            let [first, name, ..] = words[..] else { return None };
            first.eq_ignore_ascii_case(word).then(|| {
                words.drain(..2);
                name
            })
        };
        if let Some(named) = take("subscriptions")
            && named.replace('-', "").to_ascii_lowercase() != subscription.to_string()
        {
            return Err(Error::new(
                ErrorCode::InvalidArgument,
                "the scope is of another subscription; this daemon has one of its own: softkeep account show",
            ));
        }
        let group = take("resourceGroups").map(str::to_ascii_lowercase).filter(|name| !name.is_empty());
        let provider = take("providers");
        let vault = take("vaults").map(str::to_ascii_lowercase);
        let object = Collection::ALL
            .into_iter()
            .find_map(|collection| take(collection.name()).map(|name| (collection, name.to_ascii_lowercase())));
        // A vault in no group has one in its path all the same.
        let group = group.filter(|name| vault.is_none() || name != NO_GROUP);
        let scope = Self { group, vault, object };
        let names = [scope.vault.as_ref(), scope.object.as_ref().map(|(_, name)| name)];
        let well_formed = words.is_empty()
            && provider.is_some() == scope.vault.is_some()
            && provider.is_none_or(|name| name.eq_ignore_ascii_case("Microsoft.KeyVault"))
            && (scope.object.is_none() || scope.vault.is_some())
            && names.into_iter().flatten().all(|name| is_name(name, "-"))
            && scope.group.iter().all(|name| is_name(name, "-_.()"));
        if well_formed { Ok(scope) } else { Err(invalid()) }
    }

    /// The whole of it, as Azure writes it; `subscription` as a GUID.
    pub fn full(&self, subscription: &str) -> String {
        format!("/subscriptions/{subscription}{self}")
    }

    /// Whether it reaches a place: it is that place, or above it.
    pub fn covers(&self, address: &Address<'_>) -> bool {
        let same = |own: &Option<String>, other: Option<&str>| {
            own.as_deref().is_none_or(|own| other.is_some_and(|other| own.eq_ignore_ascii_case(other)))
        };
        let same_object = self.object.as_ref().is_none_or(|(collection, name)| {
            address.object.is_some_and(|(other, object)| other == *collection && object.eq_ignore_ascii_case(name))
        });
        same(&self.group, address.group) && same(&self.vault, address.vault) && same_object
    }

    /// The place it is.
    pub fn address(&self) -> Address<'_> {
        Address {
            group: self.group.as_deref(),
            vault: self.vault.as_deref(),
            object: self.object.as_ref().map(|(collection, name)| (*collection, name.as_str())),
        }
    }
}

fn is_name(name: &str, others: &str) -> bool {
    !name.is_empty() && name.chars().all(|character| character.is_ascii_alphanumeric() || others.contains(character))
}

/// As it is stored: without the subscription.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(group) = &self.group {
            write!(f, "/resourceGroups/{group}")?;
        }
        if let Some(vault) = &self.vault {
            write!(f, "/providers/Microsoft.KeyVault/vaults/{vault}")?;
        }
        if let Some((collection, name)) = &self.object {
            write!(f, "/{}/{name}", collection.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SUBSCRIPTION: Id = Id([0xAB; 16]);
    const GUID: &str = "abababab-abab-abab-abab-abababababab";

    fn scope(text: &str) -> Scope {
        Scope::parse(text, SUBSCRIPTION).unwrap()
    }

    #[test]
    fn as_azure_writes_them() {
        let vault = format!("/subscriptions/{GUID}/resourceGroups/Contoso/providers/Microsoft.KeyVault/vaults/Kv1");
        for (text, stored) in [
            ("", ""),
            ("/", ""),
            (&format!("/subscriptions/{GUID}"), ""),
            (&format!("/SUBSCRIPTIONS/{}/", GUID.to_uppercase()), ""),
            (&format!("/subscriptions/{GUID}/resourcegroups/Contoso"), "/resourceGroups/contoso"),
            (&vault, "/resourceGroups/contoso/providers/Microsoft.KeyVault/vaults/kv1"),
            (&format!("{vault}/keys/Web"), "/resourceGroups/contoso/providers/Microsoft.KeyVault/vaults/kv1/keys/web"),
            (
                &format!("/subscriptions/{GUID}/resourceGroups/Softkeep/providers/Microsoft.KeyVault/vaults/kv1"),
                "/providers/Microsoft.KeyVault/vaults/kv1",
            ),
            ("/resourceGroups/softkeep", "/resourceGroups/softkeep"),
            ("/resourceGroups//providers/microsoft.keyvault/vaults/kv1", "/providers/Microsoft.KeyVault/vaults/kv1"),
        ] {
            assert_eq!(scope(text).to_string(), stored, "{text}");
            assert_eq!(scope(stored), scope(text));
        }
    }

    #[test]
    fn what_is_none_is_refused() {
        for text in [
            "kv1",
            "/kv1",
            "//",
            "/subscriptions/",
            "/subscriptions/00000000-0000-0000-0000-000000000000",
            "/resourceGroups/a/b",
            "/resourceGroups/a b",
            "/providers/Microsoft.KeyVault",
            "/providers/Microsoft.Storage/vaults/kv1",
            "/vaults/kv1",
            "/keys/k",
            "/providers/Microsoft.KeyVault/vaults/kv1/keys",
            "/providers/Microsoft.KeyVault/vaults/kv1/keys/",
            "/providers/Microsoft.KeyVault/vaults/kv1/keys/k/secrets/s",
            "/providers/Microsoft.KeyVault/vaults/../keys/k",
            "/providers/Microsoft.KeyVault/vaults/*",
            &"/resourceGroups/".repeat(100),
        ] {
            assert!(Scope::parse(text, SUBSCRIPTION).is_err(), "{text}");
        }
    }

    #[test]
    fn a_scope_reaches_itself_and_what_is_below() {
        let chain = [
            "",
            "/resourceGroups/g",
            "/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv1",
            "/resourceGroups/g/providers/Microsoft.KeyVault/vaults/kv1/keys/k",
        ];
        for (upper, above) in chain.iter().enumerate() {
            for (lower, below) in chain.iter().enumerate() {
                assert_eq!(scope(above).covers(&scope(below).address()), upper <= lower, "{above} {below}");
            }
        }
        let key = scope(chain[3]);
        for other in ["secrets/k", "keys/k2", "certificates/k"] {
            let other = scope(&format!("{}/{other}", chain[2]));
            assert!(!key.covers(&other.address()) && !other.covers(&key.address()));
        }
        assert!(!scope(chain[1]).covers(&scope("/providers/Microsoft.KeyVault/vaults/kv1").address()));
    }

    fn part(word: &'static str) -> impl Strategy<Value = String> {
        prop_oneof![
            Just(String::new()),
            "[A-Za-z0-9-]{1,24}".prop_map(move |name| format!("/{word}/{name}")),
            Just(format!("/{word}")),
            "/[ -~]{0,12}",
        ]
    }

    proptest! {
        /// Whatever is taken, is written the same when read again, and reaches no further.
        #[test]
        fn reading_and_writing_agree(
            group in part("resourceGroups"),
            provider in prop_oneof![Just(String::new()), Just("/providers/Microsoft.KeyVault".to_owned())],
            vault in part("vaults"),
            object in part("keys"),
        ) {
            let text = format!("{group}{provider}{vault}{object}");
            if let Ok(read) = Scope::parse(&text, SUBSCRIPTION) {
                prop_assert_eq!(&Scope::parse(&read.to_string(), SUBSCRIPTION).unwrap(), &read);
                prop_assert_eq!(&Scope::parse(&read.full(GUID), SUBSCRIPTION).unwrap(), &read);
                prop_assert!(read.covers(&read.address()));
                prop_assert!(Scope::default().covers(&read.address()));
                prop_assert_eq!(read.covers(&Address::default()), read == Scope::default());
            }
        }

        #[test]
        fn nothing_panics(text in "[/\\PC]{0,80}") {
            let _ = Scope::parse(&text, SUBSCRIPTION);
        }
    }
}
