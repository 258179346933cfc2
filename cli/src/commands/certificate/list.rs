//! `softkeep certificate list`.

use softkeep_proto::v1::{Certificate, ListCertificatesRequest};

use crate::{
    args::{
        VaultTarget,
        list::{MostArg, PendingArg},
    },
    client::Context,
    commands::Reply,
    error::Result,
    pages,
    shape::certificate as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VaultTarget,
    #[command(flatten)]
    pending: PendingArg,
    #[command(flatten)]
    most: MostArg,
}

/// Lists the current version of each certificate.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = args.target.resolve(&context.settings)?;
    let include_pending = args.pending.included();
    let mut client = context.certificates().await?;
    let certificates: Vec<Certificate> = pages::collect(args.most.most(), async |page_token| {
        let request = ListCertificatesRequest {
            vault: vault.clone(),
            page_size: args.most.page_size(),
            page_token,
            include_pending,
        };
        let page = client.list_certificates(request).await?.into_inner();
        Ok((page.certificates, page.next_page_token))
    })
    .await?;
    let items = certificates.iter().map(|certificate| shape::certificate_item(certificate, false)).collect();
    Ok(Reply::value(items).columns(shape::CERTIFICATE_COLUMNS))
}
