//! `softkeep certificate list-versions`.

use softkeep_proto::v1::{Certificate, ListCertificateVersionsRequest};

use crate::{
    args::{list::MostArg, target::ObjectTarget},
    client::Context,
    commands::Reply,
    error::Result,
    identifier::Collection,
    pages,
    shape::certificate as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectTarget,
    #[command(flatten)]
    most: MostArg,
}

/// Lists a certificate's versions, oldest first.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let certificate = args.target.resolve(Collection::Certificates, &context.settings)?;
    let mut client = context.certificates().await?;
    let versions: Vec<Certificate> = pages::collect(args.most.most(), async |page_token| {
        let (vault, name) = (certificate.vault.clone(), certificate.name.clone());
        let request = ListCertificateVersionsRequest { vault, name, page_size: args.most.page_size(), page_token };
        let page = client.list_certificate_versions(request).await?.into_inner();
        Ok((page.certificates, page.next_page_token))
    })
    .await?;
    let items = versions.iter().map(|version| shape::certificate_item(version, true)).collect();
    Ok(Reply::value(items).columns(shape::CERTIFICATE_COLUMNS))
}
