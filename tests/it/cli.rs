//! The command line against a real daemon.

use softkeep_tests::Daemon;

#[test]
fn a_key_is_made_used_and_deleted() {
    let daemon = Daemon::start();
    let key = daemon.json(&["key", "create", "--name", "web", "--kty", "RSA"]);
    assert_eq!(key["key"]["kty"], "RSA");
    assert_eq!(daemon.json(&["key", "list"]).as_array().unwrap().len(), 1);
    daemon.cli(&["key", "delete", "--name", "web"]);
    let gone = daemon.softkeep(&["key", "show", "--name", "web"]);
    assert_eq!(gone.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&gone.stderr).contains("KEY_NOT_FOUND"));
    assert_eq!(daemon.json(&["audit", "verify"])["intact"], true);
}
