//! Which flags name what.

use super::*;

#[test]
fn flags_are_found_among_words() {
    let words: Vec<String> =
        ["softkeep", "key", "show", "--vault-name", "dev", "--endpoint=unix:///s", "--name"].map(str::to_owned).into();
    assert_eq!(flag(&words, "--vault-name").as_deref(), Some("dev"));
    assert_eq!(flag(&words, "--endpoint").as_deref(), Some("unix:///s"));
    assert_eq!(flag(&words, "--name"), None);
}

#[test]
fn names_are_asked_for_where_they_name_something() {
    fn asks(path: &[&str], id: &str) -> bool {
        let mut command = &grammar();
        for word in path {
            command = command.find_subcommand(word).unwrap_or_else(|| panic!("{path:?}"));
        }
        let arg = command.get_arguments().find(|arg| arg.get_id() == id).unwrap_or_else(|| panic!("{path:?} {id}"));
        arg.get::<ArgValueCompleter>().is_some()
    }
    for (path, id) in [
        (["keyvault", "show"].as_slice(), "name"),
        (&["keyvault", "key", "show"], "name"),
        (&["key", "show"], "name"),
        (&["key", "show"], "vault_name"),
        (&["key", "create"], "vault_name"),
        (&["group", "delete"], "name"),
        (&["keyvault", "list"], "resource_group"),
    ] {
        assert!(asks(path, id), "{path:?} {id}");
    }
    for (path, id) in [(["keyvault", "create"].as_slice(), "name"), (&["key", "create"], "name")] {
        assert!(!asks(path, id), "{path:?} {id}");
    }
}

#[test]
fn the_grammar_stays_consistent() {
    grammar().debug_assert();
}
