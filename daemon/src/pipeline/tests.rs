//! The straight line from end to end, with a store in memory: who may do what, in which state, and what is on record afterwards.

use softkeep_proto::v1;
use tempfile::TempDir;

use super::*;
use crate::{
    config::{ClientGrant, GrantedPermission},
    crypto::{AwsLc, RustCrypto},
    identity::UserType,
    keys::{initialise, seal},
    ops::{
        create_key::CreateKey, create_vault::CreateVault, delete_key::DeleteKey, delete_vault::DeleteVault,
        destroy_object::DestroyObject, find_objects::FindObjects, get_key::GetKey, get_objects::GetObjects,
        list_keys::ListKeys, list_tokens::ListTokens, list_vaults::ListVaults, login::Login, seal::Seal,
        set_pin::SetPin, sign::Sign, unlock_token::UnlockToken, verify::Verify,
    },
    policy::{KeyName, Permission, VaultName},
    store::{MemoryStore, Write},
};

#[path = "tests/certificates.rs"]
mod certificates;
#[path = "tests/data_plane.rs"]
mod data_plane;
#[path = "tests/secrets.rs"]
mod secrets;
#[path = "tests/vaults.rs"]
mod vaults;

#[path = "tests/imports.rs"]
mod imports;
#[path = "tests/key_lifecycle.rs"]
mod key_lifecycle;

struct Fixture {
    pipeline: Arc<Pipeline>,
    store: Arc<MemoryStore>,
    config: Config,
    _dir: TempDir,
}

const STRANGER: Peer = Peer::Unix { uid: 4_000_000, pid: None };
const APPLICATION: Id = Id([7; 16]);

fn certificate() -> Peer {
    Peer::Certificate { name: "web".into(), fingerprint: [1; 32] }
}

impl Fixture {
    async fn new() -> Self {
        Self::with(Arc::new(AwsLc)).await
    }

    /// Two vaults with PINs, `dev` and `other`, and a certificate that may sign in `dev`.
    async fn with(backend: Arc<dyn Backend>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(MemoryStore::new());
        let slot = slot::Slot::KeyFile(dir.path().join("root.key"));
        initialise(&*store, &slot, seal::random_secret().unwrap()).unwrap();
        let permissions = vec![GrantedPermission(Permission::Sign), GrantedPermission(Permission::Get)];
        let clients = vec![ClientGrant { name: "web".into(), vaults: vec!["dev".into()], permissions }];
        let config = Config { data_dir: dir.path().into(), clients, ..Config::default() };
        let pipeline = Arc::new(Pipeline::new(store.clone(), backend, &config).unwrap());
        pipeline.unseal_unattended();
        let fixture = Self { pipeline, store, config, _dir: dir };
        for name in ["dev", "other"] {
            let request = v1::CreateVaultRequest { name: name.into(), ..Default::default() };
            fixture.run(Caller::Internal, CreateVault::parse(request, false).unwrap()).await.unwrap();
            for (user_type, pin) in [(UserType::User, "1234"), (UserType::SecurityOfficer, "12345678")] {
                fixture.run(Caller::Internal, set_pin(name, user_type, pin)).await.unwrap();
            }
            fixture.key(name, "web", "EC").await;
        }
        fixture
    }

    /// The same store under a daemon that has just started.
    fn restarted(&self) -> Arc<Pipeline> {
        self.pipeline.seal("restarting");
        let pipeline = Arc::new(Pipeline::new(self.store.clone(), Arc::new(AwsLc), &self.config).unwrap());
        pipeline.unseal_unattended();
        pipeline
    }

    async fn run<O: Operation>(&self, caller: Caller, operation: O) -> Result<O::Reply> {
        self.pipeline.run(caller, Door::Grpc, operation).await
    }

    async fn key(&self, vault: &str, name: &str, kty: &str) -> Id {
        let request =
            v1::CreateKeyRequest { vault: vault.into(), name: name.into(), kty: kty.into(), ..Default::default() };
        self.run(Caller::Internal, CreateKey::parse(request).unwrap()).await.unwrap().version.id
    }

    fn vault(&self, name: &str) -> Id {
        self.pipeline.unsealed().unwrap().keys.catalog.view().vault_named(name).unwrap().id
    }

    async fn login(&self, vault: &str, user_type: UserType, pin: &str, peer: Peer) -> Result<Caller> {
        let operation = Login { vault: self.vault(vault), user_type, pin: Zeroizing::new(pin.as_bytes().to_vec()) };
        let token = self.run(Caller::Application(peer.clone(), APPLICATION), operation).await?;
        self.pipeline.identify(&peer, &token, APPLICATION)
    }

    async fn user(&self) -> Caller {
        self.login("dev", UserType::User, "1234", STRANGER).await.unwrap()
    }
}

fn set_pin(vault: &str, user_type: UserType, pin: &str) -> SetPin {
    SetPin {
        vault: VaultName::Named(vault.into()),
        user_type,
        old_pin: None,
        new_pin: Zeroizing::new(pin.as_bytes().to_vec()),
    }
}

fn sign(vault: &str, name: &str) -> Sign {
    let request = v1::SignRequest { key: None, algorithm: "ES256".into(), digest: vec![7; 32] };
    Sign::parse(VaultName::Named(vault.into()), KeyName::Named(name.into(), None), request).unwrap()
}

fn code<T>(result: Result<T>) -> Option<ErrorCode> {
    result.err().map(|error| error.code)
}

/// Every caller × every kind of operation in its own vault `dev` and in `other`.
#[tokio::test]
async fn authorisation_matrix() {
    use ErrorCode::{PermissionDenied as Denied, Unauthenticated as LogIn, VaultNotFound as Hidden};
    let fixture = Fixture::new().await;
    // The first and the fifth set a PIN, which ends logins: so each logs in when its turn comes.
    let cases: [(&str, [Option<ErrorCode>; 7]); 6] = [
        // sign dev, sign other, list dev, delete dev key, create vault, set dev's PIN, seal
        ("root", [None, None, None, None, None, None, None]),
        ("stranger", [Some(Denied); 7]),
        (
            "not logged in",
            [Some(LogIn), Some(LogIn), Some(LogIn), Some(LogIn), Some(Denied), Some(LogIn), Some(Denied)],
        ),
        ("pin user", [None, Some(Hidden), None, None, Some(Denied), Some(Denied), Some(Denied)]),
        (
            "security officer",
            [Some(Denied), Some(Hidden), Some(Denied), Some(Denied), Some(Denied), None, Some(Denied)],
        ),
        (
            "listed certificate",
            [None, Some(Hidden), Some(Denied), Some(Denied), Some(Denied), Some(Denied), Some(Denied)],
        ),
    ];
    for (name, expected) in cases {
        let caller = match name {
            "root" => Caller::Peer(Peer::Unix { uid: 0, pid: None }),
            "stranger" => Caller::Peer(STRANGER),
            "not logged in" => Caller::Application(STRANGER, APPLICATION),
            "pin user" => fixture.user().await,
            "security officer" => fixture.login("dev", UserType::SecurityOfficer, "12345678", STRANGER).await.unwrap(),
            _ => Caller::Peer(certificate()),
        };
        let doomed = format!("doomed-{}", name.replace(' ', "-"));
        fixture.key("dev", &doomed, "EC").await;
        let vault = || VaultName::Named("dev".into());
        let fresh = format!("v-{}", name.replace(' ', "-"));
        let create = v1::CreateVaultRequest { name: fresh, ..Default::default() };
        let run = |caller: &Caller| caller.clone();
        let got = [
            code(fixture.run(run(&caller), sign("dev", "web")).await),
            code(fixture.run(run(&caller), sign("other", "web")).await),
            code(fixture.run(run(&caller), ListKeys { vault: vault(), after: String::new(), limit: 9 }).await),
            code(fixture.run(run(&caller), DeleteKey { vault: vault(), name: doomed.clone() }).await),
            code(fixture.run(run(&caller), CreateVault::parse(create, false).unwrap()).await),
            code(fixture.run(run(&caller), set_pin("dev", UserType::User, "1234")).await),
            code(fixture.run(run(&caller), Seal).await),
        ];
        assert_eq!(got, expected, "{name}");
    }
}

#[tokio::test]
async fn a_sealed_daemon_does_nothing() {
    let fixture = Fixture::new().await;
    let user = fixture.user().await;
    fixture.pipeline.seal("a test");
    assert_eq!(code(fixture.run(user, sign("dev", "web")).await), Some(ErrorCode::Sealed));
    assert_eq!(code(fixture.run(Caller::Internal, ListVaults { group: String::new() }).await), Some(ErrorCode::Sealed));
    assert_eq!(code(fixture.pipeline.identify(&STRANGER, &[1; 74], APPLICATION)), Some(ErrorCode::Sealed));
    fixture.pipeline.unseal_unattended();
    assert!(fixture.run(Caller::Internal, sign("dev", "web")).await.is_ok());
}

#[tokio::test]
async fn a_login_outlives_the_daemon_and_dies_with_the_pin() {
    let fixture = Fixture::new().await;
    let vault = fixture.vault("dev");
    let operation = Login { vault, user_type: UserType::User, pin: Zeroizing::new(b"1234".to_vec()) };
    let token = fixture.run(Caller::Application(STRANGER, APPLICATION), operation).await.unwrap();
    let pipeline = fixture.restarted();
    let user = pipeline.identify(&STRANGER, &token, APPLICATION).unwrap();
    assert!(pipeline.run(user.clone(), Door::Pkcs11, sign("dev", "web")).await.is_ok());
    pipeline.run(Caller::Internal, Door::Grpc, set_pin("dev", UserType::User, "4321")).await.unwrap();
    assert_eq!(code(pipeline.run(user, Door::Pkcs11, sign("dev", "web")).await), Some(ErrorCode::Unauthenticated));
}

#[tokio::test]
async fn ten_wrong_pins_lock_one_peer_also_after_a_restart() {
    let fixture = Fixture::new().await;
    let user = fixture.user().await;
    for attempt in 1..=10 {
        let expected = if attempt < 10 { ErrorCode::PinIncorrect } else { ErrorCode::PinLocked };
        assert_eq!(
            code(fixture.login("dev", UserType::User, "0000", STRANGER).await),
            Some(expected),
            "attempt {attempt}"
        );
    }
    assert_eq!(code(fixture.login("dev", UserType::User, "1234", STRANGER).await), Some(ErrorCode::PinLocked));
    assert!(fixture.login("dev", UserType::User, "1234", Peer::Unix { uid: 4_000_001, pid: None }).await.is_ok());
    assert!(fixture.run(user.clone(), sign("dev", "web")).await.is_ok(), "a live login goes on");

    let pipeline = fixture.restarted();
    let tokens = pipeline.run(Caller::Application(STRANGER, APPLICATION), Door::Pkcs11, ListTokens).await.unwrap();
    assert!(tokens[0].user_pin.locked && !tokens[1].user_pin.locked);
    let vault = VaultName::Named("dev".into());
    pipeline.run(Caller::Internal, Door::Grpc, UnlockToken { vault, peer: None }).await.unwrap();
    let fixture = Fixture { pipeline, ..fixture };
    assert!(fixture.login("dev", UserType::User, "1234", STRANGER).await.is_ok());
}

#[tokio::test]
async fn a_right_pin_clears_the_count() {
    let fixture = Fixture::new().await;
    for _ in 0..4 {
        for _ in 0..3 {
            assert!(fixture.login("dev", UserType::User, "0000", STRANGER).await.is_err());
        }
        assert!(fixture.login("dev", UserType::User, "1234", STRANGER).await.is_ok());
    }
}

#[tokio::test]
async fn both_backends_sign_and_open_what_the_other_stored() {
    let fixture = Fixture::with(Arc::new(RustCrypto)).await;
    fixture.key("dev", "rsa", "RSA").await;
    let pipeline = fixture.restarted();
    for (name, algorithm) in [("web", "ES256"), ("rsa", "RS256"), ("rsa", "PS256")] {
        let place = || (VaultName::Named("dev".into()), KeyName::Named(name.into(), None));
        let request = v1::SignRequest { key: None, algorithm: algorithm.into(), digest: vec![9; 32] };
        let operation = Sign::parse(place().0, place().1, request).unwrap();
        let (signature, _) = pipeline.run(Caller::Internal, Door::Grpc, operation).await.unwrap();
        for (signature, right) in [(signature, true), (vec![1; 64], false)] {
            let request = v1::VerifyRequest { key: None, algorithm: algorithm.into(), digest: vec![9; 32], signature };
            let operation = Verify::parse(place().0, place().1, request).unwrap();
            assert_eq!(pipeline.run(Caller::Internal, Door::Grpc, operation).await.unwrap().0, right, "{algorithm}");
        }
    }
}

#[tokio::test]
async fn versions_share_a_name_and_the_newest_is_current() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.key("dev", "k", "EC").await, fixture.key("dev", "K", "EC").await);
    let get = |version| GetKey(VaultName::Named("dev".into()), KeyName::Named("k".into(), version));
    let current = fixture.run(Caller::Internal, get(None)).await.unwrap();
    assert_eq!((current.version.id, current.key.name.as_str()), (second, "k"));
    assert_eq!(fixture.run(Caller::Internal, get(Some(first))).await.unwrap().version.id, first);
    let vault = fixture.vault("dev");
    let find = FindObjects { vault, template: vec![], after: None, offset: 0, limit: 0 };
    let faces = fixture.run(fixture.user().await, find).await.unwrap().faces;
    let labels: std::collections::BTreeSet<_> = faces
        .iter()
        .map(|face| String::from_utf8(face.attributes[&cryptoki_sys::CKA_LABEL].to_vec()).unwrap())
        .collect();
    assert!(labels.contains("k") && labels.contains(&format!("k/{first}")), "{labels:?}");
}

#[tokio::test]
async fn destroying_a_version_among_several_hides_it_and_the_last_one_deletes_the_key() {
    let fixture = Fixture::new().await;
    let (first, second) = (fixture.key("dev", "k", "EC").await, fixture.key("dev", "k", "EC").await);
    let user = fixture.user().await;
    let vault = fixture.vault("dev");
    let destroy = |id| DestroyObject { vault, id, class: cryptoki_sys::CKO_PRIVATE_KEY };
    fixture.run(user.clone(), destroy(first)).await.unwrap();
    assert!(fixture.run(user.clone(), sign("dev", "k")).await.is_ok(), "the current version is still there");
    fixture.run(user.clone(), destroy(second)).await.unwrap();
    assert_eq!(code(fixture.run(user.clone(), sign("dev", "k")).await), Some(ErrorCode::KeyNotFound));
    assert_eq!(code(fixture.run(user, destroy(second)).await), Some(ErrorCode::KeyNotFound));
}

#[tokio::test]
async fn who_is_not_logged_in_finds_public_objects_only() {
    let fixture = Fixture::new().await;
    let vault = fixture.vault("dev");
    let find = || FindObjects { vault, template: vec![], after: None, offset: 0, limit: 0 };
    let classes =
        |found: crate::ops::find_objects::Found| found.faces.iter().map(|face| face.class).collect::<Vec<_>>();
    let public = classes(fixture.run(Caller::Application(STRANGER, APPLICATION), find()).await.unwrap());
    assert_eq!(public, [cryptoki_sys::CKO_PUBLIC_KEY]);
    assert_eq!(classes(fixture.run(fixture.user().await, find()).await.unwrap()).len(), 2);
    let so = fixture.login("dev", UserType::SecurityOfficer, "12345678", STRANGER).await.unwrap();
    assert_eq!(classes(fixture.run(so, find()).await.unwrap()), [cryptoki_sys::CKO_PUBLIC_KEY]);
}

#[tokio::test]
async fn a_request_id_makes_one_key() {
    let fixture = Fixture::new().await;
    let make = || {
        let request = v1::CreateKeyRequest {
            vault: "dev".into(),
            name: "once".into(),
            kty: "EC".into(),
            request_id: "the same".into(),
            ..Default::default()
        };
        fixture.run(Caller::Internal, CreateKey::parse(request).unwrap())
    };
    let (first, second) = (make().await.unwrap().version.id, make().await.unwrap().version.id);
    assert_eq!(first, second);
    let pipeline = fixture.restarted();
    let view = pipeline.unsealed().unwrap();
    assert_eq!(view.keys.catalog.view().vault_named("dev").unwrap().key("once").unwrap().versions.len(), 1);
}

#[tokio::test]
async fn attributes_of_a_key_bound_its_use() {
    let fixture = Fixture::new().await;
    let now = clock::now_seconds();
    let attributes = |enabled, not_before, expires| {
        Some(v1::KeyAttributes { enabled: Some(enabled), not_before, expires, tags: Default::default() })
    };
    for (name, attributes, ops, expected) in [
        ("off", attributes(false, None, None), vec![], ErrorCode::KeyDisabled),
        ("early", attributes(true, Some(now + 1000), None), vec![], ErrorCode::KeyDisabled),
        ("late", attributes(true, None, Some(now - 1000)), vec![], ErrorCode::KeyDisabled),
        ("verify-only", None, vec!["verify".to_owned()], ErrorCode::OperationNotPermitted),
    ] {
        let request = v1::CreateKeyRequest {
            vault: "dev".into(),
            name: name.into(),
            kty: "EC".into(),
            key_ops: ops,
            attributes,
            ..Default::default()
        };
        fixture.run(Caller::Internal, CreateKey::parse(request).unwrap()).await.unwrap();
        assert_eq!(code(fixture.run(Caller::Internal, sign("dev", name)).await), Some(expected), "{name}");
    }
}

#[tokio::test]
async fn a_deleted_vault_takes_its_keys_and_logins_along() {
    let fixture = Fixture::new().await;
    let user = fixture.user().await;
    fixture.run(Caller::Internal, DeleteVault(VaultName::Named("dev".into()))).await.unwrap();
    assert_eq!(code(fixture.run(user, sign("dev", "web")).await), Some(ErrorCode::VaultNotFound));
    let again = v1::CreateVaultRequest { name: "DEV".into(), ..Default::default() };
    let again = fixture.run(Caller::Internal, CreateVault::parse(again, false).unwrap()).await;
    assert_eq!(code(again), Some(ErrorCode::NameDeleted));
}

/// Flips a bit of a stored row while the daemon is down.
fn damage(fixture: &Fixture, key: &str) {
    let mut value = fixture.store.get(key).unwrap().unwrap().value;
    let last = value.len() - 1;
    value[last] ^= 1;
    fixture.store.transact(vec![], vec![Write::Put(key.into(), value)]).unwrap();
}

#[tokio::test]
async fn a_damaged_record_refuses_its_key_and_no_other() {
    let fixture = Fixture::new().await;
    let vault = fixture.vault("dev");
    let (blob, older, newer) = (
        fixture.key("dev", "blob", "EC").await,
        fixture.key("dev", "two", "EC").await,
        fixture.key("dev", "two", "EC").await,
    );
    damage(&fixture, &row::blob(vault, blob));
    damage(&fixture, &row::version(vault, newer));
    fixture.key("dev", "lost", "EC").await;
    damage(&fixture, &row::key(vault, "lost"));
    let pipeline = fixture.restarted();
    let run = |operation| pipeline.run(Caller::Internal, Door::Grpc, operation);
    assert_eq!(code(run(sign("dev", "blob")).await), Some(ErrorCode::RecordDamaged));
    assert_eq!(
        code(run(sign("dev", "two")).await),
        Some(ErrorCode::RecordDamaged),
        "an older version never takes the place"
    );
    assert_eq!(code(run(sign("dev", "lost")).await), Some(ErrorCode::RecordDamaged));
    let again =
        v1::CreateKeyRequest { vault: "dev".into(), name: "Lost".into(), kty: "EC".into(), ..Default::default() };
    let again = pipeline.run(Caller::Internal, Door::Grpc, CreateKey::parse(again).unwrap()).await;
    assert_eq!(code(again), Some(ErrorCode::RecordDamaged), "nothing takes the place of a damaged record");
    assert!(run(sign("dev", "web")).await.is_ok());
    let old = GetKey(VaultName::Named("dev".into()), KeyName::Named("two".into(), Some(older)));
    assert!(pipeline.run(Caller::Internal, Door::Grpc, old).await.is_ok());
    // Two rows, the key, and its version that has none now.
    assert_eq!(pipeline.unsealed().unwrap().keys.damaged.len(), 4);
}

#[tokio::test]
async fn swapped_blobs_do_not_open() {
    let fixture = Fixture::new().await;
    let vault = fixture.vault("dev");
    let (a, b) = (fixture.key("dev", "a", "EC").await, fixture.key("dev", "b", "EC").await);
    let value = |id| fixture.store.get(&row::blob(vault, id)).unwrap().unwrap().value;
    let (of_a, of_b) = (value(a), value(b));
    let swap = vec![Write::Put(row::blob(vault, a), of_b), Write::Put(row::blob(vault, b), of_a)];
    fixture.store.transact(vec![], swap).unwrap();
    assert_eq!(code(fixture.run(Caller::Internal, sign("dev", "a")).await), Some(ErrorCode::RecordDamaged));
}

#[tokio::test]
async fn decisions_and_uses_are_on_record() {
    let fixture = Fixture::new().await;
    fixture.run(fixture.user().await, sign("dev", "web")).await.unwrap();
    fixture.run(Caller::Peer(STRANGER), sign("dev", "web")).await.map(drop).unwrap_err();
    fixture.run(Caller::Internal, Seal).await.unwrap();
    let rooms = fixture.pipeline.unsealed().unwrap();
    rooms.audit.log().flush().unwrap();
    let lines: Vec<serde_json::Value> =
        rooms.audit.log().tail(100).unwrap().iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found = |operation: &str, outcome: &str| {
        lines.iter().filter(|line| line["operation"] == operation && line["outcome"] == outcome).count()
    };
    assert_eq!((found("sign", "allowed"), found("sign", "refused")), (1, 1));
    assert_eq!((found("login", "allowed"), found("login", "done")), (1, 1));
    assert_eq!((found("vault.create", "done"), found("key.create", "done")), (2, 2));
    let refused = lines.iter().find(|line| line["outcome"] == "refused").unwrap();
    assert_eq!((&refused["code"], &refused["caller"]), (&"PERMISSION_DENIED".into(), &"uid:4000000".into()));
}

#[tokio::test]
async fn a_store_put_back_from_an_older_copy_stays_sealed() {
    let fixture = Fixture::new().await;
    let copy = fixture.store.range("").unwrap();
    fixture
        .run(Caller::Internal, DeleteKey { vault: VaultName::Named("dev".into()), name: "web".into() })
        .await
        .unwrap();
    // Closing the log anchors its end, and with it the store's.
    fixture.pipeline.seal("restarting");
    for row in fixture.store.range("").unwrap() {
        fixture.store.transact(vec![], vec![Write::Delete(row.key)]).unwrap();
    }
    for row in copy {
        fixture.store.transact(vec![], vec![Write::Put(row.key, row.value)]).unwrap();
    }
    let pipeline = fixture.restarted();
    assert!(pipeline.seal_reason().borrow().contains("rolled back"), "{}", pipeline.seal_reason().borrow().as_str());
    assert_eq!(code(pipeline.run(Caller::Internal, Door::Grpc, sign("dev", "web")).await), Some(ErrorCode::Sealed));
}

#[tokio::test]
async fn sealing_and_unsealing_under_load_keeps_one_writer() {
    let fixture = Fixture::new().await;
    let pipeline = fixture.pipeline.clone();
    let load = tokio::spawn(async move {
        let mut done = 0;
        for _ in 0..400 {
            done += u32::from(pipeline.run(Caller::Internal, Door::Grpc, sign("dev", "web")).await.is_ok());
            tokio::task::yield_now().await;
        }
        done
    });
    for number in 0..5 {
        fixture.pipeline.seal("a test");
        fixture.pipeline.unseal_unattended();
        fixture.key("dev", &format!("k{number}"), "EC").await;
    }
    assert!(load.await.unwrap() > 0);
    let report = fixture.run(Caller::Internal, crate::ops::verify_audit::VerifyAudit).await.unwrap();
    assert_eq!(report.findings, Vec::<String>::new());
}

/// Whoever is being shut out must not get back in by a PIN change that was under way.
#[tokio::test]
async fn a_pin_set_by_the_administrator_outlives_a_change_that_was_under_way() {
    let fixture = Fixture::new().await;
    let caller = fixture.user().await;
    let change =
        SetPin { old_pin: Some(Zeroizing::new(b"1234".to_vec())), ..set_pin("dev", UserType::User, "attacker") };
    let rooms = fixture.pipeline.unsealed().unwrap();
    let grant = rooms.policy.authorize(&rooms.keys, caller, change, clock::now_seconds()).unwrap();
    fixture.run(Caller::Internal, set_pin("dev", UserType::User, "fresh")).await.unwrap();
    assert_eq!(code(SetPin::run(grant, &rooms)), Some(ErrorCode::Unauthenticated));
    fixture.login("dev", UserType::User, "fresh", STRANGER).await.unwrap();
}

#[tokio::test]
async fn objects_are_read_again_in_bounded_numbers() {
    let fixture = Fixture::new().await;
    let found = fixture
        .run(
            fixture.user().await,
            FindObjects { vault: fixture.vault("dev"), template: vec![], after: None, offset: 0, limit: 1 },
        )
        .await
        .unwrap();
    assert!(found.faces.len() == 1 && found.more);
    let object = (found.faces[0].unique_id, found.faces[0].class);
    let get = |count| GetObjects { vault: fixture.vault("dev"), objects: vec![object; count] };
    let most = softkeep_proto::limits::MAX_OBJECTS_PER_REPLY;
    assert_eq!(code(fixture.run(fixture.user().await, get(most + 1)).await), Some(ErrorCode::InvalidArgument));
    assert_eq!(fixture.run(fixture.user().await, get(most)).await.unwrap().faces.len(), most);
}
