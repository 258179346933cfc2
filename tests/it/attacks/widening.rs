//! To take back what protects a key: by C_SetAttributeValue, by a copy, or by saying of a new key what only the daemon may say.

use softkeep_tests::{
    arguments::{Mechanism, Template},
    raw::{Rv, ck},
};

use super::{
    Row, row,
    world::{At, Attempt, World, useless},
};

pub const ATTACKS: &[Row] = &[
    row(
        "set CKA_SENSITIVE false",
        set::<{ ck::CKA_SENSITIVE }, false>,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set CKA_EXTRACTABLE true",
        set::<{ ck::CKA_EXTRACTABLE }, true>,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set CKA_WRAP_WITH_TRUSTED false",
        set::<{ ck::CKA_WRAP_WITH_TRUSTED }, false>,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set CKA_PRIVATE false",
        set::<{ ck::CKA_PRIVATE }, false>,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set CKA_MODIFIABLE true",
        set::<{ ck::CKA_MODIFIABLE }, true>,
        "set: CKR_ACTION_PROHIBITED",
        "set: CKR_ACTION_PROHIBITED",
    ),
    row(
        "set CKA_COPYABLE true",
        set::<{ ck::CKA_COPYABLE }, true>,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set CKA_DESTROYABLE true",
        set::<{ ck::CKA_DESTROYABLE }, true>,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set CKA_TRUSTED true",
        set::<{ ck::CKA_TRUSTED }, true>,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set CKA_LOCAL true",
        set::<{ ck::CKA_LOCAL }, true>,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set CKA_ALWAYS_SENSITIVE true",
        set::<{ ck::CKA_ALWAYS_SENSITIVE }, true>,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set CKA_NEVER_EXTRACTABLE true",
        set::<{ ck::CKA_NEVER_EXTRACTABLE }, true>,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set CKA_DECRYPT true",
        set::<{ ck::CKA_DECRYPT }, true>,
        "set: CKR_ACTION_PROHIBITED",
        "set: CKR_ACTION_PROHIBITED",
    ),
    row(
        "set CKA_ALLOWED_MECHANISMS to more",
        set_mechanisms,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "set CKA_UNWRAP_TEMPLATE to none",
        set_template,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row("set CKA_VALUE", set_value, "set: CKR_ATTRIBUTE_READ_ONLY", "set: CKR_ATTRIBUTE_READ_ONLY"),
    row(
        "set CKA_ALWAYS_AUTHENTICATE false",
        set_always_authenticate,
        "set: CKR_ATTRIBUTE_READ_ONLY",
        "set: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "copy with CKA_SENSITIVE false",
        copy::<{ ck::CKA_SENSITIVE }, false>,
        "copy: CKR_ATTRIBUTE_READ_ONLY",
        "copy: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "copy with CKA_EXTRACTABLE true",
        copy::<{ ck::CKA_EXTRACTABLE }, true>,
        "copy: CKR_ATTRIBUTE_READ_ONLY",
        "copy: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "copy with CKA_WRAP_WITH_TRUSTED false",
        copy::<{ ck::CKA_WRAP_WITH_TRUSTED }, false>,
        "copy: CKR_ATTRIBUTE_READ_ONLY",
        "copy: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "copy with CKA_PRIVATE false",
        copy::<{ ck::CKA_PRIVATE }, false>,
        "copy: CKR_TEMPLATE_INCONSISTENT",
        "copy: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "copy with CKA_TRUSTED true",
        copy::<{ ck::CKA_TRUSTED }, true>,
        "copy: CKR_TEMPLATE_INCONSISTENT",
        "copy: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "copy with CKA_LOCAL true",
        copy::<{ ck::CKA_LOCAL }, true>,
        "copy: CKR_TEMPLATE_INCONSISTENT",
        "copy: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "copy with CKA_ALWAYS_SENSITIVE true",
        copy::<{ ck::CKA_ALWAYS_SENSITIVE }, true>,
        "copy: CKR_TEMPLATE_INCONSISTENT",
        "copy: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "copy with CKA_NEVER_EXTRACTABLE true",
        copy::<{ ck::CKA_NEVER_EXTRACTABLE }, true>,
        "copy: CKR_TEMPLATE_INCONSISTENT",
        "copy: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "copy with CKA_DECRYPT true",
        copy::<{ ck::CKA_DECRYPT }, true>,
        "copy: CKR_TEMPLATE_INCONSISTENT",
        "copy: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "copy with CKA_ALLOWED_MECHANISMS for more",
        copy_mechanisms,
        "copy: CKR_TEMPLATE_INCONSISTENT",
        "copy: CKR_TEMPLATE_INCONSISTENT",
    ),
    row("copy what may not be copied", copy_uncopyable, "copy: CKR_ACTION_PROHIBITED", "copy: CKR_ACTION_PROHIBITED"),
    row(
        "copy what is trusted, and have it trusted",
        copy_trusted,
        "useless: the copy is not trusted",
        "make the wrapping key: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "import with CKA_TRUSTED true",
        import::<{ ck::CKA_TRUSTED }>,
        "import: CKR_ATTRIBUTE_READ_ONLY",
        "import: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "import with CKA_LOCAL true",
        import::<{ ck::CKA_LOCAL }>,
        "import: CKR_TEMPLATE_INCONSISTENT",
        "import: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "import with CKA_ALWAYS_SENSITIVE true",
        import::<{ ck::CKA_ALWAYS_SENSITIVE }>,
        "import: CKR_TEMPLATE_INCONSISTENT",
        "import: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "import with CKA_NEVER_EXTRACTABLE true",
        import::<{ ck::CKA_NEVER_EXTRACTABLE }>,
        "import: CKR_TEMPLATE_INCONSISTENT",
        "import: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "unwrap with CKA_TRUSTED true",
        unwrap_as::<{ ck::CKA_TRUSTED }>,
        "unwrap: CKR_ATTRIBUTE_READ_ONLY",
        "bring in the known key: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "unwrap with CKA_LOCAL true",
        unwrap_as::<{ ck::CKA_LOCAL }>,
        "unwrap: CKR_TEMPLATE_INCONSISTENT",
        "bring in the known key: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "unwrap with CKA_NEVER_EXTRACTABLE true",
        unwrap_as::<{ ck::CKA_NEVER_EXTRACTABLE }>,
        "unwrap: CKR_TEMPLATE_INCONSISTENT",
        "bring in the known key: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "generate with CKA_TRUSTED true",
        generate_trusted,
        "make the wrapping key: CKR_ATTRIBUTE_READ_ONLY",
        "make the wrapping key: CKR_ATTRIBUTE_READ_ONLY",
    ),
    row(
        "import again what is there, with other flags",
        import_again,
        "read: CKR_ATTRIBUTE_SENSITIVE",
        "import: CKR_TEMPLATE_INCONSISTENT",
    ),
    row(
        "destroy what may not be destroyed",
        destroy,
        "destroy: CKR_ACTION_PROHIBITED",
        "destroy: CKR_ACTION_PROHIBITED",
    ),
];

/// A key that forbids as much as can be forbidden.
fn closed(world: &mut World) -> Result<u64, super::Stop> {
    let template = Template::new()
        .on(&[ck::CKA_WRAP_WITH_TRUSTED, ck::CKA_SENSITIVE])
        .off(&[ck::CKA_EXTRACTABLE, ck::CKA_COPYABLE, ck::CKA_DESTROYABLE])
        .mechanisms(&[ck::CKM_AES_GCM]);
    Ok(world.marked(template)?.key)
}

/// The same, but modifiable and copyable, so that it is not only that which forbids.
fn copyable(world: &mut World) -> Result<u64, super::Stop> {
    let template = Template::new().on(&[ck::CKA_WRAP_WITH_TRUSTED, ck::CKA_SENSITIVE]);
    Ok(world.marked(template.off(&[ck::CKA_EXTRACTABLE]).mechanisms(&[ck::CKM_AES_GCM]))?.key)
}

fn flag(kind: u64, on: bool) -> Template {
    if on { Template::new().on(&[kind]) } else { Template::new().off(&[kind]) }
}

/// Whether a flag is now what was asked for, and was not.
fn widened(world: &World, before: Rv<bool>, key: u64, kind: u64, on: bool) -> Attempt {
    match (before, world.calls.flag(key, kind)) {
        (Ok(before), Ok(after)) if before != on && after == on => Ok(()),
        _ => useless("the flag is as it was"),
    }
}

fn set<const KIND: u64, const ON: bool>(world: &mut World) -> Attempt {
    let key = match KIND {
        ck::CKA_MODIFIABLE => world.marked(Template::new().off(&[ck::CKA_MODIFIABLE]))?.key,
        _ => closed(world)?,
    };
    let before = world.calls.flag(key, KIND);
    world.calls.set(key, &flag(KIND, ON)).at("set")?;
    widened(world, before, key, KIND, ON)
}

fn set_mechanisms(world: &mut World) -> Attempt {
    let key = copyable(world)?;
    let more = Template::new().mechanisms(&[ck::CKM_AES_GCM, ck::CKM_AES_ECB]);
    world.calls.set(key, &more).at("set")?;
    world.calls.encrypt(&Mechanism::plain(ck::CKM_AES_ECB), key, &[0; 16]).at("encrypt").map(drop)
}

fn set_template(world: &mut World) -> Attempt {
    let rule = Template::new().on(&[ck::CKA_SENSITIVE]);
    let kek = Template::new().nested(ck::CKA_UNWRAP_TEMPLATE, rule).on(&[ck::CKA_UNWRAP]);
    let kek = world.kek_with(&kek)?;
    world.calls.set(kek, &Template::new().nested(ck::CKA_UNWRAP_TEMPLATE, Template::new())).at("set")
}

fn set_value(world: &mut World) -> Attempt {
    let key = copyable(world)?;
    world.calls.set(key, &Template::new().bytes(ck::CKA_VALUE, &[1; 32])).at("set")
}

fn set_always_authenticate(world: &mut World) -> Attempt {
    let private = Template::new().on(&[ck::CKA_ALWAYS_AUTHENTICATE, ck::CKA_SIGN]);
    let (_, key) = world.rsa_with(&Template::new(), &private).at("set-up")?;
    let before = world.calls.flag(key, ck::CKA_ALWAYS_AUTHENTICATE);
    world.calls.set(key, &flag(ck::CKA_ALWAYS_AUTHENTICATE, false)).at("set")?;
    widened(world, before, key, ck::CKA_ALWAYS_AUTHENTICATE, false)
}

fn copy<const KIND: u64, const ON: bool>(world: &mut World) -> Attempt {
    let key = copyable(world)?;
    let before = world.calls.flag(key, KIND);
    let copy = world.calls.copy(key, &flag(KIND, ON)).at("copy")?;
    widened(world, before, copy, KIND, ON)
}

fn copy_mechanisms(world: &mut World) -> Attempt {
    let key = copyable(world)?;
    let copy = world.calls.copy(key, &Template::new().mechanisms(&[ck::CKM_AES_ECB])).at("copy")?;
    world.calls.encrypt(&Mechanism::plain(ck::CKM_AES_ECB), copy, &[0; 16]).at("encrypt").map(drop)
}

fn copy_uncopyable(world: &mut World) -> Attempt {
    let key = closed(world)?;
    world.calls.copy(key, &Template::new()).at("copy").map(drop)
}

fn copy_trusted(world: &mut World) -> Attempt {
    let kept = Template::new().on(&[ck::CKA_TOKEN, ck::CKA_WRAP]).off(&[ck::CKA_PRIVATE]);
    let kek = world.kek_with(&kept.bytes(ck::CKA_LABEL, b"trusted-to-be-copied"))?;
    world.as_officer(|officer| officer.set(kek, &Template::new().on(&[ck::CKA_TRUSTED]))).at("trust")?;
    let copy = world.calls.copy(kek, &Template::new()).at("copy")?;
    if world.calls.flag(copy, ck::CKA_TRUSTED) == Ok(true) { Ok(()) } else { useless("the copy is not trusted") }
}

fn import<const KIND: u64>(world: &mut World) -> Attempt {
    let template = Template::secret(ck::CKK_AES).on(&[ck::CKA_SENSITIVE, KIND]).off(&[ck::CKA_EXTRACTABLE]);
    let key = world.bring(&template, &[7; 32]).at("import")?;
    widened(world, Ok(false), key, KIND, true)
}

fn unwrap_as<const KIND: u64>(world: &mut World) -> Attempt {
    let kek = world.kek(&[ck::CKA_WRAP, ck::CKA_UNWRAP])?;
    let known = world.known(&Template::new().on(&[ck::CKA_EXTRACTABLE]).off(&[ck::CKA_WRAP_WITH_TRUSTED]))?;
    let kw = Mechanism::plain(ck::CKM_AES_KEY_WRAP);
    let blob = world.calls.wrap(&kw, kek, known).at("wrap")?;
    let template = Template::secret(ck::CKK_AES).on(&[KIND]).off(&[ck::CKA_EXTRACTABLE]);
    let key = world.calls.unwrap_key(&kw, kek, &blob, &template).at("unwrap")?;
    widened(world, Ok(false), key, KIND, true)
}

fn generate_trusted(world: &mut World) -> Attempt {
    let key = world.kek(&[ck::CKA_WRAP, ck::CKA_TRUSTED])?;
    widened(world, Ok(false), key, ck::CKA_TRUSTED, true)
}

/// A key of the same name and value as one that is there is another key: the first stays as it is.
fn import_again(world: &mut World) -> Attempt {
    let kept = Template::new().on(&[ck::CKA_TOKEN]).bytes(ck::CKA_LABEL, b"twice").bytes(ck::CKA_ID, b"twice");
    let first = world.marked(kept.clone())?;
    let open = Template::secret(ck::CKK_AES).and(&kept).off(&[ck::CKA_SENSITIVE]).on(&[ck::CKA_EXTRACTABLE]);
    // The value is another: who has the right one needs no attack.
    world.bring(&open, &[1; 32]).at("import")?;
    world.read(first.key, &first)
}

fn destroy(world: &mut World) -> Attempt {
    let key = closed(world)?;
    world.calls.destroy(key).at("destroy")
}
