//! `softkeep keyvault update`.

mod change;

use clap::builder::BoolishValueParser;

use super::show;
use crate::{
    args::TagArgs,
    azure::HsmArg,
    client::Context,
    commands::Reply,
    error::{Error, Result},
    generic_update::UpdateArgs,
    shape,
};
use change::Editor;

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Vault
    #[arg(long, short = 'n', alias = "vault-name", required_unless_present = "hsm_name")]
    name: Option<String>,
    /// Accepted for az's sake; a vault's name is enough here
    #[arg(long, short = 'g', hide = true)]
    resource_group: Option<String>,
    /// Accepted for az's sake: it is done when it returns
    #[arg(long, hide = true)]
    no_wait: bool,
    /// Kind of vault
    #[arg(long, value_parser = ["standard", "premium"], ignore_case = true)]
    sku: Option<String>,
    /// Refused where it differs: it is fixed when the vault is made
    #[arg(long, value_parser = clap::value_parser!(u32).range(7..=90))]
    retention_days: Option<u32>,
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
    /// What sensitive keys may be wrapped by
    #[arg(long, value_parser = ["guarded", "any"])]
    wrapping: Option<String>,
    /// Put a self-signed certificate object beside each signing key
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    publish_certificates: Option<bool>,
    /// Show the vault's secrets as PKCS#11 data objects
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    publish_secrets: Option<bool>,
    #[command(flatten)]
    tags: TagArgs,
    #[command(flatten)]
    update: UpdateArgs,
    #[command(flatten)]
    hsm: HsmArg,
}

/// Changes what the flags name and prints the vault.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    args.hsm.refuse()?;
    // A vault's name is unique here, and nothing is left to wait for.
    let _ = (&args.resource_group, args.no_wait);
    let changes = args.update.changes()?;
    let vault = show::get(args.name.clone().unwrap_or_default(), context).await?;
    let mut editor = Editor::of(vault);
    flags(&args, &mut editor)?;
    for change in &changes {
        editor.apply(change)?;
    }
    let request = editor.request();
    if request.update_mask.as_ref().is_none_or(|mask| mask.paths.is_empty()) {
        return Err(Error::usage("nothing to change is given").fix("softkeep keyvault update --help lists the flags"));
    }
    let vault = context.vaults().await?.update_vault(request).await?.into_inner();
    Ok(Reply::value(shape::vault(&vault)).columns(shape::VAULT_COLUMNS))
}

/// The flags that name a property each.
fn flags(args: &Args, editor: &mut Editor) -> Result<()> {
    if let Some(sku) = &args.sku {
        editor.set_sku(sku);
    }
    if let Some(days) = args.retention_days {
        editor.set_retention_days(days);
    }
    if let Some(on) = args.enable_purge_protection {
        editor.set_purge_protection(on);
    }
    if let Some(on) = args.enable_rbac_authorization {
        editor.set_authorization(super::authorization(on));
    }
    if let Some(on) = args.enabled_for.deployment {
        editor.set_enabled_for_deployment(on);
    }
    if let Some(on) = args.enabled_for.disk_encryption {
        editor.set_enabled_for_disk_encryption(on);
    }
    if let Some(on) = args.enabled_for.template_deployment {
        editor.set_enabled_for_template_deployment(on);
    }
    if let Some(access) = &args.network.public_network_access {
        editor.set_public_network_access(access);
    }
    if let Some(action) = &args.network.default_action {
        editor.rules().default_action.clone_from(action);
    }
    if let Some(bypass) = &args.network.bypass {
        editor.rules().bypass.clone_from(bypass);
    }
    if let Some(wrapping) = &args.wrapping {
        editor.set_wrapping(wrapping);
    }
    if let Some(on) = args.publish_certificates {
        editor.set_publish_certificates(on);
    }
    if let Some(on) = args.publish_secrets {
        editor.set_publish_secrets(on);
    }
    if args.tags.given() {
        editor.set_tags(args.tags.map()?);
    }
    Ok(())
}
