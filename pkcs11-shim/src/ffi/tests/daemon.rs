//! A fake daemon: one vault with one P-256 pair, and a list of what it was asked. No test lives here.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
    thread::JoinHandle,
};

use bytes::Bytes;
use cryptoki_sys as ck;
use ecdsa::signature::hazmat::PrehashSigner;
use p256::ecdsa::{Signature, SigningKey};
use softkeep_proto::{
    algorithm::Curve,
    pkcs11::v1::{
        module_server::{Module, ModuleServer},
        *,
    },
};
use tokio::sync::oneshot;
use tokio_stream::{
    StreamExt,
    wrappers::{ReceiverStream, UnixListenerStream},
};
use tonic::{Response, Status, Streaming, transport::Server};

pub const SLOT: u64 = 7;
const VAULT: [u8; 16] = [9; 16];
const PAIR: [u8; 16] = [1; 16];

/// What the daemon knows.
pub struct World {
    pub asked: Vec<&'static str>,
    pub revision: u64,
    pub pair_exists: bool,
    pub label: &'static str,
    /// Tokens given before are refused.
    pub pin_changed: bool,
    /// Session objects made so far.
    pub made: u64,
    /// The applications that asked for session objects.
    pub applications: BTreeSet<Vec<u8>>,
    /// The labels that C_InitToken gave.
    pub labels: Vec<String>,
    /// The vault has the keys of every kind, and not the pair.
    pub vault: bool,
    /// The one-time grant given last.
    pub grants: Option<Bytes>,
}

/// The open streams, for notices.
type Streams = Arc<Mutex<Vec<tokio::sync::mpsc::Sender<Result<Reply, Status>>>>>;

pub struct Daemon {
    pub world: Arc<Mutex<World>>,
    notices: Streams,
    path: PathBuf,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _directory: tempfile::TempDir,
}

impl Daemon {
    pub fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s");
        let world = World {
            asked: Vec::new(),
            revision: 5,
            pair_exists: true,
            label: "web",
            pin_changed: false,
            made: 0,
            applications: BTreeSet::new(),
            labels: Vec::new(),
            vault: false,
            grants: None,
        };
        let world = Arc::new(Mutex::new(world));
        let notices = Arc::default();
        let service = Service { world: Arc::clone(&world), notices: Arc::clone(&notices) };
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = mpsc::channel();
        let socket = path.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = tokio::net::UnixListener::bind(socket).unwrap();
                ready.send(()).unwrap();
                let server = Server::builder().add_service(ModuleServer::new(service));
                tokio::select! {
                    served = server.serve_with_incoming(UnixListenerStream::new(listener)) => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        is_ready.recv().unwrap();
        Self { world, notices, path, stop: Some(stop), thread: Some(thread), _directory: directory }
    }

    /// For `pReserved`, NUL-terminated.
    pub fn init_string(&self) -> String {
        format!("endpoint=unix:{}\0", self.path.display())
    }

    /// What was asked since the last look.
    pub fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.world.lock().unwrap().asked)
    }

    /// Changes the vault from elsewhere, and tells.
    pub fn change(&self, change: impl FnOnce(&mut World)) {
        let mut world = self.world.lock().unwrap();
        change(&mut world);
        world.revision += 1;
        let changed = VaultChanged { vault_id: Bytes::from_static(&VAULT), revision: world.revision };
        for notices in self.notices.lock().unwrap().iter() {
            let _ =
                notices.blocking_send(Ok(Reply { id: 0, result: Some(reply::Result::VaultChanged(changed.clone())) }));
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
        let _ = self.thread.take().unwrap().join();
    }
}

struct Service {
    world: Arc<Mutex<World>>,
    notices: Streams,
}

#[tonic::async_trait]
impl Module for Service {
    type ExchangeStream = ReceiverStream<Result<Reply, Status>>;

    async fn exchange(
        &self,
        request: tonic::Request<Streaming<Request>>,
    ) -> Result<Response<Self::ExchangeStream>, Status> {
        let mut requests = request.into_inner();
        let (replies, stream) = tokio::sync::mpsc::channel(64);
        self.notices.lock().unwrap().push(replies.clone());
        let world = Arc::clone(&self.world);
        tokio::spawn(async move {
            while let Some(Ok(request)) = requests.next().await {
                let id = request.id;
                let result = Some(world.lock().unwrap().answer(request));
                let _ = replies.send(Ok(Reply { id, result })).await;
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

pub fn failure(ck_rv: u64) -> reply::Result {
    reply::Result::Failure(Failure { ck_rv, reason: "fake".into(), ..Failure::default() })
}

fn key() -> SigningKey {
    SigningKey::from_slice(&[1; 32]).unwrap()
}

impl World {
    fn objects(&self, logged_in: bool) -> Vec<Object> {
        let ulong = |value: u64| value.to_le_bytes().to_vec();
        let point = [&[0x04, 65], &key().verifying_key().to_sec1_point(false).to_bytes()[..]].concat();
        let object = |class: u64, usage: u64, private: u8| {
            let values = [
                (ck::CKA_CLASS, ulong(class)),
                (ck::CKA_KEY_TYPE, ulong(ck::CKK_EC)),
                (ck::CKA_PRIVATE, vec![private]),
                (ck::CKA_LABEL, self.label.into()),
                (ck::CKA_EC_PARAMS, Curve::P256.oid_der().to_vec()),
                (ck::CKA_EC_POINT, point.clone()),
                (usage, vec![1]),
            ];
            let attributes = values.into_iter().map(|(r#type, value)| Attribute { r#type, value: value.into() });
            let sensitive = if private == 1 { vec![ck::CKA_VALUE] } else { vec![] };
            Object {
                unique_id: Bytes::from_static(&PAIR),
                class,
                attributes: attributes.collect(),
                sensitive,
                ..Object::default()
            }
        };
        let public = object(ck::CKO_PUBLIC_KEY, ck::CKA_VERIFY, 0);
        let private = object(ck::CKO_PRIVATE_KEY, ck::CKA_SIGN, 1);
        match (self.pair_exists, logged_in) {
            (false, _) => vec![],
            (true, false) => vec![public],
            (true, true) => vec![public, private],
        }
    }

    fn found(&self, fits: impl Fn(&Object) -> bool, logged_in: bool) -> ObjectsReply {
        let objects = self.objects(logged_in).into_iter().filter(fits).collect();
        ObjectsReply { objects, revision: self.revision, more: false }
    }

    fn answer(&mut self, request: Request) -> reply::Result {
        let logged_in = request.login_token == "token";
        if logged_in && self.pin_changed {
            self.pin_changed = false;
            return failure(ck::CKR_USER_NOT_LOGGED_IN);
        }
        let for_the_session = matches!(&request.op, Some(request::Op::GenerateKeyPair(generate))
            if generate.private_template.contains(&Attribute { r#type: ck::CKA_TOKEN, value: vec![0].into() }));
        if for_the_session {
            return self.answer_objects(request);
        }
        if let Some(result) = self.answer_vault(&request) {
            return result;
        }
        match request.op.clone().unwrap() {
            request::Op::ListTokens(_) => {
                self.asked.push("list");
                let token = TokenInfo {
                    vault_id: Bytes::from_static(&VAULT),
                    slot_id: SLOT,
                    label: "dev".into(),
                    serial: "0123456789abcdef".into(),
                    user_pin_set: true,
                    revision: self.revision,
                    min_pin_len: 4,
                    ..TokenInfo::default()
                };
                reply::Result::ListTokens(ListTokensReply { tokens: vec![token] })
            }
            request::Op::Login(login) => {
                self.asked.push("login");
                match &login.pin[..] {
                    b"1234" => reply::Result::Login(LoginReply { login_token: "token".into() }),
                    _ => failure(ck::CKR_PIN_INCORRECT),
                }
            }
            request::Op::FindObjects(find) => {
                self.asked.push("find");
                let fits = |object: &Object| find.template.iter().all(|each| object.attributes.contains(each));
                reply::Result::Objects(self.found(fits, logged_in))
            }
            request::Op::GetObjects(get) => {
                self.asked.push("get");
                let fits = |object: &Object| get.objects.iter().any(|each| each.class == object.class);
                reply::Result::Objects(self.found(fits, logged_in))
            }
            request::Op::Sign(sign) if logged_in && self.pair_exists => {
                self.asked.push("sign");
                let signature: Signature = key().sign_prehash(&sign.data).unwrap();
                reply::Result::Sign(SignReply { signature: signature.to_bytes().to_vec().into() })
            }
            request::Op::Sign(_) => failure(ck::CKR_OBJECT_HANDLE_INVALID),
            request::Op::GenerateKeyPair(generate) => {
                assert_eq!(generate.request_id.len(), 16);
                self.asked.push("generate");
                self.revision += 1;
                reply::Result::Generated(self.found(|_| true, true))
            }
            request::Op::DestroyObject(_) => {
                self.asked.push("destroy");
                self.pair_exists = false;
                self.revision += 1;
                reply::Result::Destroyed(DestroyObjectReply { revision: self.revision })
            }
            _ => self.answer_objects(request),
        }
    }
}
