//! A module that lies: requests that no module of ours would send.

use bytes::Bytes;
use softkeep_proto::pkcs11::v1::{
    Attribute, CopyObject, CreateObject, Encrypt, FindObjects, GenerateKey, Object, ReadValues, SetAttributes, reply,
    request::Op,
};
use softkeep_tests::{arguments::Template, output_of, raw::ck, tools::tool};

use super::{
    Row,
    logins::logged_in,
    row,
    wire::{Wire, attribute, named, number, plain, sealed},
    world::{At, Attempt, Stop, World, useless},
};

pub const ATTACKS: &[Row] = &[
    row(
        "change any byte of a session object's blob",
        every_byte,
        "encrypt: CKR_OBJECT_HANDLE_INVALID",
        "encrypt: CKR_OBJECT_HANDLE_INVALID",
    ),
    row(
        "cut or lengthen a session object's blob",
        cut_blob,
        "encrypt: CKR_OBJECT_HANDLE_INVALID",
        "encrypt: CKR_OBJECT_HANDLE_INVALID",
    ),
    row(
        "put one blob's secret under another's attributes",
        crossed,
        "read: CKR_OBJECT_HANDLE_INVALID",
        "generate a readable one: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "make a key with the daemon's own facts in its template",
        forged_facts,
        "create: CKR_ATTRIBUTE_READ_ONLY",
        "create: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "make a key with an id of one's own",
        forged_id,
        "generate: CKR_TEMPLATE_INCONSISTENT",
        "generate: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "set a session object's CKA_TRUSTED",
        trust_by_blob,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set a session object's flags back",
        widen_blob,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "copy a session object with its flags back",
        copy_blob,
        "copy: CKR_TEMPLATE_INCONSISTENT",
        "copy: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "ask for a secret key's values by another class",
        other_class,
        "read: CKR_OBJECT_HANDLE_INVALID",
        "read: CKR_OBJECT_HANDLE_INVALID",
    ),
    row("ask for a stored key's values", stored_values, "useless: it has none to tell", "useless: it has none to tell"),
    row("give an attribute twice", twice, "generate: CKR_TEMPLATE_INCONSISTENT", "generate: CKR_TEMPLATE_INCONSISTENT"),
    row(
        "bring in a trusted certificate",
        trusted_certificate,
        "create: CKR_ATTRIBUTE_READ_ONLY",
        "create: CKR_ATTRIBUTE_READ_ONLY",
    ),
];

fn generate(wire: &Wire, id: u8, extra: Vec<Attribute>) -> softkeep_tests::raw::Rv<Object> {
    let usual = [attribute(ck::CKA_ENCRYPT, &[1]), number(ck::CKA_VALUE_LEN, 32)];
    let template = usual.into_iter().chain(extra).collect();
    let generate = GenerateKey { mechanism: plain(ck::CKM_AES_KEY_GEN), template, request_id: vec![id; 16].into() };
    Ok(wire.objects(Op::GenerateKey(generate))?.remove(0))
}

fn encrypt(blob: &Bytes) -> Op {
    let plaintext = vec![0; 16].into();
    Op::Encrypt(Encrypt { key: sealed(blob), mechanism: plain(ck::CKM_AES_ECB), plaintext, partial: false })
}

fn every_byte(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let key = generate(&wire, 11, vec![]).at("generate")?;
    wire.call(encrypt(&key.sealed)).at("set-up")?;
    let mut last = useless("nothing was tried");
    for byte in 0..key.sealed.len() {
        let mut blob = key.sealed.to_vec();
        blob[byte] ^= 1 << (byte % 8);
        last = wire.call(encrypt(&blob.into())).at("encrypt").map(drop);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn cut_blob(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let key = generate(&wire, 12, vec![]).at("generate")?;
    let mut last = useless("nothing was tried");
    for length in (0..key.sealed.len()).step_by(7).chain([key.sealed.len() + 1]) {
        let mut blob = key.sealed.to_vec();
        blob.resize(length, 0);
        last = wire.call(encrypt(&blob.into())).at("encrypt").map(drop);
        if last.is_ok() {
            break;
        }
    }
    last
}

/// The secret of a key that stays, with the header of one that may be read.
fn crossed(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let stays = generate(&wire, 13, vec![attribute(ck::CKA_EXTRACTABLE, &[0])]).at("generate")?;
    let open = [attribute(ck::CKA_SENSITIVE, &[0]), attribute(ck::CKA_EXTRACTABLE, &[1])];
    let open = generate(&wire, 14, open.to_vec()).at("generate a readable one")?;
    // Nonce, 32 bytes, tag.
    let tail = 12 + 32 + 16;
    let header = &open.sealed[..open.sealed.len() - tail];
    let blob = [header, &stays.sealed[stays.sealed.len() - tail..]].concat();
    let read = ReadValues { object: sealed(&blob.into()), types: vec![ck::CKA_VALUE] };
    wire.call(Op::ReadValues(read)).at("read").map(drop)
}

fn forged_facts(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let mut last = useless("nothing was tried");
    for fact in [ck::CKA_LOCAL, ck::CKA_ALWAYS_SENSITIVE, ck::CKA_NEVER_EXTRACTABLE, ck::CKA_TRUSTED] {
        let extractable = attribute(ck::CKA_EXTRACTABLE, &[1]);
        let facts = [attribute(ck::CKA_CLASS, &ck::CKO_SECRET_KEY.to_le_bytes())];
        let facts =
            facts.into_iter().chain([number(ck::CKA_KEY_TYPE, ck::CKK_AES), attribute(fact, &[1]), extractable]);
        let template = facts.chain([attribute(ck::CKA_VALUE, &[5; 32])]).collect();
        last = wire
            .call(Op::CreateObject(CreateObject { template, request_id: vec![15; 16].into() }))
            .at("create")
            .map(drop);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn forged_id(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    generate(&wire, 16, vec![attribute(ck::CKA_UNIQUE_ID, &[b'0'; 32])]).at("generate").map(drop)
}

fn set(wire: &Wire, key: &Object, kind: u64, on: bool) -> Attempt {
    let template = vec![attribute(kind, &[u8::from(on)])];
    wire.call(Op::SetAttributes(SetAttributes { object: sealed(&key.sealed), template })).at("set").map(drop)
}

fn trust_by_blob(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let key = generate(&wire, 17, vec![]).at("generate")?;
    set(&wire, &key, ck::CKA_TRUSTED, true)
}

const BACK: [(u64, bool); 5] = [
    (ck::CKA_DECRYPT, true),
    (ck::CKA_SENSITIVE, false),
    (ck::CKA_EXTRACTABLE, true),
    (ck::CKA_PRIVATE, false),
    (ck::CKA_LOCAL, false),
];

fn widen_blob(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let key = generate(&wire, 18, vec![attribute(ck::CKA_EXTRACTABLE, &[0])]).at("generate")?;
    let mut last = useless("nothing was tried");
    for (kind, on) in BACK {
        last = set(&wire, &key, kind, on);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn copy_blob(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let key = generate(&wire, 19, vec![attribute(ck::CKA_EXTRACTABLE, &[0])]).at("generate")?;
    let mut last = useless("nothing was tried");
    for (kind, on) in BACK {
        let template = vec![attribute(kind, &[u8::from(on)])];
        let copy = CopyObject { object: sealed(&key.sealed), template, request_id: vec![20; 16].into() };
        last = wire.call(Op::CopyObject(copy)).at("copy").map(drop);
        if last.is_ok() {
            break;
        }
    }
    last
}

/// A stored key that is sensitive.
fn stored_key(world: &mut World, label: &[u8]) -> Result<(super::world::Marked, Wire, Object), Stop> {
    let key = world.marked(Template::new().on(&[ck::CKA_TOKEN]).bytes(ck::CKA_LABEL, label))?;
    let wire = logged_in(world)?;
    let find = FindObjects { template: vec![attribute(ck::CKA_LABEL, label)], ..FindObjects::default() };
    let object = wire.objects(Op::FindObjects(find)).at("find")?.remove(0);
    Ok((key, wire, object))
}

fn read(world: &World, wire: &Wire, key: &super::world::Marked, object: &Object, class: u64) -> Attempt {
    let types = vec![ck::CKA_VALUE, ck::CKA_SEED, ck::CKA_PRIVATE_EXPONENT];
    match wire.call(Op::ReadValues(ReadValues { object: named(&object.unique_id, class), types })).at("read")? {
        reply::Result::Values(values) if values.attributes.is_empty() => useless("it has none to tell"),
        reply::Result::Values(values) => world.take(&values.attributes[0].value, key),
        _ => panic!("an answer with values"),
    }
}

fn other_class(world: &mut World) -> Attempt {
    let (key, wire, object) = stored_key(world, b"by-another-class")?;
    let mut last = useless("nothing was tried");
    for class in [ck::CKO_DATA, ck::CKO_CERTIFICATE, ck::CKO_PUBLIC_KEY, ck::CKO_PRIVATE_KEY] {
        last = read(world, &wire, &key, &object, class);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn stored_values(world: &mut World) -> Attempt {
    let (key, wire, object) = stored_key(world, b"values-of-stored")?;
    read(world, &wire, &key, &object, object.class)
}

/// The one to be checked, the other to be kept.
fn twice(world: &mut World) -> Attempt {
    let wire = logged_in(world)?;
    let extra = [attribute(ck::CKA_SENSITIVE, &[1]), attribute(ck::CKA_SENSITIVE, &[0])];
    generate(&wire, 21, extra.to_vec()).at("generate").map(drop)
}

fn trusted_certificate(world: &mut World) -> Attempt {
    let file = world.daemon.path("certificate.der");
    let openssl =
        ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=trust me"];
    let mut command = world.daemon.command(tool("openssl", "openssl"));
    output_of(command.args(openssl).args(["-keyout", "/dev/null", "-outform", "DER", "-out"]).arg(&file));
    let certificate = |trusted| {
        let flags = [attribute(ck::CKA_TRUSTED, &[trusted]), attribute(ck::CKA_VALUE, &std::fs::read(&file).unwrap())];
        let kind = [number(ck::CKA_CLASS, ck::CKO_CERTIFICATE), number(ck::CKA_CERTIFICATE_TYPE, ck::CKC_X_509)];
        let template = kind.into_iter().chain(flags).collect();
        Op::CreateObject(CreateObject { template, request_id: vec![22 + trusted; 16].into() })
    };
    let wire = logged_in(world)?;
    wire.call(certificate(0)).at("create an untrusted one")?;
    wire.call(certificate(1)).at("create").map(drop)
}
