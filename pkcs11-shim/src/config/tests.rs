//! What a configuration file and an initialisation string may say.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn reads_lines_and_collects_mistakes() {
    let mut written = Written::default();
    written
        .read_text("# comment\nendpoint = \"unix:///run/a.sock\"\n\ntimeout-ms = 250\nlog=stderr\nnonsense\nx = 1\n");
    assert_eq!(written.endpoint.as_deref(), Some("unix:///run/a.sock"));
    assert_eq!(written.timeout_ms, Some(250));
    assert_eq!(written.log.as_deref(), Some("stderr"));
    assert_eq!(written.mistakes.len(), 2);
}

#[test]
fn a_wrong_timeout_leaves_the_default() {
    let mut written = Written::default();
    written.read_text("timeout-ms = 0\ntimeout-ms = never\n");
    assert_eq!(written.timeout_ms, None);
    assert_eq!(written.mistakes.len(), 2);
    assert_eq!(written.choose().timeout, Duration::from_millis(MODULE_CALL_TIMEOUT_MS));
}

#[test]
fn finds_the_endpoint_among_other_words() {
    assert_eq!(endpoint_of("configdir='sql:/x' endpoint=unix:///a flags=readOnly"), Some("unix:///a"));
    assert_eq!(endpoint_of("endpoint='unix:///b'"), Some("unix:///b"));
    assert_eq!(endpoint_of("configdir='/x'"), None);
    assert_eq!(endpoint_of(""), None);
}

#[test]
fn another_machine_needs_its_files() {
    let mut written = Written::default();
    written.read_text("endpoint = https://keys.example:8443\ntls-ca = /nowhere/ca.pem\ntls-key = /nowhere/key.pem\n");
    let config = written.choose();
    assert_eq!(config.endpoint.to_string(), "https://keys.example:8443");
    let Endpoint::Https(remote) = config.endpoint else { panic!("another machine") };
    assert_eq!(remote.mistake(), Some("https needs tls-ca, tls-certificate and tls-key"));
    let mut written = Written::default();
    let missing = "tls-ca = /nowhere/ca.pem\ntls-certificate = /nowhere/c.pem\ntls-key = /nowhere/key.pem\n";
    written.read_text(&format!("endpoint = https://[::1]:8443/\n{missing}"));
    let Endpoint::Https(remote) = written.choose().endpoint else { panic!("another machine") };
    assert_eq!((&remote.host[..], remote.port), ("::1", 8443));
    assert!(remote.mistake().is_some_and(|mistake| mistake.contains("/nowhere/ca.pem")));
    for wrong in
        ["https://host", "https://host:0", "https://host:70000", "https://:1", "https://a b:1", "http://host:1"]
    {
        assert!(Endpoint::parse(wrong).is_err(), "{wrong}");
    }
}
