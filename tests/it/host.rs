//! The helper programs of `tests/src/bin` as the tests see them.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use softkeep_tests::Daemon;

/// A program that answers each line with a line; ended when dropped.
pub struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Program {
    /// Starts it.
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout }
    }

    /// `pkcs11-host`, initialised, with a session.
    pub fn host(daemon: &Daemon) -> Self {
        let mut host = Self::start(&mut daemon.command(env!("CARGO_BIN_EXE_pkcs11-host")));
        for verb in ["initialize", "open"] {
            assert_eq!(host.ask(verb), "CKR_OK", "{verb}");
        }
        host
    }

    /// `pkcs11-host`, logged in.
    pub fn logged_in(daemon: &Daemon) -> Self {
        let mut host = Self::host(daemon);
        assert_eq!(host.ask(&format!("login {}", softkeep_tests::PIN)), "CKR_OK");
        host
    }

    /// `sign-loop`, once it signs.
    pub fn sign_loop(daemon: &Daemon, threads: u32) -> Self {
        let mut program = Self::start(daemon.command(env!("CARGO_BIN_EXE_sign-loop")).arg(threads.to_string()));
        assert_eq!(program.line(), "ready");
        program
    }

    /// The next line it writes.
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }

    /// Sends a line, whose answer is the next [`line`](Self::line).
    pub fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Sends a line; the whole answer.
    pub fn tell(&mut self, line: &str) -> String {
        self.say(line);
        self.line()
    }

    /// Sends a line; the answer's first word.
    pub fn ask(&mut self, line: &str) -> String {
        self.tell(line).split(' ').next().unwrap_or_default().to_owned()
    }

    /// Sends a line that must be answered with CKR_OK; what came with it.
    pub fn must(&mut self, line: &str) -> String {
        let answer = self.tell(line);
        let mut words = answer.splitn(3, ' ');
        assert_eq!(words.next(), Some("CKR_OK"), "{line}: {answer}");
        words.nth(1).unwrap_or_default().to_owned()
    }

    /// Sends a line; the milliseconds that it took, and what came with CKR_OK.
    pub fn ask_for(&mut self, line: &str) -> (u64, String) {
        let answer = self.tell(line);
        let mut words = answer.splitn(3, ' ').skip(1);
        let ms = words.next().unwrap_or_default().parse().unwrap_or_else(|_| panic!("{line}: {answer}"));
        (ms, words.next().unwrap_or_default().to_owned())
    }

    /// How many signatures `sign-loop` has made; none may have failed.
    pub fn signed(&mut self) -> u64 {
        let answer = self.tell("count");
        let (signed, failed) = answer.split_once(' ').unwrap_or_else(|| panic!("sign-loop says '{answer}'"));
        assert_eq!(failed, "0", "calls failed");
        signed.parse().unwrap()
    }

    /// Ends its input; it must end well. What it wrote last.
    pub fn finish(mut self) -> String {
        drop(self.stdin.take());
        let last = self.line();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        last
    }

    /// SIGSTOP: it is alive and does nothing.
    pub fn stop(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
