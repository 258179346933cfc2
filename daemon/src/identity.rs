//! Who is calling: a peer of the Unix socket, a client certificate, an application logged in with a PIN. What they may do is the policy room's.

use std::{fmt, sync::Arc};

use aws_lc_rs::hmac;

pub mod assertion;
pub mod desk;
pub mod devices;
mod jwt;
mod object_id;
pub mod token;

pub use object_id::{pin_object_id, random_object_id, subscription_id, tenant_id};

use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::session::Opener,
};

/// How the caller reached the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A process on this machine, as the kernel vouches for it.
    Unix {
        /// Its user.
        uid: u32,
        /// Its process, for the audit log.
        pid: Option<i32>,
    },
    /// A TLS client whose certificate a configured authority signed.
    Certificate {
        /// The certificate's common name.
        name: Arc<str>,
        /// SHA-256 of the certificate: what a login token is bound to.
        fingerprint: [u8; 32],
    },
}

impl Peer {
    /// What wrong PINs are counted under.
    pub fn name(&self) -> String {
        match self {
            Peer::Unix { uid, .. } => format!("uid:{uid}"),
            Peer::Certificate { name, .. } => format!("certificate:{name}"),
        }
    }

    /// What a login token is bound to. On the Unix socket nothing: servers log in as root, fork and change user.
    fn binding(&self) -> [u8; 32] {
        match self {
            Peer::Unix { .. } => [0; 32],
            Peer::Certificate { fingerprint, .. } => *fingerprint,
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Unix { uid, pid: Some(pid) } => write!(f, "uid:{uid} pid:{pid}"),
            Peer::Unix { uid, pid: None } => write!(f, "uid:{uid}"),
            Peer::Certificate { name, .. } => write!(f, "certificate:{name}"),
        }
    }
}

/// The two PKCS#11 users of a vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UserType {
    /// CKU_SO.
    SecurityOfficer,
    /// CKU_USER.
    User,
}

impl UserType {
    /// The name in records, the audit log and the CLI.
    pub const fn name(self) -> &'static str {
        match self {
            UserType::SecurityOfficer => "so",
            UserType::User => "user",
        }
    }
}

/// What a login token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Login {
    /// The only vault it is good for.
    pub vault: Id,
    /// As whom.
    pub user_type: UserType,
    /// The PIN's epoch at login; another one means that the PIN was changed since.
    pub epoch: u64,
    /// This login, for the audit log.
    pub id: Id,
    /// The program that came with the token, as in [`Caller::Application`]; no part of the token.
    pub application: Id,
}

/// What an access token says of who shows it. Whether it is still good is the policy room's to say, at every call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedIn {
    /// The principal.
    pub object_id: Id,
    /// Its name, for the audit log: a user's, or an app id.
    pub name: Arc<str>,
    /// Of a service principal.
    pub application: Option<Id>,
    /// This sign-in: an access token and the refresh tokens that it can be had for again have it in common, and end together.
    pub session: Id,
    /// The principal's epoch when it signed in; another one means that it was signed out everywhere since.
    pub epoch: u64,
    /// When the token was made and when it ends, in Unix seconds.
    pub issued: i64,
    /// See [`Self::issued`].
    pub expires: i64,
}

/// Who asks for an operation.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A gRPC client: its rights are its peer's.
    Peer(Peer),
    /// A gRPC client with an access token: its rights are the principal's, whatever its peer may do.
    Principal(SignedIn, Peer),
    /// A program with the PKCS#11 module loaded, not logged in: it sees tokens and public objects whoever runs it. The number is the
    /// one of its C_Initialize, which its session objects are sealed for; all zero when it gave none.
    Application(Peer, Id),
    /// Such a program, logged in.
    PinUser(Login, Peer),
    /// The daemon itself (rotation, anchors, start and stop).
    Internal,
}

impl Caller {
    /// The peer, unless it is the daemon itself.
    pub fn peer(&self) -> Option<&Peer> {
        match self {
            Caller::Peer(peer)
            | Caller::Principal(_, peer)
            | Caller::Application(peer, _)
            | Caller::PinUser(_, peer) => Some(peer),
            Caller::Internal => None,
        }
    }

    /// The session objects that are the caller's.
    pub fn opener(&self) -> Opener {
        let known = |application: Id| Some(application).filter(|id| *id != Id::default());
        match self {
            Caller::PinUser(login, _) => Opener { login: Some(login.id), application: known(login.application) },
            Caller::Application(_, application) => Opener { login: None, application: known(*application) },
            Caller::Peer(_) | Caller::Principal(..) | Caller::Internal => Opener::default(),
        }
    }

    /// Who it is, for records that say who made or changed something: the same from one process to the next.
    pub fn principal_name(&self) -> String {
        match self {
            Caller::Peer(peer) | Caller::Application(peer, _) => peer.name(),
            Caller::Principal(who, _) => who.name.to_string(),
            Caller::PinUser(login, _) => format!("pin:{}", login.user_type.name()),
            Caller::Internal => self.to_string(),
        }
    }

    /// Whether this is a vault's PIN user (not its security officer).
    pub fn is_user(&self) -> bool {
        matches!(self, Caller::PinUser(login, _) if login.user_type == UserType::User)
    }

    /// Whether this is a vault's security officer.
    pub fn is_security_officer(&self) -> bool {
        matches!(self, Caller::PinUser(login, _) if login.user_type == UserType::SecurityOfficer)
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caller::Peer(peer) => write!(f, "{peer}"),
            Caller::Principal(who, peer) => write!(f, "{} ({}) via {peer}", who.name, who.object_id),
            Caller::Application(peer, _) => write!(f, "application {peer}"),
            Caller::PinUser(login, peer) => write!(f, "pin-{} login:{} via {peer}", login.user_type.name(), login.id),
            Caller::Internal => f.write_str("softkeepd"),
        }
    }
}

/// The first byte of a login token.
const TOKEN_FORMAT: u8 = 1;
/// Format, vault, user type, epoch, login id.
const TOKEN_BODY_LEN: usize = 1 + 16 + 1 + 8 + 16;
const TOKEN_LEN: usize = TOKEN_BODY_LEN + 32;

/// Makes the token that answers a login. It carries no rights: those are read at every call.
pub fn issue_login_token(key: &hmac::Key, login: &Login, peer: &Peer) -> Vec<u8> {
    let mut token = Vec::with_capacity(TOKEN_LEN);
    token.push(TOKEN_FORMAT);
    token.extend_from_slice(&login.vault.0);
    token.push(match login.user_type {
        UserType::SecurityOfficer => 0,
        UserType::User => 1,
    });
    token.extend_from_slice(&login.epoch.to_be_bytes());
    token.extend_from_slice(&login.id.0);
    let mac = token_mac(key, &token, peer);
    token.extend_from_slice(mac.as_ref());
    token
}

fn token_mac(key: &hmac::Key, body: &[u8], peer: &Peer) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(body);
    context.update(&peer.binding());
    context.sign()
}

/// Reads a login token back. Whether its PIN epoch is still the vault's is for the policy room.
pub fn read_login_token(key: &hmac::Key, token: &[u8], peer: &Peer) -> Result<Login> {
    let refused = || Error::new(ErrorCode::Unauthenticated, "the login token is not valid here; log in again");
    let (body, mac) = token.split_at_checked(TOKEN_BODY_LEN).ok_or_else(refused)?;
    aws_lc_rs::constant_time::verify_slices_are_equal(token_mac(key, body, peer).as_ref(), mac)
        .map_err(|_| refused())?;
    let mut rest = body;
    let mut take = |count: usize| {
        let (head, tail) = rest.split_at_checked(count).ok_or_else(refused)?;
        rest = tail;
        Ok::<_, Error>(head)
    };
    if take(1)? != [TOKEN_FORMAT] {
        return Err(refused());
    }
    let vault = Id::from_bytes(take(16)?)?;
    let user_type = match take(1)? {
        [0] => UserType::SecurityOfficer,
        [1] => UserType::User,
        _ => return Err(refused()),
    };
    let epoch = take(8)?.try_into().map(u64::from_be_bytes).map_err(|_| refused())?;
    Ok(Login { vault, user_type, epoch, id: Id::from_bytes(take(16)?)?, application: Id::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_only_as_issued() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        let unix = Peer::Unix { uid: 0, pid: Some(1) };
        let login = Login {
            vault: Id([7; 16]),
            user_type: UserType::User,
            epoch: 3,
            id: Id([9; 16]),
            application: Id::default(),
        };
        let token = issue_login_token(&key, &login, &unix);
        assert_eq!(
            read_login_token(&key, &token, &Peer::Unix { uid: 33, pid: None }).unwrap(),
            login,
            "uids are not bound"
        );
        for index in 0..token.len() {
            let mut forged = token.clone();
            forged[index] ^= 1;
            assert!(read_login_token(&key, &forged, &unix).is_err(), "byte {index}");
            assert!(read_login_token(&key, &token[..index], &unix).is_err(), "length {index}");
        }
        let certificate = Peer::Certificate { name: "web".into(), fingerprint: [1; 32] };
        assert!(read_login_token(&key, &token, &certificate).is_err(), "a token of the socket is not one for TLS");
        let bound = issue_login_token(&key, &login, &certificate);
        assert!(read_login_token(&key, &bound, &certificate).is_ok());
        let other = Peer::Certificate { name: "web".into(), fingerprint: [2; 32] };
        assert!(read_login_token(&key, &bound, &other).is_err(), "another certificate of the same name");
    }
}
