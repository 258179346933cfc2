//! What may be said of a vault or a group, checked: the same whether it is being made or changed. Decides nothing.

use softkeep_proto::{
    location,
    v1::{AccessPolicy, NetworkRules},
};

use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{Caller, UserType, pin_object_id},
    keys::record::{AccessPolicyRecord, NetworkRecord, VaultRecord},
    policy::{
        grants,
        principals::parse_guid,
        profile::{Profile, WrappingRule},
    },
};

/// Key Vault's bounds for the time that what is deleted can be recovered, in days.
const RETENTION_DAYS: std::ops::RangeInclusive<u32> = 7..=90;
/// Key Vault's default.
const DEFAULT_RETENTION_DAYS: u32 = 90;

/// Key Vault's own bound for addresses in network rules, and for subnets.
const MAX_NETWORK_RULES: usize = 1000;
/// A subnet's resource id is the longest of them.
const MAX_NETWORK_RULE_LEN: usize = 1024;

/// Key Vault's bound for access policies.
pub const MAX_ACCESS_POLICIES: usize = 1024;

/// Azure's bound for names of groups.
const MAX_GROUP_NAME_LEN: usize = 90;

fn invalid(what: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidArgument, what)
}

/// "standard" or "premium", whatever its case; nothing means the first.
pub fn sku(text: &str) -> Result<String> {
    match text.to_ascii_lowercase().as_str() {
        "" | "standard" => Ok("standard".into()),
        "premium" => Ok("premium".into()),
        _ => Err(invalid(format!("the SKU is 'standard' or 'premium', not '{text}'"))),
    }
}

/// Days; 0 means the default.
pub fn retention_days(days: u32) -> Result<u32> {
    match days {
        0 => Ok(DEFAULT_RETENTION_DAYS),
        days if RETENTION_DAYS.contains(&days) => Ok(days),
        _ => Err(invalid("the retention is 7 to 90 days")),
    }
}

/// The rule about wrapping, which a strict vault cannot lift.
pub fn wrapping(text: &str, profile: Profile) -> Result<WrappingRule> {
    let text = if text.is_empty() { WrappingRule::Guarded.name() } else { text };
    match WrappingRule::by_name(text) {
        None => Err(invalid("the rule about wrapping is 'guarded' or 'any'")),
        Some(WrappingRule::Any) if profile == Profile::Strict => {
            Err(invalid("a vault of profile 'strict' guards its wrapping"))
        }
        Some(rule) => Ok(rule),
    }
}

/// Whether roles decide in a vault; `None` where nothing is said.
pub fn rbac(text: &str) -> Result<Option<bool>> {
    match text.to_ascii_lowercase().as_str() {
        "" => Ok(None),
        "access-policy" => Ok(Some(false)),
        "rbac" => Ok(Some(true)),
        _ => Err(invalid("the authorization is 'access-policy' or 'rbac'")),
    }
}

/// One of two words, as Azure writes it; nothing means the first.
fn word(text: &str, what: &str, words: [&str; 2]) -> Result<String> {
    let found = words.into_iter().find(|word| text.is_empty() || word.eq_ignore_ascii_case(text));
    found.map(str::to_owned).ok_or_else(|| invalid(format!("{what} is '{}' or '{}'", words[0], words[1])))
}

/// Kept as told.
pub fn public_network_access(text: &str) -> Result<String> {
    word(text, "the public network access", ["Enabled", "Disabled"])
}

/// Kept as told.
pub fn network(rules: NetworkRules) -> Result<NetworkRecord> {
    let NetworkRules { default_action, bypass, ip_addresses, subnet_ids } = rules;
    for list in [&ip_addresses, &subnet_ids] {
        if list.len() > MAX_NETWORK_RULES
            || list.iter().any(|text| text.is_empty() || text.len() > MAX_NETWORK_RULE_LEN)
        {
            return Err(invalid(format!(
                "at most {MAX_NETWORK_RULES} addresses and subnets, each of 1 to {MAX_NETWORK_RULE_LEN} bytes"
            )));
        }
    }
    if let Some(wrong) = ip_addresses.iter().find(|text| !is_address(text)) {
        return Err(invalid(format!("'{wrong}' is no IP address and no CIDR range")));
    }
    Ok(NetworkRecord {
        default_action: word(&default_action, "the default action", ["Allow", "Deny"])?,
        bypass: word(&bypass, "the bypass", ["AzureServices", "None"])?,
        ip_addresses,
        subnet_ids,
    })
}

/// "1.2.3.4" or "1.2.3.0/24", of either version.
fn is_address(text: &str) -> bool {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let Ok(address) = address.parse::<std::net::IpAddr>() else { return false };
    let most = if address.is_ipv4() { 32 } else { 128 };
    length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| length <= most))
}

/// A place's name as it is stored; nothing stays nothing.
pub fn location(text: &str) -> Result<String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    location::normalize(text).ok_or_else(|| invalid("a location has 1 to 64 letters, digits and hyphens, blanks aside"))
}

/// Azure's rule, in ASCII: 1 to 90 letters, digits and `-_.()`, no dot last.
pub fn check_group_name(name: &str) -> Result<()> {
    let legal = (1..=MAX_GROUP_NAME_LEN).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.()".contains(&byte))
        && !name.ends_with('.');
    if legal {
        return Ok(());
    }
    Err(invalid("a group name has 1 to 90 letters, digits and '-', '_', '.', '(' and ')', and no '.' last"))
}

/// The entries of principals, each at most once.
pub fn access_policies(policies: Vec<AccessPolicy>) -> Result<Vec<AccessPolicyRecord>> {
    if policies.len() > MAX_ACCESS_POLICIES {
        return Err(invalid(format!("a vault has at most {MAX_ACCESS_POLICIES} access policies")));
    }
    let mut records: Vec<AccessPolicyRecord> = Vec::with_capacity(policies.len());
    for policy in policies {
        let record = access_policy(policy)?;
        if records.iter().any(|other| same_principal(other, &record)) {
            return Err(invalid("a principal has two access policies"));
        }
        records.push(record);
    }
    Ok(records)
}

fn access_policy(policy: AccessPolicy) -> Result<AccessPolicyRecord> {
    let application_id = match policy.application_id.as_str() {
        "" => Vec::new(),
        text => parse_guid(text)?.0.to_vec(),
    };
    grants::check_entry(AccessPolicyRecord {
        object_id: parse_guid(&policy.object_id)?.0.to_vec(),
        application_id,
        keys: policy.keys,
        secrets: policy.secrets,
        certificates: policy.certificates,
        storage: policy.storage,
    })
}

/// Whether two entries are for the same principal.
pub fn same_principal(one: &AccessPolicyRecord, other: &AccessPolicyRecord) -> bool {
    (&one.object_id, &one.application_id) == (&other.object_id, &other.application_id)
}

/// Adds what a list that takes the place of another left out: the vault's own two users keep an entry each, an empty one, because a record
/// without one is from a time when they had every right.
pub fn with_pin_entries(cluster: Id, vault: Id, mut policies: Vec<AccessPolicyRecord>) -> Vec<AccessPolicyRecord> {
    for user_type in [UserType::User, UserType::SecurityOfficer] {
        let object_id = pin_object_id(cluster, user_type, vault).0.to_vec();
        let empty = AccessPolicyRecord { object_id, ..AccessPolicyRecord::default() };
        if !policies.iter().any(|policy| same_principal(policy, &empty)) {
            policies.push(empty);
        }
    }
    policies
}

/// Who changes a vault, as its record says it.
pub struct VaultChange {
    by: String,
}

impl VaultChange {
    /// By a caller.
    pub fn by(caller: &Caller) -> Self {
        Self { by: caller.principal_name() }
    }

    /// A record that has just been changed.
    pub fn stamp(&self, record: VaultRecord) -> VaultRecord {
        VaultRecord { updated: clock::now_seconds(), updated_by: self.by.clone(), ..record }
    }
}
