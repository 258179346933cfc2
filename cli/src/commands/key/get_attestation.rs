//! `softkeep key get-attestation`: a Managed HSM's statement about a key, which no software can make.

use std::path::PathBuf;

use crate::{args::VersionTarget, azure::needs_azure, commands::Reply, error::Result};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: VersionTarget,
    /// File to write
    #[arg(long, short = 'f')]
    file: Option<PathBuf>,
}

/// Says that it needs Azure.
pub fn run(_: &Args) -> Result<Reply> {
    Err(needs_azure("keyvault key get-attestation"))
}
