//! A vault with a thousand keys and ten thousand secrets: made, listed by pages of several sizes, and by the command
//! line. Times are printed, not judged: `make bench` measures.

use std::time::Instant;

use softkeep_proto::v1::{ListKeysRequest, ListSecretsRequest, keys_client::KeysClient, secrets_client::SecretsClient};
use softkeep_tests::{
    Daemon, VAULT,
    many::{self, name},
};

fn measured<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = work();
    println!("{what}: {:.0?}", begun.elapsed());
    result
}

/// Page after page until the last: the names, and how many pages there were.
async fn pages(mut page: impl AsyncFnMut(String) -> (Vec<String>, String), size: usize) -> (Vec<String>, usize) {
    let (mut names, mut token, mut count) = (Vec::new(), String::new(), 0);
    loop {
        let (found, next) = page(token).await;
        assert!(found.len() <= size, "a page of {} where {size} were asked for", found.len());
        names.extend(found);
        count += 1;
        if next.is_empty() {
            return (names, count);
        }
        token = next;
    }
}

fn expected(many: usize) -> Vec<String> {
    (0..many).map(name).collect()
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn ten_thousand_secrets() {
    const MANY: usize = 10_000;
    let daemon = Daemon::start();
    measured("10,000 secrets made", || many::make_secrets(&daemon, 0..MANY));
    for size in [25, 999, 1000] {
        let (names, count) = measured(&format!("10,000 secrets by pages of {size}"), || {
            runtime().block_on(async {
                let mut client = SecretsClient::new(many::channel(&daemon).await);
                let page = async |page_token| {
                    let request =
                        ListSecretsRequest { vault: VAULT.to_owned(), page_size: size.try_into().unwrap(), page_token };
                    let reply = client.list_secrets(request).await.unwrap().into_inner();
                    assert!(reply.secrets.iter().all(|secret| secret.value.is_empty()), "a list has no values");
                    (reply.secrets.into_iter().map(|secret| secret.name).collect(), reply.next_page_token)
                };
                pages(page, size).await
            })
        });
        assert!(names == expected(MANY), "each once, by name");
        assert_eq!(count, MANY.div_ceil(size));
    }
    let listed = measured("10,000 secrets by softkeep secret list", || {
        daemon.cli(&["secret", "list", "--query", "[].name", "-o", "tsv"])
    });
    assert!(listed.lines().eq(expected(MANY).iter()), "each once, by name");
    let first = daemon.json(&["secret", "list", "--maxresults", "1234"]);
    assert_eq!(first.as_array().unwrap().len(), 1234);
    assert_eq!(daemon.json(&["secret", "show", "--name", &name(MANY - 1)])["value"], "value of 9999");
}

#[test]
fn a_thousand_keys() {
    const MANY: usize = 1_000;
    let daemon = Daemon::start();
    measured("1,000 keys made", || many::make_keys(&daemon, 0..MANY));
    for size in [25, 1000] {
        let (names, count) = measured(&format!("1,000 keys by pages of {size}"), || {
            runtime().block_on(async {
                let mut client = KeysClient::new(many::channel(&daemon).await);
                let page = async |page_token| {
                    let request =
                        ListKeysRequest { vault: VAULT.to_owned(), page_size: size.try_into().unwrap(), page_token };
                    let reply = client.list_keys(request).await.unwrap().into_inner();
                    (reply.keys.into_iter().map(|key| key.name).collect(), reply.next_page_token)
                };
                pages(page, size).await
            })
        });
        assert!(names == expected(MANY), "each once, by name");
        assert_eq!(count, MANY.div_ceil(size));
    }
    let listed =
        measured("1,000 keys by softkeep key list", || daemon.cli(&["key", "list", "--query", "[].name", "-o", "tsv"]));
    assert!(listed.lines().eq(expected(MANY).iter()), "each once, by name");
    let kids = daemon.json(&["key", "list", "--maxresults", "7", "--query", "[].kid"]);
    assert_eq!(kids.as_array().unwrap().len(), 7);
    assert_eq!(kids[6], "https://dev.vault.localhost/keys/object-000006");
}
