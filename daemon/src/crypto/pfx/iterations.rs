//! How often a file wants its password hashed, counted before anything is. Some programs write PFX files in BER: lengths that are not
//! told beforehand, texts in pieces. aws-lc reads those too, so they are read here.

/// Deeper than any PFX that makes sense, with the certificates in it.
const MAX_DEPTH: u32 = 40;

/// How deep values without a length and pieces of texts may stand in each other: deeper than aws-lc follows them.
const MAX_BER_DEPTH: u32 = 200;

const INTEGER: u8 = 0x02;
const OCTET_STRING: u8 = 0x04;
const OCTET_STRING_IN_PIECES: u8 = 0x24;
const SEQUENCE: u8 = 0x30;
const CONSTRUCTED: u8 = 0x20;
const END: [u8; 2] = [0, 0];

/// The sum of all iteration counts. In PFX, PBES1 and PBES2 each follows its salt, an OCTET STRING. What is itself encrypted is not seen
/// here; of that aws-lc opens one key, and takes at most 100,000,000 iterations for it.
pub(super) fn asked_for(file: &[u8]) -> u64 {
    sum(file, MAX_DEPTH)
}

/// A value: its tag (numbers above 30 are of no interest), what is in it, what comes behind it.
struct Value<'a> {
    tag: u8,
    inside: &'a [u8],
    rest: &'a [u8],
}

fn sum(ber: &[u8], depth: u32) -> u64 {
    let Some(depth) = depth.checked_sub(1) else { return u64::MAX };
    let (mut rest, mut total, mut after_salt) = (ber, 0_u64, false);
    while let Some(value) = next(rest, MAX_BER_DEPTH) {
        let inside = value.inside;
        let more = match value.tag {
            INTEGER if after_salt => number(inside),
            OCTET_STRING if inside.first() == Some(&SEQUENCE) => sum(inside, depth),
            OCTET_STRING_IN_PIECES => sum(&joined(inside, MAX_BER_DEPTH), depth),
            tag if tag & CONSTRUCTED != 0 => sum(inside, depth),
            _ => 0,
        };
        total = total.saturating_add(more);
        after_salt = matches!(value.tag, OCTET_STRING | OCTET_STRING_IN_PIECES);
        rest = value.rest;
    }
    total
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |number: u64, byte| number.saturating_mul(256).saturating_add(u64::from(*byte)))
}

/// The pieces of an OCTET STRING, which may be in pieces themselves.
fn joined(ber: &[u8], depth: u32) -> Vec<u8> {
    let (mut rest, mut all) = (ber, Vec::new());
    let Some(depth) = depth.checked_sub(1) else { return all };
    while let Some(piece) = next(rest, depth) {
        match piece.tag {
            OCTET_STRING_IN_PIECES => all.extend(joined(piece.inside, depth)),
            _ => all.extend_from_slice(piece.inside),
        }
        rest = piece.rest;
    }
    all
}

/// The first value; `None` at the end, and at what is no BER.
fn next(ber: &[u8], depth: u32) -> Option<Value<'_>> {
    let (&tag, mut rest) = ber.split_first()?;
    if ber.starts_with(&END) {
        return None;
    }
    if tag & 0x1f == 0x1f {
        let last = rest.iter().position(|byte| byte & 0x80 == 0)?;
        rest = rest.get(last + 1..)?;
    }
    let (&first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0x80 => {
            let len = up_to_end(rest, depth)?;
            let (inside, rest) = rest.split_at_checked(len)?;
            return Some(Value { tag, inside, rest: rest.get(END.len()..)? });
        }
        0x81.. => {
            let (len, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (usize::try_from(number(len)).ok()?, rest)
        }
        len => (usize::from(len), rest),
    };
    let (inside, rest) = rest.split_at_checked(len)?;
    Some(Value { tag, inside, rest })
}

/// The bytes before the end of a value whose length is not told.
fn up_to_end(ber: &[u8], depth: u32) -> Option<usize> {
    let depth = depth.checked_sub(1)?;
    let mut rest = ber;
    while !rest.starts_with(&END) {
        rest = next(rest, depth)?.rest;
    }
    Some(ber.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(tag: u8, inside: &[u8]) -> Vec<u8> {
        [&[tag, 0x82][..], &u16::try_from(inside.len()).unwrap().to_be_bytes(), inside].concat()
    }

    fn endless(tag: u8, inside: &[u8]) -> Vec<u8> {
        [&[tag | CONSTRUCTED, 0x80][..], inside, &END].concat()
    }

    /// A salt and a number of iterations.
    fn parameters(iterations: u32) -> Vec<u8> {
        value(SEQUENCE, &[value(OCTET_STRING, b"salt"), value(INTEGER, &iterations.to_be_bytes())].concat())
    }

    #[test]
    fn iterations_are_found_in_every_form_and_added_up() {
        let one = parameters(7);
        assert_eq!(asked_for(&one), 7);
        assert_eq!(asked_for(&value(SEQUENCE, &[one.clone(), parameters(5)].concat())), 12);
        assert_eq!(asked_for(&endless(SEQUENCE, &endless(0xa0, &one))), 7, "lengths that are not told");
        assert_eq!(asked_for(&value(OCTET_STRING, &one)), 7);
        let pieces: Vec<_> = one.chunks(3).flat_map(|piece| value(OCTET_STRING, piece)).collect();
        assert_eq!(asked_for(&endless(OCTET_STRING, &pieces)), 7, "in pieces");
        assert_eq!(asked_for(&endless(OCTET_STRING, &endless(OCTET_STRING, &pieces))), 7);
        let salt_in_pieces = endless(OCTET_STRING, &value(OCTET_STRING, b"salt"));
        assert_eq!(asked_for(&value(SEQUENCE, &[salt_in_pieces, value(INTEGER, &[9])].concat())), 9);
        assert_eq!(asked_for(&value(INTEGER, &[9])), 0, "no salt before it");
        assert_eq!(asked_for(&[0x30, 0x80, 0x30, 0x80]), 0, "cut off");
        let deep = (0..100).fold(one.clone(), |inside, _| endless(SEQUENCE, &inside));
        assert_eq!(asked_for(&deep), u64::MAX, "too deep");
        let deep = (0..100).fold(value(OCTET_STRING, &one), |inside, _| endless(OCTET_STRING, &inside));
        assert_eq!(asked_for(&deep), 7);
    }
}
