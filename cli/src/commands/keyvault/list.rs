//! `softkeep keyvault list`.

use serde_json::Value;
use softkeep_proto::v1::ListVaultsRequest;

use crate::{client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Only vaults of this resource group
    #[arg(long, short = 'g')]
    resource_group: Option<String>,
}

/// Lists every vault this caller may see.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    let mut client = context.vaults().await?;
    let mut items: Vec<Value> = Vec::new();
    let mut request = ListVaultsRequest::default();
    loop {
        let page = client.list_vaults(request).await?.into_inner();
        let wanted =
            |group: &str| args.resource_group.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(group));
        items.extend(page.vaults.iter().filter(|vault| wanted(&vault.resource_group)).map(shape::vault_item));
        if page.next_page_token.is_empty() {
            return Ok(Reply::value(items.into()).columns(shape::VAULT_COLUMNS));
        }
        request = ListVaultsRequest { page_token: page.next_page_token, ..ListVaultsRequest::default() };
    }
}
