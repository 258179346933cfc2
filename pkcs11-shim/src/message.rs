//! A message on its way into a signature or a MAC: what of it is hashed here, what is gathered for the one call at the
//! end, and what a MAC takes in by calls of its own. Nothing here knows a private key.

use bytes::Bytes;
use digest::{ExtendableOutput, Update, XofReader};
use shake::Shake256;
use softkeep_proto::{
    algorithm::{EdwardsCurve, Hash},
    limits::{MAX_GATHERED_BYTES, MAX_PART_BYTES},
    pkcs11::v1 as wire,
};

use crate::{
    attribute::Attributes,
    error::{Error, Result},
    hash::Hasher,
    mechanism::{Family, Mechanism, Params},
    object::Key,
    public_key::{edwards, ml_dsa},
    remote::Remote,
};

/// FIPS 204 algorithm 7: mu and tr have this many bytes; so has Ed448ph's prehash (RFC 8032 section 5.2).
const SHAKE_BYTES: usize = 64;

/// The message so far.
#[derive(Clone)]
pub struct Message {
    intake: Intake,
    /// HashML-DSA: what has been taken in goes into mu at the end, after what is there already.
    mu: Option<Shake256>,
}

#[derive(Clone)]
enum Intake {
    Hashed(Hasher),
    Shake(Shake256),
    /// Sent whole at the end.
    Gathered(Vec<u8>),
    /// Sent whole, and never given in parts.
    Single(Vec<u8>),
    /// HMAC and CMAC: what does not fit one call has gone into the daemon's sealed state.
    Mac {
        gathered: Vec<u8>,
        state: Bytes,
    },
}

/// A message at its end: what Sign and Verify carry.
pub struct Finished {
    /// A digest, mu, or the message (the rest of it).
    pub data: Vec<u8>,
    /// Of a MAC that was begun with calls before.
    pub mac_state: Bytes,
}

/// Who takes the parts of a MAC.
pub struct MacTaker<'a> {
    /// The daemon.
    pub remote: &'a Remote,
    /// The key.
    pub key: &'a Key,
    /// What to do with it.
    pub mechanism: &'a Mechanism,
    /// Whether a MAC is checked at the end.
    pub verify: bool,
}

impl MacTaker<'_> {
    fn take(&self, mac_state: Bytes, data: Vec<u8>) -> Result<Bytes> {
        let update = wire::UpdateMac {
            key: Some(self.key.to_wire(None)),
            mechanism: Some(self.mechanism.to_wire()),
            mac_state,
            data: data.into(),
            verify: self.verify,
        };
        self.remote.update_mac(update).map_err(Error::about_key)
    }
}

impl Message {
    /// Of nothing yet, for a mechanism and the attributes of its key (either half).
    pub fn new(mechanism: &Mechanism, attributes: &Attributes) -> Result<Self> {
        let single = || Self { intake: Intake::Single(Vec::new()), mu: None };
        let hashed = |hash| Self { intake: Intake::Hashed(Hasher::new(hash)), mu: None };
        Ok(match (mechanism.row.family, mechanism.row.hash) {
            (Family::Hmac | Family::HmacGeneral | Family::AesCmac | Family::AesCmacGeneral, _) => {
                Self { intake: Intake::Mac { gathered: Vec::new(), state: Bytes::new() }, mu: None }
            }
            (Family::MlDsa | Family::HashMlDsa, _) => ml_dsa_message(mechanism, attributes)?,
            (Family::EdDsa, _) => match (&mechanism.params, edwards::curve(attributes)?) {
                (Params::EdDsa { prehash: true, .. }, EdwardsCurve::Ed25519) => hashed(Hash::Sha512),
                (Params::EdDsa { prehash: true, .. }, EdwardsCurve::Ed448) => {
                    Self { intake: Intake::Shake(Shake256::default()), mu: None }
                }
                _ => Self { intake: Intake::Gathered(Vec::new()), mu: None },
            },
            (Family::AesGmac, _) => Self { intake: Intake::Gathered(Vec::new()), mu: None },
            (_, Some(hash)) => hashed(hash),
            (_, None) => single(),
        })
    }

    /// Whether it may come in parts; the mechanisms that sign the caller's own block take one.
    pub fn takes_parts(&self) -> bool {
        !matches!(self.intake, Intake::Single(_))
    }

    /// Takes in more.
    pub fn update(&mut self, data: &[u8], taker: &MacTaker<'_>) -> Result<()> {
        self.take_in(data, |state, data| taker.take(state, data))
    }

    /// Takes in more of what no daemon is asked about: the signature will be verified here.
    pub fn update_local(&mut self, data: &[u8]) -> Result<()> {
        self.take_in(data, |_, _| Err(Error::FunctionFailed))
    }

    fn take_in(&mut self, data: &[u8], mut take: impl FnMut(Bytes, Vec<u8>) -> Result<Bytes>) -> Result<()> {
        match &mut self.intake {
            Intake::Hashed(hasher) => hasher.update(data),
            Intake::Shake(shake) => shake.update(data),
            Intake::Gathered(gathered) | Intake::Single(gathered) => gather(gathered, data)?,
            Intake::Mac { gathered, state } => {
                let mut data = data;
                while gathered.len() + data.len() > MAX_PART_BYTES {
                    let (now, later) = data.split_at(MAX_PART_BYTES - gathered.len());
                    gathered.extend_from_slice(now);
                    *state = take(state.clone(), std::mem::take(gathered))?;
                    data = later;
                }
                gathered.extend_from_slice(data);
            }
        }
        Ok(())
    }

    /// The end.
    pub fn finish(self) -> Finished {
        let (data, mac_state) = match self.intake {
            Intake::Hashed(hasher) => (hasher.finish(), Bytes::new()),
            Intake::Shake(shake) => (squeeze(shake), Bytes::new()),
            Intake::Gathered(data) | Intake::Single(data) => (data, Bytes::new()),
            Intake::Mac { gathered, state } => (gathered, state),
        };
        match self.mu {
            Some(mut mu) => {
                mu.update(&data);
                Finished { data: squeeze(mu), mac_state }
            }
            None => Finished { data, mac_state },
        }
    }

    /// How long the caller's own block is, where it is signed as it came.
    pub fn single_len(&self) -> Option<usize> {
        match &self.intake {
            Intake::Single(data) => Some(data.len()),
            _ => None,
        }
    }
}

fn gather(gathered: &mut Vec<u8>, data: &[u8]) -> Result<()> {
    if data.len() > MAX_GATHERED_BYTES.saturating_sub(gathered.len()) {
        return Err(Error::DataLenRange);
    }
    gathered.extend_from_slice(data);
    Ok(())
}

fn squeeze(shake: Shake256) -> Vec<u8> {
    let mut out = vec![0; SHAKE_BYTES];
    shake.finalize_xof().read(&mut out);
    out
}

/// mu = SHAKE256(tr ‖ M') of FIPS 204: algorithm 2 line 10 for the pure form, algorithm 4 line 23 for the hashed one.
fn ml_dsa_message(mechanism: &Mechanism, attributes: &Attributes) -> Result<Message> {
    let (_, public_key) = ml_dsa::public_bytes(attributes)?;
    let (context, hash): (&[u8], _) = match &mechanism.params {
        Params::SignContext { context, hash } => (context, *hash),
        _ => (&[], mechanism.row.hash),
    };
    let mut tr = Shake256::default();
    tr.update(&public_key);
    let mut mu = Shake256::default();
    mu.update(&squeeze(tr));
    mu.update(&[u8::from(hash.is_some()), u8::try_from(context.len()).map_err(|_| Error::MechanismParamInvalid)?]);
    mu.update(context);
    let Some(hash) = hash else { return Ok(Message { intake: Intake::Shake(mu), mu: None }) };
    mu.update(ml_dsa::hash_oid(hash)?);
    let intake = match mechanism.row.hash {
        Some(hash) => Intake::Hashed(Hasher::new(hash)),
        None => Intake::Single(Vec::new()),
    };
    Ok(Message { intake, mu: Some(mu) })
}
