//! The module's side of the wire, spoken by the test itself: a module that lies.

use bytes::Bytes;
use softkeep_proto::pkcs11::v1::{
    Attribute, KeyRef, ListTokens, Login, Mechanism, Object, ObjectRef, Reply, Request, UserType, key_ref,
    module_client::ModuleClient, reply, request::Op,
};
use softkeep_tests::raw::{Rv, ck};
use tokio::runtime::{Builder, Runtime};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

/// One such module.
pub struct Wire {
    runtime: Runtime,
    client: ModuleClient<Channel>,
    /// What goes along with every request.
    pub vault: Bytes,
    pub application: Bytes,
    pub login: Bytes,
}

impl Wire {
    /// Not logged in.
    pub fn connect(endpoint: &str, vault: &str) -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let endpoint = Endpoint::from_shared(endpoint.to_owned()).unwrap();
        let client = ModuleClient::new(runtime.block_on(endpoint.connect()).unwrap());
        let application = Bytes::from_static(b"another program!");
        let mut wire = Self { runtime, client, vault: Bytes::new(), application, login: Bytes::new() };
        let Ok(reply::Result::ListTokens(list)) = wire.call(Op::ListTokens(ListTokens {})) else {
            panic!("the tokens are listed")
        };
        wire.vault = list.tokens.into_iter().find(|token| token.label == vault).unwrap().vault_id;
        wire
    }

    /// One request and its reply.
    pub fn call(&self, op: Op) -> Rv<reply::Result> {
        let request = Request {
            id: 1,
            vault_id: self.vault.clone(),
            login_token: self.login.clone(),
            timeout_ms: 10_000,
            application_id: self.application.clone(),
            op: Some(op),
        };
        let mut client = self.client.clone();
        self.runtime.block_on(async move {
            let (sender, receiver) = tokio::sync::mpsc::channel(1);
            sender.send(request).await.unwrap();
            let Ok(stream) = client.exchange(ReceiverStream::new(receiver)).await else {
                return Err(ck::CKR_DEVICE_ERROR);
            };
            let mut stream = stream.into_inner();
            loop {
                match stream.message().await {
                    Ok(Some(Reply { id: 1, result: Some(reply::Result::Failure(failure)) })) => {
                        return Err(failure.ck_rv);
                    }
                    Ok(Some(Reply { id: 1, result: Some(result) })) => return Ok(result),
                    Ok(Some(_)) => {}
                    Ok(None) | Err(_) => return Err(ck::CKR_DEVICE_ERROR),
                }
            }
        })
    }

    /// Logs in, beside the module in the same process.
    pub fn log_in(&mut self, user_type: UserType, pin: &str) -> Rv<()> {
        self.login = Bytes::new();
        let login = Login { user_type: user_type.into(), pin: Bytes::copy_from_slice(pin.as_bytes()) };
        match self.call(Op::Login(login))? {
            reply::Result::Login(reply) => self.login = reply.login_token,
            _ => panic!("a login's answer"),
        }
        Ok(())
    }

    /// The objects of an answer that has some.
    pub fn objects(&self, op: Op) -> Rv<Vec<Object>> {
        Ok(match self.call(op)? {
            reply::Result::Objects(list) | reply::Result::Created(list) | reply::Result::Generated(list) => {
                list.objects
            }
            reply::Result::AttributesSet(list) => list.objects,
            _ => panic!("an answer with objects"),
        })
    }
}

/// An attribute in the form of the wire.
pub fn attribute(kind: u64, value: &[u8]) -> Attribute {
    Attribute { r#type: kind, value: Bytes::copy_from_slice(value) }
}

/// A number in the form of the wire.
pub fn number(kind: u64, value: u64) -> Attribute {
    attribute(kind, &value.to_le_bytes())
}

/// A mechanism without a parameter.
pub fn plain(kind: u64) -> Option<Mechanism> {
    Some(Mechanism { r#type: kind, parameter: None })
}

/// A token object.
pub fn stored(object: &Object) -> Option<KeyRef> {
    named(&object.unique_id, object.class)
}

/// A token object by its names.
pub fn named(unique_id: &Bytes, class: u64) -> Option<KeyRef> {
    let object = ObjectRef { unique_id: unique_id.clone(), class };
    Some(KeyRef { key: Some(key_ref::Key::Object(object)), one_time_grant: Bytes::new() })
}

/// A session object.
pub fn sealed(blob: &Bytes) -> Option<KeyRef> {
    Some(KeyRef { key: Some(key_ref::Key::Sealed(blob.clone())), one_time_grant: Bytes::new() })
}
