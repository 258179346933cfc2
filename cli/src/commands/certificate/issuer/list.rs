//! `softkeep certificate issuer list`.

use softkeep_proto::v1::{Issuer, ListIssuersRequest};

use crate::{args::VaultArg, client::Context, commands::Reply, error::Result, pages, shape::certificate as shape};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
}

/// Lists the vault's issuers.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = context.settings.vault(args.vault.vault_name.as_deref())?;
    let mut client = context.certificates().await?;
    let issuers: Vec<Issuer> = pages::collect(usize::MAX, async |page_token| {
        let request = ListIssuersRequest { vault: vault.clone(), page_size: 0, page_token };
        let page = client.list_issuers(request).await?.into_inner();
        Ok((page.issuers, page.next_page_token))
    })
    .await?;
    let items = issuers.iter().map(shape::issuer_item).collect();
    Ok(Reply::value(items).columns(shape::ISSUER_COLUMNS))
}
