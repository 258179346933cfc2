//! Scripted attacks on keys that nobody may have, through the module's functions and past it, on a vault of each profile. Whoever attacks
//! has the user's PIN and every function. An attack succeeds if it computes part of a marked key's value or widens what protects one.
//! The tables say at which step each is stopped, and how; `docs/policy.md` says why.

mod agreements;
mod derivations;
mod grants;
mod known_keys;
mod logins;
mod lying_module;
mod other_parameters;
mod reading;
mod undoing;
mod unwrapping;
mod walk;
mod widening;
mod wire;
mod world;

use world::{Attempt, Stop, Vault, World};

/// One attack.
pub struct Row {
    name: &'static str,
    attack: fn(&mut World) -> Attempt,
    standard: &'static str,
    strict: &'static str,
    succeeds_with_any: bool,
}

/// An attack with where it is stopped in each profile.
const fn row(
    name: &'static str,
    attack: fn(&mut World) -> Attempt,
    standard: &'static str,
    strict: &'static str,
) -> Row {
    Row { name, attack, standard, strict, succeeds_with_any: false }
}

impl Row {
    /// In a vault with `--wrapping any` it succeeds.
    const fn succeeds_with_any(self) -> Self {
        Self { succeeds_with_any: true, ..self }
    }
}

const TABLE: [&[Row]; 11] = [
    undoing::ATTACKS,
    known_keys::ATTACKS,
    unwrapping::ATTACKS,
    derivations::ATTACKS,
    agreements::ATTACKS,
    widening::ATTACKS,
    reading::ATTACKS,
    logins::ATTACKS,
    grants::ATTACKS,
    lying_module::ATTACKS,
    other_parameters::ATTACKS,
];

fn rows() -> impl Iterator<Item = &'static Row> {
    TABLE.into_iter().flatten()
}

fn check(kind: Vault, expected: impl Fn(&Row) -> Option<&'static str>) {
    let mut world = World::of(kind);
    let mut wrong = Vec::new();
    for row in rows() {
        let Some(expected) = expected(row) else { continue };
        let got = match (row.attack)(&mut world) {
            Ok(()) => "SUCCESS".to_owned(),
            Err(Stop(why)) => why,
        };
        if got != expected {
            wrong.push(format!("{}: {got} (expected: {expected})", row.name));
        }
        world.settle();
    }
    wrong.extend(world.leaking_file().map(|file| format!("a marked value is in {file}")));
    assert!(wrong.is_empty(), "{} attacks ended otherwise:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn no_attack_succeeds_on_a_standard_vault() {
    check(Vault::Standard, |row| Some(row.standard));
}

#[test]
fn no_attack_succeeds_on_a_strict_vault() {
    check(Vault::Strict, |row| Some(row.strict));
}

/// The control: what the wrapping rule stops works where there is none.
#[test]
fn attacks_on_wrapping_succeed_where_wrapping_is_any() {
    check(Vault::Any, |row| row.succeeds_with_any.then_some("SUCCESS"));
}

#[test]
fn there_are_many_and_none_is_expected_to_succeed() {
    assert!(rows().count() >= 60, "{}", rows().count());
    let mut names: Vec<_> = rows().map(|row| row.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rows().count(), "each has a name of its own");
    assert!(rows().all(|row| ![row.standard, row.strict].contains(&"SUCCESS")));
}
