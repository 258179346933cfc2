//! To read a value by another spelling.

use softkeep_tests::{
    arguments::{Mechanism, Template},
    raw::ck,
};

use super::{
    Row, row,
    world::{At, Attempt, World, useless},
};

pub const ATTACKS: &[Row] = &[
    row("read CKA_VALUE", value, "read: CKR_ATTRIBUTE_SENSITIVE", "read: CKR_ATTRIBUTE_SENSITIVE"),
    row(
        "read CKA_VALUE of what stays but is not sensitive",
        unextractable,
        "read: CKR_ATTRIBUTE_SENSITIVE",
        "set-up: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "ask for the length of CKA_VALUE",
        length,
        "useless: no length, for it is sensitive",
        "useless: no length, for it is sensitive",
    ),
    row(
        "read all attributes there could be",
        every_attribute,
        "useless: it is in none of them",
        "useless: it is in none of them",
    ),
    row(
        "read a private key's numbers",
        private_numbers,
        "read: CKR_ATTRIBUTE_SENSITIVE",
        "read: CKR_ATTRIBUTE_SENSITIVE",
    ),
    row(
        "search by CKA_VALUE",
        search,
        "useless: nothing is found by its value",
        "useless: nothing is found by its value",
    ),
    row("compare C_GetObjectSize of two values", size, "useless: the same", "useless: the same"),
    row("read a copy in the session", session_copy, "read: CKR_ATTRIBUTE_SENSITIVE", "read: CKR_ATTRIBUTE_SENSITIVE"),
    row("find the value in files and in the audit log", files, "useless: it is in none", "useless: it is in none"),
];

fn value(world: &mut World) -> Attempt {
    let key = world.marked(Template::new())?;
    world.read(key.key, &key)
}

fn unextractable(world: &mut World) -> Attempt {
    let key = world.marked(Template::new().off(&[ck::CKA_SENSITIVE, ck::CKA_EXTRACTABLE]))?;
    world.read(key.key, &key)
}

fn length(world: &mut World) -> Attempt {
    let key = world.marked(Template::new())?;
    match world.calls.length(key.key, ck::CKA_VALUE) {
        (ck::CKR_ATTRIBUTE_SENSITIVE, ck::CK_UNAVAILABLE_INFORMATION) => useless("no length, for it is sensitive"),
        _ => Ok(()),
    }
}

/// Every attribute of PKCS#11's numbers, each asked for by itself.
fn every_attribute(world: &mut World) -> Attempt {
    let key = world.marked(Template::new())?;
    for kind in (0..0x700).chain(ck::CKA_VENDOR_DEFINED..ck::CKA_VENDOR_DEFINED + 64) {
        if let Ok(loot) = world.calls.get(key.key, kind)
            && world.take(&loot, &key).is_ok()
        {
            return Ok(());
        }
    }
    useless("it is in none of them")
}

fn private_numbers(world: &mut World) -> Attempt {
    let (_, key) = world.rsa(&[], &[ck::CKA_SIGN]).at("make the pair")?;
    let secret = [
        ck::CKA_PRIVATE_EXPONENT,
        ck::CKA_PRIME_1,
        ck::CKA_PRIME_2,
        ck::CKA_EXPONENT_1,
        ck::CKA_EXPONENT_2,
        ck::CKA_COEFFICIENT,
    ];
    let mut last = useless("nothing was asked");
    for kind in secret {
        last = world.calls.get(key, kind).at("read").map(drop);
        if last.is_ok() {
            break;
        }
    }
    last
}

fn search(world: &mut World) -> Attempt {
    let key = world.marked(Template::new())?;
    let found = world.calls.find(&Template::new().bytes(ck::CKA_VALUE, &key.value)).at("find")?;
    if found.is_empty() { useless("nothing is found by its value") } else { Ok(()) }
}

fn size(world: &mut World) -> Attempt {
    let (one, other) = (world.marked(Template::new())?, world.marked(Template::new())?);
    let (one, other) = (world.calls.size(one.key).at("size")?, world.calls.size(other.key).at("size")?);
    if one == other { useless("the same") } else { Ok(()) }
}

fn session_copy(world: &mut World) -> Attempt {
    let key = world.marked(Template::new().on(&[ck::CKA_TOKEN]).bytes(ck::CKA_LABEL, b"read-a-copy"))?;
    let copy = world.calls.copy(key.key, &Template::new().off(&[ck::CKA_TOKEN])).at("copy")?;
    world.read(copy, &key)
}

/// The key is stored and used first, so that whatever would be written is.
fn files(world: &mut World) -> Attempt {
    let key = world.marked(Template::new().on(&[ck::CKA_TOKEN]).bytes(ck::CKA_LABEL, b"stored-and-used"))?;
    world.calls.encrypt(&Mechanism::plain(ck::CKM_AES_ECB), key.key, &[0; 16]).at("encrypt")?;
    let _ = world.calls.get(key.key, ck::CKA_VALUE);
    // Checks the store and, with it, that the records of use are written.
    world.daemon.cli(&["audit", "verify"]);
    match world.leaking_file() {
        Some(file) => {
            eprintln!("{file}");
            Ok(())
        }
        None => useless("it is in none"),
    }
}
