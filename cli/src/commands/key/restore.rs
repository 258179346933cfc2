//! `softkeep key restore`.

use std::path::PathBuf;

use softkeep_proto::v1::RestoreKeyRequest;

use crate::{
    args::target::KeysTarget,
    azure::refuse_flag,
    client::Context,
    commands::Reply,
    error::{Error, Result},
    files, shape,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: KeysTarget,
    /// File that backup wrote; - is standard input
    #[arg(long, short = 'f')]
    file: Option<PathBuf>,
    /// Taken for az's sake: restoring is done at once
    #[arg(long)]
    no_wait: bool,
    #[command(flatten)]
    storage: StorageArgs,
}

/// Restoring from Azure's storage.
#[derive(clap::Args)]
struct StorageArgs {
    /// Only with Azure: the backup's folder
    #[arg(long)]
    backup_folder: Option<String>,
    /// Only with Azure: the key in the folder
    #[arg(long, short = 'n')]
    name: Option<String>,
    /// Only with Azure: the storage's token
    #[arg(long = "storage-container-SAS-token", short = 't', value_name = "TOKEN")]
    token: Option<String>,
    /// Only with Azure: the container
    #[arg(long)]
    blob_container_name: Option<String>,
    /// Only with Azure: the storage account
    #[arg(long)]
    storage_account_name: Option<String>,
    /// Only with Azure: the storage's URI
    #[arg(long, short = 'u')]
    storage_resource_uri: Option<String>,
}

impl StorageArgs {
    fn refuse(&self) -> Result<()> {
        let given = [
            ("--backup-folder", &self.backup_folder),
            ("--storage-container-SAS-token", &self.token),
            ("--blob-container-name", &self.blob_container_name),
            ("--storage-account-name", &self.storage_account_name),
            ("--storage-resource-uri", &self.storage_resource_uri),
            ("key restore --name", &self.name),
        ];
        given.into_iter().try_for_each(|(flag, value)| refuse_flag(flag, value.is_some()))
    }
}

/// Restores a key with all its versions and prints the current one.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let vault = args.target.resolve(&context.settings)?;
    args.storage.refuse()?;
    let file = args.file.as_ref().ok_or_else(|| Error::usage("no backup named").fix("--file FILE"))?;
    let backup = files::read("--file", file)?.to_vec();
    let restored = context.keys().await?.restore_key(RestoreKeyRequest { vault, backup }).await?.into_inner();
    Ok(Reply::value(shape::key(&restored)).columns(shape::ONE_KEY_COLUMNS))
}
