//! `softkeep key list`.

use softkeep_proto::v1::{Key, ListKeysRequest};

use crate::{
    args::{
        list::{ManagedArg, MostArg},
        target::KeysTarget,
    },
    client::Context,
    commands::Reply,
    error::Result,
    pages, shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeysTarget,
    #[command(flatten)]
    managed: ManagedArg,
    #[command(flatten)]
    most: MostArg,
}

/// Lists the current version of each key.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = args.target.resolve(&context.settings)?;
    let mut client = context.keys().await?;
    let keys: Vec<Key> = pages::collect(args.most.most(), async |page_token| {
        let request = ListKeysRequest { vault: vault.clone(), page_size: args.most.page_size(), page_token };
        let mut page = client.list_keys(request).await?.into_inner();
        page.keys.retain(|key| args.managed.lists(key.managed));
        Ok((page.keys, page.next_page_token))
    })
    .await?;
    let items = keys.iter().map(|key| shape::key_item(key, false)).collect();
    Ok(Reply::value(items).columns(shape::KEY_COLUMNS))
}
