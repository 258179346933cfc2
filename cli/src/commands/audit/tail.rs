//! `softkeep audit tail`: the lines as they are on disk, whatever `-o` says.

use softkeep_proto::v1::TailRequest;

use crate::{client::Context, commands::Reply, error::Result, output};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// How many of the newest records
    #[arg(long, short = 'l', value_parser = clap::value_parser!(u32).range(0..=10_000), default_value_t = 20)]
    lines: u32,
    /// Then print each new one, until interrupted
    #[arg(long)]
    follow: bool,
}

/// Prints records until there are no more.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let request = TailRequest { lines: args.lines, follow: args.follow };
    let mut records = context.audit().await?.tail(request).await?.into_inner();
    while let Some(record) = records.message().await? {
        output::write(format!("{}\n", record.line.trim_end_matches('\n')).as_bytes())?;
    }
    Ok(Reply::nothing())
}
