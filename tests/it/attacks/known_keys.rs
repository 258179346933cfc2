//! To wrap under a key that the attacker knows, however it came into the vault.

use softkeep_tests::{
    arguments::{Mechanism, Parameter, Template},
    raw::ck,
};

use super::{
    Row, Stop, row,
    world::{At, Attempt, Marked, World},
};

pub const ATTACKS: &[Row] = &[
    row("wrap under a known key", known, "wrap: CKR_KEY_NOT_WRAPPABLE", "wrap: CKR_KEY_NOT_WRAPPABLE")
        .succeeds_with_any(),
    row("wrap under a key of a known password", password, "wrap: CKR_KEY_NOT_WRAPPABLE", "wrap: CKR_KEY_NOT_WRAPPABLE")
        .succeeds_with_any(),
    row(
        "wrap under a key derived from a known one",
        derived,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "derive: CKR_MECHANISM_INVALID",
    )
    .succeeds_with_any(),
    row(
        "wrap under a known key that was unwrapped here",
        unwrapped,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "wrap the known key: CKR_KEY_NOT_WRAPPABLE",
    )
    .succeeds_with_any(),
    row(
        "wrap under somebody else's public key",
        foreign_public,
        "wrap: CKR_KEY_NOT_WRAPPABLE",
        "wrap: CKR_KEY_NOT_WRAPPABLE",
    )
    .succeeds_with_any(),
    row(
        "wrap under a public key that can be factored",
        weak_public,
        "bring in the public key: CKR_ATTRIBUTE_VALUE_INVALID",
        "bring in the public key: CKR_ATTRIBUTE_VALUE_INVALID",
    ),
];

/// Whoever knows the wrapping key opens the blob at home; here a second key of the same value does it.
fn open_at_home(world: &mut World, kek: u64, target: &Marked) -> Attempt {
    let mechanism = Mechanism::plain(ck::CKM_AES_KEY_WRAP);
    let blob = world.calls.wrap(&mechanism, kek, target.key).at("wrap")?;
    let home = world.known(&Template::new().on(&[ck::CKA_DECRYPT]))?;
    let loot = world.calls.decrypt(&mechanism, home, &blob).at("decrypt")?;
    world.take(&loot, target)
}

fn known(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let kek = world.known(&Template::new().on(&[ck::CKA_WRAP]))?;
    open_at_home(world, kek, &target)
}

fn password(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let mechanism = Mechanism::with(ck::CKM_PKCS5_PBKD2, Parameter::Password(b"guess me".to_vec()));
    let make = |operation: u64| {
        let template = Template::aes(32).on(&[ck::CKA_SENSITIVE, operation]).off(&[ck::CKA_EXTRACTABLE]);
        world.calls.generate(&mechanism, &template)
    };
    let kek = make(ck::CKA_WRAP).at("make the wrapping key")?;
    let wrap = Mechanism::plain(ck::CKM_AES_KEY_WRAP);
    let blob = world.calls.wrap(&wrap, kek, target.key).at("wrap")?;
    let home = make(ck::CKA_DECRYPT).at("make it again")?;
    let loot = world.calls.decrypt(&wrap, home, &blob).at("decrypt")?;
    world.take(&loot, &target)
}

fn derived(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let base = world.known(&Template::secret(ck::CKK_GENERIC_SECRET).on(&[ck::CKA_DERIVE]))?;
    let template = Template::aes(32).on(&[ck::CKA_SENSITIVE, ck::CKA_WRAP]).off(&[ck::CKA_EXTRACTABLE]);
    let zero = Mechanism::data(ck::CKM_XOR_BASE_AND_DATA, &[0; 32]);
    let kek = world.calls.derive(&zero, base, &template).at("derive")?;
    open_at_home(world, kek, &target)
}

/// A known key, wrapped by a good one and unwrapped as one that looks made here.
fn unwrapped(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let good = world.kek(&[ck::CKA_WRAP, ck::CKA_UNWRAP])?;
    let known = world.known(&Template::new().on(&[ck::CKA_EXTRACTABLE]))?;
    let mechanism = Mechanism::plain(ck::CKM_AES_KEY_WRAP);
    let blob = world.calls.wrap(&mechanism, good, known).at("wrap the known key")?;
    let template = Template::secret(ck::CKK_AES).on(&[ck::CKA_SENSITIVE, ck::CKA_WRAP]).off(&[ck::CKA_EXTRACTABLE]);
    let kek = world.calls.unwrap_key(&mechanism, good, &blob, &template).at("unwrap")?;
    open_at_home(world, kek, &target)
}

fn foreign(world: &World, modulus: &[u8]) -> Result<u64, Stop> {
    let template = Template::new()
        .number(ck::CKA_CLASS, ck::CKO_PUBLIC_KEY)
        .number(ck::CKA_KEY_TYPE, ck::CKK_RSA)
        .bytes(ck::CKA_MODULUS, modulus)
        .bytes(ck::CKA_PUBLIC_EXPONENT, &[1, 0, 1])
        .on(&[ck::CKA_WRAP]);
    world.calls.create(&template).at("bring in the public key")
}

fn foreign_public(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let (public, private) = world.rsa(&[ck::CKA_ENCRYPT], &[ck::CKA_DECRYPT]).at("make the foreign key")?;
    let modulus = world.calls.get(public, ck::CKA_MODULUS).at("read")?;
    let foreign = foreign(world, &modulus)?;
    let blob = world.calls.wrap(&Mechanism::oaep(), foreign, target.key).at("wrap")?;
    let loot = world.calls.decrypt(&Mechanism::oaep(), private, &blob).at("decrypt")?;
    world.take(&loot, &target)
}

fn weak_public(world: &mut World) -> Attempt {
    let target = world.marked(Template::new())?;
    let mut modulus = [0xff; 64];
    modulus[63] = 0x0f;
    let foreign = foreign(world, &modulus)?;
    world.calls.wrap(&Mechanism::oaep(), foreign, target.key).at("wrap").map(drop)
}
