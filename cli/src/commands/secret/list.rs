//! `softkeep secret list`.

use softkeep_proto::v1::{ListSecretsRequest, Secret};

use crate::{
    args::{
        VaultTarget,
        list::{ManagedArg, MostArg},
    },
    client::Context,
    commands::Reply,
    error::Result,
    pages,
    shape::secret as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VaultTarget,
    #[command(flatten)]
    managed: ManagedArg,
    #[command(flatten)]
    most: MostArg,
}

/// Lists the current version of each secret, without values.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = args.target.resolve(&context.settings)?;
    let mut client = context.secrets().await?;
    let secrets: Vec<Secret> = pages::collect(args.most.most(), async |page_token| {
        let request = ListSecretsRequest { vault: vault.clone(), page_size: args.most.page_size(), page_token };
        let mut page = client.list_secrets(request).await?.into_inner();
        page.secrets.retain(|secret| args.managed.lists(secret.managed));
        Ok((page.secrets, page.next_page_token))
    })
    .await?;
    let items = secrets.iter().map(|secret| shape::secret_item(secret, false)).collect();
    Ok(Reply::value(items).columns(shape::SECRET_COLUMNS))
}
