//! `softkeep key list-deleted`.

use serde_json::Value;
use softkeep_proto::v1::ListKeysRequest;

use crate::{args::VaultTarget, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VaultTarget,
    /// At most so many
    #[arg(long, alias = "max-results", value_name = "COUNT")]
    maxresults: Option<usize>,
}

/// Lists the deleted keys with their dates.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = args.target.resolve(&context.settings)?;
    let most = args.maxresults.unwrap_or(usize::MAX);
    let mut client = context.keys().await?;
    let mut items: Vec<Value> = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListKeysRequest { vault: vault.clone(), page_size: 0, page_token };
        let page = client.list_deleted_keys(request).await?.into_inner();
        items.extend(page.keys.iter().map(shape::deleted_key_item));
        page_token = page.next_page_token;
        if page_token.is_empty() || items.len() >= most {
            items.truncate(most);
            return Ok(Reply::value(items.into()).columns(shape::KEY_COLUMNS));
        }
    }
}
