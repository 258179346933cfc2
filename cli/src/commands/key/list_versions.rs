//! `softkeep key list-versions`.

use softkeep_proto::v1::{Key, ListKeyVersionsRequest};

use crate::{
    args::{KeyTarget, list::MostArg},
    client::Context,
    commands::Reply,
    error::Result,
    pages, shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeyTarget,
    #[command(flatten)]
    most: MostArg,
}

/// Lists a key's versions, oldest first.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let key = args.target.object(&context.settings)?;
    let mut client = context.keys().await?;
    let versions: Vec<Key> = pages::collect(args.most.most(), async |page_token| {
        let (vault, name) = (key.vault.clone(), key.name.clone());
        let request = ListKeyVersionsRequest { vault, name, page_size: args.most.page_size(), page_token };
        let page = client.list_key_versions(request).await?.into_inner();
        Ok((page.keys, page.next_page_token))
    })
    .await?;
    let items = versions.iter().map(|key| shape::key_item(key, true)).collect();
    Ok(Reply::value(items).columns(shape::KEY_COLUMNS))
}
