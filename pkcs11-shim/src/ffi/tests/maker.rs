//! The fake daemon's session objects: sealed by writing whose they are in front of them. No test lives here.

use bytes::Bytes;
use cryptoki_sys as ck;
use prost::Message;
use softkeep_proto::pkcs11::v1::{request::Op, *};

use super::daemon::{World, failure};

/// What a fake key's value is made of.
pub const VALUE_BYTE: u8 = 0x5a;

/// Who asks.
pub struct Owner {
    application: Vec<u8>,
    login: Vec<u8>,
}

impl Owner {
    fn of(request: &Request) -> Self {
        let application = [b"application:", &request.application_id[..]].concat();
        Self { application, login: [b"login:", &request.login_token[..]].concat() }
    }

    /// A private object is the login's, any other the application's.
    fn seal(&self, object: &Object) -> Bytes {
        let private = value(object, ck::CKA_PRIVATE) == Some(&[1]);
        let owner = if private { &self.login } else { &self.application };
        [&owner[..], b"|", &object.encode_to_vec()].concat().into()
    }

    /// The object in a sealed form, if it is theirs.
    fn open(&self, key: Option<&KeyRef>) -> Option<Object> {
        let Some(key_ref::Key::Sealed(sealed)) = &key?.key else { return None };
        let plain = sealed.strip_prefix(&self.login[..]).or_else(|| sealed.strip_prefix(&self.application[..]));
        Object::decode(plain?.strip_prefix(b"|")?).ok()
    }
}

fn value(object: &Object, attribute_type: u64) -> Option<&[u8]> {
    object.attributes.iter().find(|attribute| attribute.r#type == attribute_type).map(|attribute| &attribute.value[..])
}

fn put(attributes: &mut Vec<Attribute>, given: &[Attribute]) {
    attributes.retain(|attribute| given.iter().all(|other| other.r#type != attribute.r#type));
    attributes.extend_from_slice(given);
}

fn flag(r#type: u64, on: bool) -> Attribute {
    Attribute { r#type, value: vec![u8::from(on)].into() }
}

fn number(r#type: u64, value: u64) -> Attribute {
    Attribute { r#type, value: value.to_le_bytes().to_vec().into() }
}

impl World {
    /// A new session object with the template's attributes over the defaults.
    fn make(&mut self, owner: &Owner, class: u64, template: &[Attribute]) -> Object {
        self.made += 1;
        let private = matches!(class, ck::CKO_SECRET_KEY | ck::CKO_PRIVATE_KEY) && owner.login != b"login:";
        let mut attributes = vec![
            number(ck::CKA_CLASS, class),
            number(ck::CKA_KEY_TYPE, ck::CKK_AES),
            number(ck::CKA_VALUE_LEN, 32),
            flag(ck::CKA_TOKEN, false),
            flag(ck::CKA_PRIVATE, private),
            flag(ck::CKA_EXTRACTABLE, true),
            flag(ck::CKA_WRAP, true),
            flag(ck::CKA_UNWRAP, true),
            flag(ck::CKA_DERIVE, true),
        ];
        put(&mut attributes, template);
        let unique_id = [&[7; 8][..], &self.made.to_be_bytes()].concat().into();
        let class = attributes.iter().find(|attribute| attribute.r#type == ck::CKA_CLASS).unwrap();
        let class = u64::from_le_bytes(class.value[..].try_into().unwrap());
        let mut object = Object {
            unique_id,
            class,
            attributes,
            on_request: vec![ck::CKA_VALUE, ck::CKA_PRIME_1],
            ..Object::default()
        };
        object.sealed = owner.seal(&object);
        object
    }

    fn created(&mut self, objects: Vec<Object>) -> reply::Result {
        reply::Result::Created(ObjectsReply { objects, revision: self.revision, more: false })
    }

    /// Answers what makes or uses session objects.
    pub fn answer_objects(&mut self, request: Request) -> reply::Result {
        let owner = Owner::of(&request);
        self.applications.insert(request.application_id.to_vec());
        let secret = ck::CKO_SECRET_KEY;
        let gone = || failure(ck::CKR_KEY_HANDLE_INVALID);
        match request.op.unwrap() {
            Op::GenerateKey(generate) => {
                self.asked.push("generate key");
                let object = self.make(&owner, secret, &generate.template);
                self.created(vec![object])
            }
            Op::CreateObject(create) => {
                self.asked.push("create");
                let object = self.make(&owner, secret, &create.template);
                self.created(vec![object])
            }
            Op::GenerateKeyPair(generate) => {
                self.asked.push("generate session pair");
                let public = self.make(&owner, ck::CKO_PUBLIC_KEY, &generate.public_template);
                let private = self.make(&owner, ck::CKO_PRIVATE_KEY, &generate.private_template);
                let objects = vec![public, private];
                reply::Result::Generated(ObjectsReply { objects, revision: self.revision, more: false })
            }
            Op::CopyObject(copy) => {
                self.asked.push("copy");
                let Some(original) = owner.open(copy.object.as_ref()) else { return gone() };
                let mut attributes = original.attributes;
                put(&mut attributes, &copy.template);
                let object = self.make(&owner, original.class, &attributes);
                self.created(vec![object])
            }
            Op::DeriveKey(derive) => {
                self.asked.push("derive");
                if owner.open(derive.base_key.as_ref()).is_none() {
                    return gone();
                }
                let mut objects = vec![self.make(&owner, secret, &derive.template)];
                match derive.mechanism.and_then(|mechanism| mechanism.parameter) {
                    Some(mechanism::Parameter::Sp800108(kdf)) => {
                        let further = kdf.additional_keys.iter();
                        objects.extend(further.map(|list| self.make(&owner, secret, &list.attributes)));
                    }
                    Some(mechanism::Parameter::OtherKey(other)) if owner.open(Some(&other)).is_none() => return gone(),
                    _ => {}
                }
                self.created(objects)
            }
            Op::UnwrapKey(unwrap) => {
                self.asked.push("unwrap");
                if owner.open(unwrap.unwrapping_key.as_ref()).is_none() {
                    return gone();
                }
                let object = self.make(&owner, secret, &unwrap.template);
                self.created(vec![object])
            }
            Op::WrapKey(wrap) => {
                self.asked.push("wrap");
                let key = owner.open(wrap.key.as_ref());
                match (owner.open(wrap.wrapping_key.as_ref()), key) {
                    (Some(_), Some(key)) if key.class == secret => {
                        let wrapped = vec![1; 32 + 8 + wrap.associated_data.len()].into();
                        reply::Result::Wrapped(WrapKeyReply { wrapped })
                    }
                    (Some(_), Some(_)) => reply::Result::Wrapped(WrapKeyReply { wrapped: vec![2; 123].into() }),
                    _ => gone(),
                }
            }
            Op::SetAttributes(set) => {
                self.asked.push("set");
                let Some(mut object) = owner.open(set.object.as_ref()) else { return gone() };
                put(&mut object.attributes, &set.template);
                object.sealed = owner.seal(&object);
                let objects = vec![object];
                reply::Result::AttributesSet(ObjectsReply { objects, revision: self.revision, more: false })
            }
            Op::ReadValues(read) => {
                self.asked.push("values");
                let Some(object) = owner.open(read.object.as_ref()) else { return gone() };
                let len = value(&object, ck::CKA_VALUE_LEN).map_or(0, |len| usize::from(len[0]));
                let told = read.types.iter().filter(|wanted| **wanted == ck::CKA_VALUE);
                let attributes = told.map(|wanted| Attribute { r#type: *wanted, value: vec![VALUE_BYTE; len].into() });
                reply::Result::Values(ReadValuesReply { attributes: attributes.collect() })
            }
            Op::InitToken(init) => {
                self.asked.push("init token");
                assert!(request.login_token.is_empty());
                match &init.so_pin[..] {
                    b"so-pin" => {
                        self.labels.push(init.label.clone());
                        reply::Result::TokenInitialised(InitTokenReply { token: Some(TokenInfo::default()) })
                    }
                    _ => failure(ck::CKR_PIN_INCORRECT),
                }
            }
            _ => failure(ck::CKR_FUNCTION_NOT_SUPPORTED),
        }
    }
}
