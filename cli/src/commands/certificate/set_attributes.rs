//! `softkeep certificate set-attributes`.

use softkeep_proto::v1::{CertificateAttributes, UpdateCertificateRequest};

use super::policy;
use crate::{
    args::{
        TagArgs,
        attributes::{EnabledArg, mask},
        target::ObjectVersionTarget,
    },
    client::Context,
    commands::Reply,
    error::Result,
    identifier::Collection,
    shape::certificate as shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectVersionTarget,
    #[command(flatten)]
    enabled: EnabledArg,
    /// The policy for versions to come: JSON, @FILE or a file's name
    #[arg(long, short = 'p', value_name = "POLICY")]
    policy: Option<String>,
    #[command(flatten)]
    tags: TagArgs,
}

/// Changes what was given and prints the certificate.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let target = args.target.resolve(Collection::Certificates, &context.settings)?;
    let policy = args.policy.as_deref().map(|given| policy::read("--policy", given)).transpose()?;
    let given =
        [("enabled", args.enabled.enabled.is_some()), ("tags", args.tags.given()), ("policy", policy.is_some())];
    let paths = given.into_iter().filter(|(_, given)| *given).map(|(name, _)| name.to_owned()).collect();
    let request = UpdateCertificateRequest {
        vault: target.vault,
        name: target.name,
        version: target.version,
        attributes: Some(CertificateAttributes { enabled: args.enabled.enabled, tags: args.tags.map()? }),
        policy,
        update_mask: mask(paths)?,
    };
    let changed = context.certificates().await?.update_certificate(request).await?.into_inner();
    Ok(Reply::value(shape::certificate(&changed)).columns(shape::ONE_CERTIFICATE_COLUMNS))
}
