//! `softkeepd` as a child: its stdin is a pipe whose end means "stop", so that a killed `softkeep` leaves no daemon;
//! its first line on stdout is `ready`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use super::{Args, Folder, Log};
use crate::error::{Error, Result};

const READY_TIMEOUT: Duration = Duration::from_secs(30);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Lines of the log that are shown when the daemon does not start.
const SHOWN_LINES: usize = 20;

/// The child process.
pub struct Daemon {
    child: Child,
    /// Never written; closing it stops the daemon. Close-on-exec, so no other child holds it.
    _stdin: Option<ChildStdin>,
    stdout: Option<BufReader<ChildStdout>>,
    log: Option<PathBuf>,
}

impl Daemon {
    /// Starts the daemon.
    pub fn spawn(program: &Path, args: &Args, folder: &Folder, log: Log) -> Result<Self> {
        let mut command = Command::new(program);
        command.arg("--dev").arg("--data-dir").arg(folder.path()).arg("--listen").arg(folder.endpoint());
        for vault in &args.vaults {
            command.arg("--dev-vault").arg(vault);
        }
        command.arg("--ready-stdout").arg("--exit-with-stdin");
        // Not in argv, where every user can read them.
        command.env("SOFTKEEPD_DEV_PIN", &args.pin).env("SOFTKEEPD_DEV_SO_PIN", &args.so_pin);
        if let Some(user) = &args.user {
            command.env("SOFTKEEPD_DEV_USER", user);
        }
        let log = (log == Log::File).then(|| folder.path().join("softkeepd.log"));
        let stderr = match &log {
            Some(path) => Stdio::from(
                File::create(path).map_err(|error| Error::io(format!("cannot write {}", path.display()), &error))?,
            ),
            None => Stdio::inherit(),
        };
        // A group of its own: the terminal's Ctrl-C is for the command, the daemon outlives it.
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr).process_group(0).kill_on_drop(true);
        let mut child =
            command.spawn().map_err(|error| Error::io(format!("cannot start {}", program.display()), &error))?;
        let stdout = child.stdout.take().map(BufReader::new);
        Ok(Self { _stdin: child.stdin.take(), stdout, child, log })
    }

    /// Waits for the line `ready`.
    pub async fn ready(&mut self) -> Result<()> {
        let Some(mut stdout) = self.stdout.take() else {
            return Ok(());
        };
        let wait = async {
            let mut line = String::new();
            loop {
                line.clear();
                match stdout.read_line(&mut line).await {
                    Ok(0) | Err(_) => return false,
                    Ok(_) if line.trim_end() == "ready" => return true,
                    Ok(_) => {}
                }
            }
        };
        match timeout(READY_TIMEOUT, wait).await {
            Ok(true) => {
                // Read on, so that the daemon never waits for a full pipe.
                tokio::spawn(async move { tokio::io::copy(&mut stdout, &mut tokio::io::sink()).await });
                Ok(())
            }
            Ok(false) => {
                let status = timeout(STOP_TIMEOUT, self.child.wait()).await.ok().and_then(std::result::Result::ok);
                self.show_log();
                let how = status.map_or_else(|| "closed its stdout".to_owned(), |status| status.to_string());
                Err(Error::local(format!("softkeepd did not start: {how}")).fix("its log above says why"))
            }
            Err(_) => {
                self.show_log();
                Err(Error::local(format!("softkeepd was not ready after {} s", READY_TIMEOUT.as_secs())))
            }
        }
    }

    fn show_log(&self) {
        let text = self.log.as_ref().and_then(|path| fs::read_to_string(path).ok()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(SHOWN_LINES)) {
            eprintln!("softkeepd: {line}");
        }
    }

    /// Waits until the daemon ends.
    pub async fn ended(&mut self) -> Option<ExitStatus> {
        self.child.wait().await.ok()
    }

    /// SIGTERM, some patience, SIGKILL.
    pub async fn stop(mut self) {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let Some(pid) = pid else {
            return; // it has ended and been waited for
        };
        // An error means that it has just ended.
        let _ = kill_process(pid, Signal::TERM);
        if timeout(STOP_TIMEOUT, self.child.wait()).await.is_err() {
            eprintln!("warning: softkeepd did not stop in {} s and was killed", STOP_TIMEOUT.as_secs());
            let _ = self.child.kill().await;
        }
    }
}
