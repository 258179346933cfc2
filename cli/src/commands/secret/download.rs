//! `softkeep secret download`.

use std::path::PathBuf;

use zeroize::Zeroizing;

use super::{
    encoding::{self, FileEncoding},
    show,
};
use crate::{
    args::target::ObjectVersionTarget,
    client::Context,
    commands::Reply,
    error::Result,
    files::{self, Readers},
    identifier::Collection,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    target: ObjectVersionTarget,
    /// File to write, readable by you alone; - is standard output
    #[arg(long, short = 'f')]
    file: PathBuf,
    /// The file's encoding; what the secret's tag file-encoding says if absent, else utf-8
    #[arg(long, short = 'e', value_enum, ignore_case = true)]
    encoding: Option<FileEncoding>,
    /// Write over a file that is there
    #[arg(long)]
    overwrite: bool,
}

/// Writes the value to a file. Like az, it prints nothing else.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let target = args.target.resolve(Collection::Secrets, &context.settings)?;
    let to_stdout = args.file.as_os_str() == "-";
    if !args.overwrite {
        files::must_be_new("--file", &args.file)?;
    }
    let secret = show::get(target, context).await?;
    let encoding = match args.encoding {
        Some(encoding) => encoding,
        None => FileEncoding::of_tag(secret.tags.get(encoding::TAG))?,
    };
    let content = encoding.content(&Zeroizing::new(secret.value))?;
    if args.overwrite && !to_stdout {
        files::overwrite("--file", &args.file, &content)?;
    } else {
        files::write_new("--file", &args.file, &content, Readers::Owner)?;
    }
    Ok(Reply::nothing())
}
