//! SIGINT, SIGTERM and SIGHUP: caught, so that nothing is left behind, and passed on.

use std::fs::File;

use rustix::process::{Pid, Signal, getpgrp, kill_process};
use tokio::signal::unix::{self, SignalKind};

use crate::error::{Error, Result};

/// The three streams.
pub struct Signals {
    interrupt: unix::Signal,
    terminate: unix::Signal,
    hangup: unix::Signal,
}

impl Signals {
    /// From now on, the signals are ours.
    pub fn catch() -> Result<Self> {
        let on = |kind| unix::signal(kind).map_err(|error| Error::io("cannot catch signals", &error));
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hangup: on(SignalKind::hangup())?,
        })
    }

    /// The next signal.
    pub async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hangup.recv() => Signal::HUP,
        }
    }
}

/// Passes a signal on to a child in this process group.
pub fn forward(signal: Signal, child: Option<u32>) {
    // The terminal sends Ctrl-C to the whole group: the child has it already.
    if signal == Signal::INT && in_foreground() {
        return;
    }
    if let Some(pid) = child.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?)) {
        // An error means that it has just ended.
        let _ = kill_process(pid, signal);
    }
}

/// Whether this process group is the one that the terminal's keys reach.
fn in_foreground() -> bool {
    File::open("/dev/tty").is_ok_and(|tty| rustix::termios::tcgetpgrp(&tty).is_ok_and(|group| group == getpgrp()))
}

/// The exit code of a program that a signal ended, as shells have it.
pub fn exit_code(signal: Signal) -> u8 {
    u8::try_from(128 + signal.as_raw()).unwrap_or(u8::MAX)
}
