//! `softkeep group list`.

use serde_json::Value;
use softkeep_proto::v1::ListGroupsRequest;

use crate::{client::Context, commands::Reply, error::Result, shape::group};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Only groups with this tag, as name or name=value
    #[arg(long)]
    tag: Option<String>,
}

/// Lists the groups.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let wanted = |tags: &std::collections::HashMap<String, String>| match args
        .tag
        .as_deref()
        .map(|tag| tag.split_once('=').unwrap_or((tag, "")))
    {
        None => true,
        Some((name, "")) => tags.contains_key(name),
        Some((name, value)) => tags.get(name).is_some_and(|found| found == value),
    };
    let mut client = context.vaults().await?;
    let mut items: Vec<Value> = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListGroupsRequest { page_size: 0, page_token };
        let page = client.list_groups(request).await?.into_inner();
        items.extend(page.groups.iter().filter(|group| wanted(&group.tags)).map(group::group));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(Reply::value(items.into()).columns(group::GROUP_COLUMNS));
        }
    }
}
