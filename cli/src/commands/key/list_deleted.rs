//! `softkeep key list-deleted`.

use softkeep_proto::v1::{Key, ListKeysRequest};

use crate::{
    args::{list::MostArg, target::KeysTarget},
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
    most: MostArg,
}

/// Lists the deleted keys with their dates.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = args.target.resolve(&context.settings)?;
    let mut client = context.keys().await?;
    let keys: Vec<Key> = pages::collect(args.most.most(), async |page_token| {
        let request = ListKeysRequest { vault: vault.clone(), page_size: args.most.page_size(), page_token };
        let page = client.list_deleted_keys(request).await?.into_inner();
        Ok((page.keys, page.next_page_token))
    })
    .await?;
    let items = keys.iter().map(shape::deleted_key_item).collect();
    Ok(Reply::value(items).columns(shape::DELETED_COLUMNS))
}
