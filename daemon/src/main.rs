//! `softkeepd`: arguments → configuration → serve. Everything else is in the library.

use std::{path::Path, process::ExitCode, sync::Arc};

use clap::Parser;
use softkeep_daemon::{
    config::BackendName,
    crypto::{AwsLc, Backend, RustCrypto},
    error::{Error, ErrorCode, Result},
    init, jobs,
    pipeline::Pipeline,
    process,
    server::{About, Doors},
    store::SqliteStore,
};
use tokio::sync::watch;

mod args;
mod dev;

use args::{Args, Command};

fn main() -> ExitCode {
    let args = Args::parse();
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "warn".into()))
        .init();
    let result = match &args.command {
        Some(Command::Init(init)) => init.run(),
        None => serve(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}\n  code: {}", error.detail, error.code.reason());
            if let Some(source) = &error.source {
                eprintln!("  cause: {source}");
            }
            ExitCode::FAILURE
        }
    }
}

fn serve(args: &Args) -> Result<()> {
    let memory_locked = process::harden();
    let mut config = args.config()?;
    let dev = args.dev.then(|| dev::Dev::prepare(args, &mut config)).transpose()?;
    require_initialised(&config.data_dir)?;
    let backend: Arc<dyn Backend> = match config.crypto_backend {
        BackendName::AwsLc => Arc::new(AwsLc),
        BackendName::Rustcrypto => {
            tracing::warn!("RSA in the rustcrypto backend is not free of timing differences (RUSTSEC-2023-0071)");
            Arc::new(RustCrypto)
        }
    };
    let store = Arc::new(SqliteStore::open(&config.data_dir)?);
    let pipeline = Arc::new(Pipeline::new(store, backend, &config)?);
    let about = Arc::new(About { dev_mode: args.dev, memory_locked });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::internal)?;
    runtime.block_on(async {
        let doors = Doors::open(&config).await?;
        pipeline.unseal_unattended();
        if let Some(dev) = &dev {
            dev.fill(&pipeline).await?;
        }
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(args::wait_for_stop(args.exit_with_stdin, stop)?);
        if args.ready_stdout {
            println!("ready");
        }
        let jobs = tokio::spawn(jobs::run(pipeline.clone(), stopped.clone()));
        let served = doors.serve(pipeline.clone(), about, stopped).await;
        jobs.abort();
        // The last records reach the disk, and the root key is wiped, before the process ends.
        pipeline.seal("the daemon is stopping");
        served
    })
}

fn require_initialised(data_dir: &Path) -> Result<()> {
    if init::is_initialised(data_dir) {
        return Ok(());
    }
    let hint = format!(
        "{} is not initialised; run: softkeepd init --data-dir {0} --slot keyfile --admin-uid $(id -u)",
        data_dir.display()
    );
    Err(Error::new(ErrorCode::StoreFailed, hint))
}
