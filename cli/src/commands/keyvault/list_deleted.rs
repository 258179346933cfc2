//! `softkeep keyvault list-deleted`.

use softkeep_proto::v1::ListVaultsRequest;

use super::ResourceType;
use crate::{client::Context, commands::Reply, error::Result, shape::vault};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Vaults, or Managed HSM pools, of which there are none here
    #[arg(long, value_enum, ignore_case = true)]
    resource_type: Option<ResourceType>,
}

/// Lists the deleted vaults that can be recovered.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let mut items = Vec::new();
    let mut request = ListVaultsRequest::default();
    let mut client = context.vaults().await?;
    while args.resource_type != Some(ResourceType::Hsm) {
        let page = client.list_deleted_vaults(request.clone()).await?.into_inner();
        items.extend(page.vaults.iter().map(vault::deleted_vault));
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    Ok(Reply::value(items.into()).columns(vault::DELETED_VAULT_COLUMNS))
}
