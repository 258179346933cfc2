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

#[test]
fn a_secret_key_is_made_shown_and_not_downloaded() {
    let daemon = Daemon::start();
    let key = daemon.json(&["keyvault", "key", "create", "--name", "disk", "--kty", "oct-HSM", "--size", "256"]);
    assert_eq!((&key["key"]["kty"], &key["attributes"]["keySize"]), (&"oct-HSM".into(), &256.into()));
    assert!(key["key"]["k"].is_null() && key["key"]["n"].is_null());
    assert_eq!(daemon.json(&["key", "show", "--name", "disk"])["key"]["kty"], "oct-HSM");
    assert_eq!(daemon.json(&["key", "list"]).as_array().unwrap().len(), 1);
    let refused = daemon.softkeep(&["key", "download", "--name", "disk", "--file", "-"]);
    assert!(!refused.status.success() && refused.stdout.is_empty());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("no public half"));
    daemon.cli(&["key", "delete", "--name", "disk"]);
    assert_eq!(daemon.softkeep(&["key", "show", "--name", "disk"]).status.code(), Some(3));
}

#[test]
fn a_deleted_key_is_listed_and_comes_back() {
    let daemon = Daemon::start();
    let made = daemon.json(&["key", "create", "--name", "web", "--kty", "EC"]);
    daemon.cli(&["key", "delete", "--name", "web"]);
    let deleted = daemon.json(&["key", "list-deleted"]);
    assert_eq!(deleted.as_array().map(Vec::len), Some(1));
    assert!(deleted[0]["name"] == "web" && deleted[0]["deletedDate"].is_string());
    let recovered = daemon.json(&["key", "recover", "--name", "web"]);
    assert_eq!(recovered["key"], made["key"]);
    assert_eq!(daemon.json(&["key", "list-deleted"]).as_array().map(Vec::len), Some(0));
    assert_eq!(daemon.json(&["key", "list"]).as_array().map(Vec::len), Some(1));
    assert!(!daemon.softkeep(&["key", "recover", "--name", "web"]).status.success(), "it is not deleted any more");
    assert_eq!(daemon.json(&["audit", "verify"])["intact"], true);
}
