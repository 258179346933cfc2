//! The file: who may read it, and whose token is found.

use super::*;
use crate::args::GlobalArgs;

fn settings(path: &Path, endpoint: &str) -> Settings {
    let flags = GlobalArgs { endpoint: Some(endpoint.to_owned()), ..GlobalArgs::default() };
    let file = path.display().to_string();
    let env = move |name: &str| (name == "SOFTKEEP_SESSION").then(|| file.clone());
    Settings::resolve(&flags, &env, Vec::new(), &|_| false).unwrap()
}

fn session(name: &str) -> Session {
    Session {
        access_token: format!("token-of-{name}"),
        refresh_token: String::new(),
        expires: 0,
        name: name.to_owned(),
    }
}

#[test]
fn a_session_is_the_owners_and_one_daemons() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/softkeep/session.json");
    let (one, two) = (settings(&path, "unix:///run/one.sock"), settings(&path, "unix:///run/two.sock"));
    assert!(load(&one).unwrap().is_none());
    store(&one, None).unwrap();
    assert!(!path.exists(), "forgetting nothing writes nothing");
    store(&one, Some(session("ada"))).unwrap();
    store(&two, Some(session("bob"))).unwrap();
    assert_eq!(load(&one).unwrap().unwrap().name, "ada");
    assert_eq!(load(&two).unwrap().unwrap().access_token, "token-of-bob");
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
    store(&one, None).unwrap();
    assert!(load(&one).unwrap().is_none());
    assert!(load(&two).unwrap().is_some());
    clear(&two).unwrap();
    assert!(!path.exists());
    clear(&two).unwrap();
}

#[test]
fn a_file_that_others_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("session.json");
    let settings = settings(&path, "unix:///run/one.sock");
    store(&settings, Some(session("ada"))).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(load(&settings).err().unwrap().message().contains("other users"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "{").unwrap();
    assert!(load(&settings).err().unwrap().message().contains("damaged"));
}

#[test]
fn a_wide_folder_of_ours_is_narrowed() {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("softkeep");
    DirBuilder::new().mode(0o755).create(&own).unwrap();
    narrow(&settings(&own.join("session.json"), "unix:///s"));
    assert_eq!(fs::metadata(&own).unwrap().mode() & 0o777, 0o700);
    let other = folder.path().join("etc");
    DirBuilder::new().mode(0o755).create(&other).unwrap();
    narrow(&settings(&other.join("session.json"), "unix:///s"));
    assert_eq!(fs::metadata(&other).unwrap().mode() & 0o777, 0o755, "not ours to change");
}

#[test]
fn places() {
    let env = |wanted: &'static str, value: &'static str| move |name: &str| (name == wanted).then(|| value.to_owned());
    assert_eq!(place(None, &env("HOME", "/h")), Some("/h/.config/softkeep/session.json".into()));
    assert_eq!(place(None, &env("XDG_CONFIG_HOME", "/x")), Some("/x/softkeep/session.json".into()));
    assert_eq!(place(Some(Path::new("/c/my.toml")), &env("HOME", "/h")), Some("/c/session.json".into()));
    assert_eq!(place(Some(Path::new("/c/my.toml")), &env("SOFTKEEP_SESSION", "/s")), Some("/s".into()));
    assert_eq!(place(None, &|_: &str| None), None);
}

#[test]
fn refreshed_in_the_last_five_minutes() {
    let mut session = session("ada");
    (session.expires, session.refresh_token) = (10_000, "r".to_owned());
    assert!(!session.wants_refresh(9_700));
    assert!(session.wants_refresh(9_701));
    session.refresh_token.clear();
    assert!(!session.wants_refresh(20_000), "nothing to refresh with");
}
