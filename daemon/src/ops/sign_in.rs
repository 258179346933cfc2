//! Answers a password, a secret, an assertion, a refresh token or an approved device code with an access token.

use std::{sync::Arc, time::Duration};

use zeroize::Zeroizing;

use super::{Audited, Operation};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    id::Id,
    identity::{Peer, SignedIn, assertion, desk::SignInDesk, token::TokenKind},
    keys::{
        catalog::Version,
        record::{CredentialRecord, PinRecord, PrincipalKind, PrincipalRecord},
    },
    pins,
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place, check_principal, principals},
    workers::Lane,
};

/// What somebody signs in with.
pub enum SignIn {
    /// A user's name and password.
    Password(String, Zeroizing<String>),
    /// A service principal's app id and secret.
    ClientSecret(String, Zeroizing<String>),
    /// A service principal's app id and a JWT of its certificate's key.
    ClientAssertion(String, Zeroizing<String>),
    /// What an earlier sign-in gave.
    RefreshToken(Zeroizing<String>),
    /// What somebody has approved.
    DeviceCode(Zeroizing<String>),
}

/// Who is signed in, and by what.
pub struct SignedInReply {
    /// For every call.
    pub access_token: Zeroizing<String>,
    /// For the next access token; service principals sign in anew instead.
    pub refresh_token: Option<Zeroizing<String>>,
    /// When the access token ends.
    pub expires: i64,
    /// Who it is.
    pub principal: Arc<PrincipalRecord>,
}

/// How long the answer to a wrong password waits, so that guessing is slow.
const DELAY: Duration = Duration::from_millis(200);

impl Operation for SignIn {
    const NAME: &'static str = "sign-in";
    /// Everybody may try.
    const PERMISSION: Permission = Permission::SeeToken;
    const AUDITED: Audited = Audited::Login;
    type Reply = SignedInReply;

    fn place(&self) -> Place {
        match self {
            SignIn::Password(name, _) | SignIn::ClientSecret(name, _) | SignIn::ClientAssertion(name, _) => {
                Place::Principal(name.clone())
            }
            SignIn::RefreshToken(_) | SignIn::DeviceCode(_) => Place::Daemon,
        }
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn remark(reply: &SignedInReply) -> super::Remark {
        let detail = Some(format!("signed in {}", principals::name_of(&reply.principal)));
        super::Remark { detail, ..super::Remark::default() }
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<SignedInReply> {
        let peer = grant.caller().peer().map(Peer::name).unwrap_or_default();
        let (desk, now) = (&rooms.sign_in, clock::now_seconds());
        let (principal, session) = match grant.into_operation() {
            SignIn::Password(name, password) => {
                (check_secret(rooms, PrincipalKind::User, &name, &password, &peer, now)?, Id::random()?)
            }
            SignIn::ClientSecret(name, secret) => {
                (check_secret(rooms, PrincipalKind::ServicePrincipal, &name, &secret, &peer, now)?, Id::random()?)
            }
            SignIn::ClientAssertion(name, assertion) => {
                (check_assertion(rooms, &name, &assertion, now)?, Id::random()?)
            }
            SignIn::RefreshToken(token) => {
                let who = desk.tokens.read(TokenKind::Refresh, &token, now)?;
                (still_there(rooms, &who, now)?, who.session)
            }
            SignIn::DeviceCode(code) => (approved(rooms, desk, &code, now)?, Id::random()?),
        };
        reply(desk, principal, session, now)
    }
}

fn reply(desk: &SignInDesk, principal: Arc<PrincipalRecord>, session: Id, now: i64) -> Result<SignedInReply> {
    let (access_token, who) = desk.tokens.issue(TokenKind::Access, &principal, session, now)?;
    let refresh_token = match is_user(&principal) {
        true => Some(desk.tokens.issue(TokenKind::Refresh, &principal, session, now)?.0.into()),
        false => None,
    };
    Ok(SignedInReply { access_token: access_token.into(), refresh_token, expires: who.expires, principal })
}

fn is_user(principal: &PrincipalRecord) -> bool {
    principal.kind == i32::from(PrincipalKind::User)
}

/// The one answer to a name that is none, a password that is wrong, one that has expired.
fn refused() -> Error {
    let error = Error::new(ErrorCode::Unauthenticated, "the name or the password is wrong, or it has expired");
    Error { answer_after: DELAY, ..error }
}

/// Checks a password or secret, counting. A name that nobody has costs the same work.
fn check_secret(
    rooms: &Unsealed,
    kind: PrincipalKind,
    name: &str,
    secret: &str,
    peer: &str,
    now: i64,
) -> Result<Arc<PrincipalRecord>> {
    let found = find(rooms, kind, name);
    // An app id has several spellings and one count.
    let counted = match kind {
        PrincipalKind::User => name.to_owned(),
        PrincipalKind::ServicePrincipal => principals::parse_guid(name).map_or(name.to_owned(), |app| app.guid()),
    };
    let one_try = rooms.sign_in.begin(&counted, peer)?;
    let nobody = PinRecord { salt: vec![0; 16], hash: vec![0; 32], epoch: 0 };
    let credentials = found.as_deref().map_or(&[][..], |record| &record.credentials);
    let mut passwords = credentials.iter().filter_map(|credential| Some((credential, credential.password.as_ref()?)));
    let first = passwords.next().map_or((None, &nobody), |(credential, password)| (Some(credential), password));
    let mut right = false;
    // No early end: how long it takes tells nothing of which of them is right.
    for (credential, password) in
        std::iter::once(first).chain(passwords.map(|(credential, password)| (Some(credential), password)))
    {
        let is_right = pins::is_right(secret.as_bytes(), password, rooms.keys.root.pin_pepper())?;
        right |= is_right && credential.is_some_and(|credential| is_current(credential, now));
    }
    let record = found.filter(|_| right).ok_or_else(refused)?;
    one_try.succeed();
    check_enabled(record)
}

fn is_current(credential: &CredentialRecord, now: i64) -> bool {
    credential.expires.is_none_or(|end| now < end)
}

fn find(rooms: &Unsealed, kind: PrincipalKind, name: &str) -> Option<Arc<PrincipalRecord>> {
    let view = rooms.keys.catalog.view();
    match kind {
        PrincipalKind::User => view.directory.user(name).cloned(),
        PrincipalKind::ServicePrincipal => {
            principals::parse_guid(name).ok().and_then(|app| view.directory.application(app).cloned())
        }
    }
}

/// Who has shown the right secret may know more.
fn check_enabled(record: Arc<PrincipalRecord>) -> Result<Arc<PrincipalRecord>> {
    if record.disabled {
        let name = principals::name_of(&record);
        return Err(Error::new(ErrorCode::PermissionDenied, format!("{name} is disabled")));
    }
    Ok(record)
}

fn check_assertion(rooms: &Unsealed, name: &str, assertion: &str, now: i64) -> Result<Arc<PrincipalRecord>> {
    let refused = || {
        let what =
            "the assertion is not good: its key, its times, its audience or the app id is another, or it was used";
        Error { answer_after: DELAY, ..Error::new(ErrorCode::Unauthenticated, what) }
    };
    let record = find(rooms, PrincipalKind::ServicePrincipal, name).ok_or_else(refused)?;
    let application = Id::from_bytes(&record.app_id)?;
    let good = record
        .credentials
        .iter()
        .filter(|credential| !credential.certificate.is_empty() && is_current(credential, now))
        .find_map(|credential| assertion::check(assertion, application, &credential.certificate, now))
        .filter(|good| rooms.sign_in.use_assertion(good.signed, good.expires, now));
    good.ok_or_else(refused)?;
    check_enabled(record)
}

fn still_there(rooms: &Unsealed, who: &SignedIn, now: i64) -> Result<Arc<PrincipalRecord>> {
    let view = rooms.keys.catalog.view();
    check_principal(&view, who, now)?;
    let record = view.directory.principals.get(&who.object_id).cloned();
    record.ok_or_else(|| Error::internal("a principal that was just there"))
}

fn approved(rooms: &Unsealed, desk: &SignInDesk, code: &str, now: i64) -> Result<Arc<PrincipalRecord>> {
    let approval = desk.devices.poll(code, now)?;
    let view = rooms.keys.catalog.view();
    view.directory
        .principals
        .get(&approval.principal)
        .filter(|record| !record.disabled && record.epoch == approval.epoch)
        .cloned()
        .ok_or_else(|| Error::new(ErrorCode::TokenInvalid, "who approved the code is signed out since; begin again"))
}
