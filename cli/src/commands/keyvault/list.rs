//! `softkeep keyvault list`.

use softkeep_proto::v1::ListVaultsRequest;

use super::ResourceType;
use crate::{client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Only vaults of this resource group
    #[arg(long, short = 'g')]
    resource_group: Option<String>,
    /// Vaults, or Managed HSM pools, of which there are none here
    #[arg(long, value_enum, ignore_case = true)]
    resource_type: Option<ResourceType>,
}

/// Lists every vault this caller may see.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    let mut items = Vec::new();
    let mut request =
        ListVaultsRequest { resource_group: args.resource_group.unwrap_or_default(), ..ListVaultsRequest::default() };
    let mut client = context.vaults().await?;
    while args.resource_type != Some(ResourceType::Hsm) {
        let page = client.list_vaults(request.clone()).await?.into_inner();
        items.extend(page.vaults.iter().map(shape::vault_item));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    Ok(Reply::value(items.into()).columns(shape::VAULT_COLUMNS))
}
