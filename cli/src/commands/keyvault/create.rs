//! `softkeep keyvault create`.

use clap::builder::BoolishValueParser;
use softkeep_proto::v1::CreateVaultRequest;

use crate::{args::TagArgs, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Name: 3 to 24 letters, digits and single hyphens, a letter first
    #[arg(long, short = 'n')]
    name: String,
    /// Location, a label
    #[arg(long, short = 'l')]
    location: Option<String>,
    /// Resource group, a label
    #[arg(long, short = 'g')]
    resource_group: Option<String>,
    /// Kind of vault, a label
    #[arg(long, value_parser = ["standard", "premium"], ignore_case = true, default_value = "standard")]
    sku: String,
    /// Days a deleted object can be recovered
    #[arg(long, value_parser = clap::value_parser!(u32).range(7..=90), default_value_t = 90)]
    retention_days: u32,
    /// What PKCS#11 callers may do
    #[arg(long, value_parser = ["standard", "strict"])]
    profile: Option<String>,
    /// What sensitive keys may be wrapped by: keys that cannot undo it, or any key (for old programs)
    #[arg(long, value_parser = ["guarded", "any"])]
    wrapping: Option<String>,
    /// Put a self-signed certificate object beside each signing key (Java needs one); the daemon's default if absent
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    publish_certificates: Option<bool>,
    #[command(flatten)]
    tags: TagArgs,
}

/// Makes the vault and prints it.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    let request = CreateVaultRequest {
        name: args.name,
        location: args.location.unwrap_or_default(),
        resource_group: args.resource_group.unwrap_or_default(),
        sku: args.sku.to_ascii_lowercase(),
        tags: args.tags.map()?,
        soft_delete_retention_days: args.retention_days,
        profile: args.profile.unwrap_or_default(),
        wrapping: args.wrapping.unwrap_or_default(),
        publish_certificates: args.publish_certificates,
        ..CreateVaultRequest::default()
    };
    let vault = context.vaults().await?.create_vault(request).await?.into_inner();
    Ok(Reply::value(shape::vault(&vault)).columns(shape::VAULT_COLUMNS))
}
