//! `softkeep keyvault create`.

use clap::builder::BoolishValueParser;
use softkeep_proto::v1::{AccessPolicy, CreateVaultRequest, NetworkRules};

use crate::{
    args::TagArgs,
    azure::{self, HsmArg},
    client::Context,
    commands::Reply,
    error::{Error, Result},
    shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Name: 3 to 24 letters, digits and single hyphens, a letter first
    #[arg(long, short = 'n', alias = "vault-name", required_unless_present = "hsm_name")]
    name: Option<String>,
    /// Location, e.g. eastasia or "East Asia"; the group's if absent
    #[arg(long, short = 'l')]
    location: Option<String>,
    /// Resource group
    #[arg(long, short = 'g')]
    resource_group: Option<String>,
    /// Kind of vault; HSM key types need premium
    #[arg(long, value_parser = ["standard", "premium"], ignore_case = true, default_value = "standard")]
    sku: String,
    /// Days a deleted object can be recovered
    #[arg(long, value_parser = clap::value_parser!(u32).range(7..=90), default_value_t = 90)]
    retention_days: u32,
    /// Nothing can be purged before its time; cannot be taken back
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    enable_purge_protection: Option<bool>,
    /// Roles decide instead of access policies
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    enable_rbac_authorization: Option<bool>,
    #[command(flatten)]
    enabled_for: super::EnabledForArgs,
    #[command(flatten)]
    network: super::NetworkArgs,
    /// Network rules as JSON, @FILE, or none of them: {"ip": [...], "vnet": [...]}
    #[arg(long, value_name = "JSON")]
    network_acls: Option<String>,
    /// Addresses that may connect; kept, not enforced
    #[arg(long, num_args = 0.., value_name = "ADDRESS")]
    network_acls_ips: Vec<String>,
    /// Subnets that may connect, by identifier; kept, not enforced
    #[arg(long, num_args = 0.., value_name = "ID")]
    network_acls_vnets: Vec<String>,
    /// No access policy for yourself
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    no_self_perms: Option<bool>,
    /// Accepted for az's sake: it is done when it returns
    #[arg(long, hide = true)]
    no_wait: bool,
    #[command(flatten)]
    hsm: HsmArg,
    /// Managed HSM pools are in Azure only
    #[arg(long, hide = true, num_args = 1..)]
    administrators: Vec<String>,
    /// Managed identities are in Azure only
    #[arg(long, hide = true, num_args = 0..)]
    mi_user_assigned: Option<Vec<String>>,
    /// What PKCS#11 callers may do
    #[arg(long, value_parser = ["standard", "strict"])]
    profile: Option<String>,
    /// What sensitive keys may be wrapped by: keys that cannot undo it, or any key (for old programs)
    #[arg(long, value_parser = ["guarded", "any"])]
    wrapping: Option<String>,
    /// Put a self-signed certificate object beside each signing key (Java needs one); the daemon's default if absent
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    publish_certificates: Option<bool>,
    /// Show the vault's secrets as PKCS#11 data objects
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    publish_secrets: Option<bool>,
    #[command(flatten)]
    tags: TagArgs,
}

/// Makes the vault and prints it.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    args.hsm.refuse()?;
    azure::refuse_flag("--administrators", !args.administrators.is_empty())?;
    azure::refuse_flag("--mi-user-assigned", args.mi_user_assigned.is_some())?;
    // It is done when the call returns.
    let _ = args.no_wait;
    let rules = network_rules(&args)?;
    let request = CreateVaultRequest {
        name: args.name.unwrap_or_default(),
        location: args.location.unwrap_or_default(),
        resource_group: args.resource_group.unwrap_or_default(),
        sku: args.sku.to_ascii_lowercase(),
        tags: args.tags.map()?,
        soft_delete_retention_days: args.retention_days,
        profile: args.profile.unwrap_or_default(),
        publish_certificates: args.publish_certificates,
        request_id: String::new(),
        wrapping: args.wrapping.unwrap_or_default(),
        purge_protection: args.enable_purge_protection.unwrap_or_default(),
        enabled_for_deployment: args.enabled_for.deployment.unwrap_or_default(),
        enabled_for_disk_encryption: args.enabled_for.disk_encryption.unwrap_or_default(),
        enabled_for_template_deployment: args.enabled_for.template_deployment.unwrap_or_default(),
        authorization: args.enable_rbac_authorization.map(super::authorization).unwrap_or_default().to_owned(),
        access_policies: Vec::<AccessPolicy>::new(),
        no_self_permissions: args.no_self_perms.unwrap_or_default(),
        network_rules: Some(rules),
        public_network_access: args.network.public_network_access.unwrap_or_default(),
        publish_secrets: args.publish_secrets.unwrap_or_default(),
    };
    let vault = context.vaults().await?.create_vault(request).await?.into_inner();
    Ok(Reply::value(shape::vault(&vault)).columns(shape::VAULT_COLUMNS))
}

/// The rules of the four flags together. Like az, a vault has rules from the start, which let everybody in.
fn network_rules(args: &Args) -> Result<NetworkRules> {
    let mut rules = NetworkRules {
        default_action: args.network.default_action.clone().unwrap_or_else(|| "Allow".to_owned()),
        bypass: args.network.bypass.clone().unwrap_or_else(|| "AzureServices".to_owned()),
        ip_addresses: args.network_acls_ips.clone(),
        subnet_ids: args.network_acls_vnets.clone(),
    };
    if let Some(text) = &args.network_acls {
        let text = crate::input::text_or_file("--network-acls", text)?;
        let wrong = || {
            Error::usage("--network-acls is not JSON of the form {\"ip\": [...], \"vnet\": [...]}")
                .fix("--network-acls '{\"ip\": [\"10.0.0.1\"], \"vnet\": []}'")
        };
        let json: serde_json::Value = serde_json::from_str(&text).map_err(|_| wrong())?;
        let list = |name: &str| -> Result<Vec<String>> {
            let Some(value) = json.get(name) else { return Ok(Vec::new()) };
            let items = value.as_array().ok_or_else(wrong)?;
            items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
        };
        rules.ip_addresses.extend(list("ip")?);
        rules.subnet_ids.extend(list("vnet")?);
    }
    Ok(rules)
}
