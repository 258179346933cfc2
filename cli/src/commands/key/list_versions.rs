//! `softkeep key list-versions`.

use serde_json::Value;
use softkeep_proto::v1::ListKeyVersionsRequest;

use crate::{args::KeyTarget, client::Context, commands::Reply, error::Result, shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
    /// At most so many
    #[arg(long, alias = "max-results", value_name = "COUNT")]
    maxresults: Option<usize>,
}

/// Lists a key's versions, oldest first.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.resolve(&context.settings)?;
    let most = args.maxresults.unwrap_or(usize::MAX);
    let mut client = context.keys().await?;
    let mut items: Vec<Value> = Vec::new();
    let mut page_token = String::new();
    loop {
        let request =
            ListKeyVersionsRequest { vault: key.vault.clone(), name: key.name.clone(), page_size: 0, page_token };
        let page = client.list_key_versions(request).await?.into_inner();
        items.extend(page.keys.iter().map(|key| shape::key_item(key, true)));
        page_token = page.next_page_token;
        if page_token.is_empty() || items.len() >= most {
            items.truncate(most);
            return Ok(Reply::value(items.into()).columns(shape::KEY_COLUMNS));
        }
    }
}
