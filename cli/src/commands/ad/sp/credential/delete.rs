//! `softkeep ad sp credential delete`.

use softkeep_proto::v1::RemoveCredentialRequest;

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
    /// Credential, as list prints it
    #[arg(long, value_name = "GUID")]
    key_id: String,
    /// Accepted for az's sake: the id says which it is
    #[arg(long, hide = true)]
    cert: bool,
}

/// Takes the credential away. Like az, it prints nothing.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    // The id says which it is.
    let _ = args.cert;
    let request = RemoveCredentialRequest { principal: args.principal.id.clone(), key_id: args.key_id.clone() };
    context.access().await?.remove_credential(request).await?;
    Ok(Reply::nothing())
}
