//! Does the PKCS#11 module load? Another program finds out: this one loads no library.

use std::{process::Stdio, time::Duration};

use tokio::{process::Command, time::timeout};

use super::Check;
use crate::local;

/// The module waits up to 15 s for a daemon; a little longer is a hang.
const PATIENCE: Duration = Duration::from_secs(20);

/// Finds the module and has `pkcs11-tool` list its slots.
pub async fn check(endpoint: &str) -> Vec<Check> {
    let Some(module) = local::module() else {
        let detail = format!("{} is not beside softkeep", local::MODULE);
        return vec![Check::warn("module", detail, "cargo build --release --workspace, or set SOFTKEEP_PKCS11_MODULE")];
    };
    let mut checks = vec![Check::ok("module", module.display().to_string())];
    let Some(tool) = local::on_path("pkcs11-tool") else {
        checks.push(Check::warn("module loads", "not checked: no pkcs11-tool on the PATH", "apt install opensc"));
        return checks;
    };
    let mut command = Command::new(tool);
    command.arg("--module").arg(&module).arg("--list-slots").env("SOFTKEEP_ENDPOINT", endpoint);
    command.stdin(Stdio::null()).kill_on_drop(true);
    let by_hand = format!("pkcs11-tool --module {} --list-slots", local::quote(&module.display().to_string()));
    checks.push(match timeout(PATIENCE, command.output()).await {
        Err(_) => Check::fail("module loads", format!("no answer in {} s", PATIENCE.as_secs()), by_hand),
        Ok(Err(error)) => Check::warn("module loads", format!("cannot run pkcs11-tool: {error}"), "apt install opensc"),
        Ok(Ok(done)) if done.status.success() => {
            let slots = String::from_utf8_lossy(&done.stdout).lines().filter(|line| line.starts_with("Slot ")).count();
            Check::ok("module loads", format!("pkcs11-tool sees {slots} slots"))
        }
        Ok(Ok(done)) => {
            let text = String::from_utf8_lossy(&done.stderr);
            let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("no message");
            let fix = if last.trim() == "No slots." {
                "a vault has a slot once it has a PIN: softkeep token set-so-pin --vault-name VAULT".to_owned()
            } else {
                by_hand
            };
            Check::fail("module loads", format!("pkcs11-tool: {}", last.trim()), fix)
        }
    });
    checks
}
