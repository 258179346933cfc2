//! `softkeep ad sp delete`.

use softkeep_proto::v1::DeletePrincipalRequest;

use crate::{
    client::Context,
    commands::{Reply, ad::IdArg},
    error::Result,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    principal: IdArg,
}

/// Deletes the service principal with its roles and policy entries. Like az, it prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let request = DeletePrincipalRequest { principal: args.principal.id.clone() };
    context.access().await?.delete_principal(request).await?;
    Ok(Reply::nothing())
}
