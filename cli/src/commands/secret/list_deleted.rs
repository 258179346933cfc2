//! `softkeep secret list-deleted`.

use softkeep_proto::v1::{ListSecretsRequest, Secret};

use crate::{
    args::{VaultTarget, list::MostArg},
    client::Context,
    commands::Reply,
    error::Result,
    pages,
    shape::{DELETED_COLUMNS, secret as shape},
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VaultTarget,
    #[command(flatten)]
    most: MostArg,
}

/// Lists the deleted secrets with their dates.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = args.target.resolve(&context.settings)?;
    let mut client = context.secrets().await?;
    let secrets: Vec<Secret> = pages::collect(args.most.most(), async |page_token| {
        let request = ListSecretsRequest { vault: vault.clone(), page_size: args.most.page_size(), page_token };
        let page = client.list_deleted_secrets(request).await?.into_inner();
        Ok((page.secrets, page.next_page_token))
    })
    .await?;
    let items = secrets.iter().map(|secret| shape::secret_item(secret, false)).collect();
    Ok(Reply::value(items).columns(DELETED_COLUMNS))
}
