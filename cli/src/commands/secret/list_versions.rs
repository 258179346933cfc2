//! `softkeep secret list-versions`.

use softkeep_proto::v1::{ListSecretVersionsRequest, Secret};

use crate::{
    args::{list::MostArg, target::ObjectTarget},
    client::Context,
    commands::Reply,
    error::Result,
    identifier::Collection,
    pages,
    shape::secret as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectTarget,
    #[command(flatten)]
    most: MostArg,
}

/// Lists a secret's versions, oldest first, without values.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let secret = args.target.resolve(Collection::Secrets, &context.settings)?;
    let mut client = context.secrets().await?;
    let versions: Vec<Secret> = pages::collect(args.most.most(), async |page_token| {
        let (vault, name) = (secret.vault.clone(), secret.name.clone());
        let request = ListSecretVersionsRequest { vault, name, page_size: args.most.page_size(), page_token };
        let page = client.list_secret_versions(request).await?.into_inner();
        Ok((page.secrets, page.next_page_token))
    })
    .await?;
    let items = versions.iter().map(|secret| shape::secret_item(secret, true)).collect();
    Ok(Reply::value(items).columns(shape::SECRET_COLUMNS))
}
