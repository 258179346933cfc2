//! Access tokens and refresh tokens: JWTs (RFC 7519) signed with Ed25519 (RFC 8037) by a key derived from the root key, so that every daemon
//! with that root key takes them. A token says who it is for and nothing of what they may do: that is read at every call.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use serde::{Deserialize, Serialize};

use super::{SignedIn, jwt, tenant_id};
use crate::{
    error::{Error, ErrorCode, Result},
    id::Id,
    keys::{record::PrincipalRecord, seal::Secret32},
    policy::principals,
};

/// How long an access token is good; Azure's are good for about as long.
pub const ACCESS_TOKEN_SECONDS: i64 = 3600;
/// How long a refresh token is good.
pub const REFRESH_TOKEN_SECONDS: i64 = 90 * 24 * 3600;
/// How far the clocks of replicas may differ. A token from further ahead means that the clock was set back.
const MAX_SKEW_SECONDS: i64 = 300;
/// Whom the tokens are for.
pub const AUDIENCE: &str = "https://vault.localhost";
/// Who makes them.
pub const ISSUER: &str = "https://login.localhost";

/// What a token is for; its header says so, so that none passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenKind {
    /// Shown with a call (RFC 9068).
    Access,
    /// Exchanged for an access token.
    Refresh,
}

impl TokenKind {
    const fn header(self) -> &'static str {
        match self {
            TokenKind::Access => r#"{"alg":"EdDSA","typ":"at+jwt"}"#,
            TokenKind::Refresh => r#"{"alg":"EdDSA","typ":"softkeep-refresh+jwt"}"#,
        }
    }

    const fn life(self) -> i64 {
        match self {
            TokenKind::Access => ACCESS_TOKEN_SECONDS,
            TokenKind::Refresh => REFRESH_TOKEN_SECONDS,
        }
    }
}

/// What is signed.
#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    oid: String,
    tid: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    appid: Option<String>,
    name: String,
    iat: i64,
    nbf: i64,
    exp: i64,
    jti: String,
    sid: String,
    epoch: u64,
}

/// Makes tokens and reads them.
pub struct Tokens {
    key: Ed25519KeyPair,
    cluster: Id,
}

impl Tokens {
    /// With the key's seed, of one store.
    pub fn new(seed: &Secret32, cluster: Id) -> Result<Self> {
        let key = Ed25519KeyPair::from_seed_unchecked(&seed[..]).map_err(Error::internal)?;
        Ok(Self { key, cluster })
    }

    /// Makes a token for a principal, of one sign-in.
    pub fn issue(
        &self,
        kind: TokenKind,
        principal: &PrincipalRecord,
        session: Id,
        now: i64,
    ) -> Result<(String, SignedIn)> {
        let who = SignedIn {
            object_id: Id::from_bytes(&principal.object_id)?,
            name: principals::name_of(principal).into(),
            application: Id::from_bytes(&principal.app_id).ok(),
            session,
            epoch: principal.epoch,
            issued: now,
            expires: now + kind.life(),
        };
        let tenant = tenant_id(self.cluster).guid();
        let claims = Claims {
            iss: format!("{ISSUER}/{tenant}"),
            aud: AUDIENCE.into(),
            sub: who.object_id.guid(),
            oid: who.object_id.guid(),
            tid: tenant,
            appid: who.application.map(|id| id.guid()),
            name: who.name.to_string(),
            iat: now,
            nbf: now,
            exp: who.expires,
            jti: Id::random()?.guid(),
            sid: session.guid(),
            epoch: who.epoch,
        };
        let claims = serde_json::to_vec(&claims).map_err(Error::internal)?;
        let signed = jwt::signing_input(kind.header(), &claims);
        let signature = self.key.sign(signed.as_bytes());
        Ok((jwt::join(&signed, signature.as_ref()), who))
    }

    /// Reads a token of that kind. Whether its principal is still there is the policy room's to say.
    pub fn read(&self, kind: TokenKind, token: &str, now: i64) -> Result<SignedIn> {
        let forged = || Error::new(ErrorCode::TokenInvalid, "the token was not made here, or was changed");
        let parts = jwt::split(token).ok_or_else(forged)?;
        // First of all the signature: nothing unsigned is looked into.
        UnparsedPublicKey::new(&ED25519, self.key.public_key().as_ref())
            .verify(parts.signed.as_bytes(), &parts.signature)
            .map_err(|_| forged())?;
        if parts.header != kind.header().as_bytes() {
            return Err(Error::new(ErrorCode::TokenInvalid, "the token is for something else"));
        }
        let claims: Claims = serde_json::from_slice(&parts.claims).map_err(|_| forged())?;
        if claims.aud != AUDIENCE || claims.tid != tenant_id(self.cluster).guid() || claims.sub != claims.oid {
            return Err(forged());
        }
        check_time(claims.iat.max(claims.nbf), claims.exp, now)?;
        Ok(SignedIn {
            object_id: principals::parse_guid(&claims.oid).map_err(|_| forged())?,
            name: claims.name.into(),
            application: claims.appid.as_deref().map(principals::parse_guid).transpose().map_err(|_| forged())?,
            session: principals::parse_guid(&claims.sid).map_err(|_| forged())?,
            epoch: claims.epoch,
            issued: claims.iat,
            expires: claims.exp,
        })
    }
}

/// Refuses what is over, and what is from the future.
pub fn check_time(issued: i64, expires: i64, now: i64) -> Result<()> {
    if now >= expires {
        return Err(Error::new(ErrorCode::TokenInvalid, "the token has expired; sign in again"));
    }
    if issued > now + MAX_SKEW_SECONDS {
        return Err(Error::new(
            ErrorCode::TokenInvalid,
            "the token is from the future: the clock was set back; set it right, or sign in again",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 2_000_000_000;

    fn tokens(seed: u8, cluster: u8) -> Tokens {
        Tokens::new(&Box::new(zeroize::Zeroizing::new([seed; 32])), Id([cluster; 16])).unwrap()
    }

    fn ada() -> PrincipalRecord {
        PrincipalRecord { object_id: vec![7; 16], name: "ada@example.com".into(), epoch: 4, ..Default::default() }
    }

    fn refused(result: Result<SignedIn>) -> String {
        let error = result.unwrap_err();
        assert_eq!(error.code, ErrorCode::TokenInvalid);
        error.detail
    }

    #[test]
    fn a_token_says_who_it_was_made_for() {
        let tokens = tokens(1, 1);
        for kind in [TokenKind::Access, TokenKind::Refresh] {
            let (token, who) = tokens.issue(kind, &ada(), Id([5; 16]), NOW).unwrap();
            assert_eq!(tokens.read(kind, &token, NOW).unwrap(), who);
            assert_eq!((who.object_id, &*who.name, who.epoch), (Id([7; 16]), "ada@example.com", 4));
        }
        let app = PrincipalRecord { object_id: vec![8; 16], app_id: vec![9; 16], ..Default::default() };
        let (token, _) = tokens.issue(TokenKind::Access, &app, Id([5; 16]), NOW).unwrap();
        assert_eq!(tokens.read(TokenKind::Access, &token, NOW).unwrap().application, Some(Id([9; 16])));
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let tokens = tokens(1, 1);
        let (token, _) = tokens.issue(TokenKind::Access, &ada(), Id([5; 16]), NOW).unwrap();
        for index in 0..token.len() {
            for flip in [1, 2, 0x20] {
                let mut bytes = token.clone().into_bytes();
                bytes[index] ^= flip;
                let Ok(forged) = String::from_utf8(bytes) else { continue };
                refused(tokens.read(TokenKind::Access, &forged, NOW));
            }
            refused(tokens.read(TokenKind::Access, &token[..index], NOW));
            refused(tokens.read(TokenKind::Access, &format!("{}A{}", &token[..index], &token[index..]), NOW));
        }
        for more in [format!("{token}="), format!("{token}."), format!("{token}.{token}"), format!(" {token}")] {
            refused(tokens.read(TokenKind::Access, &more, NOW));
        }
    }

    #[test]
    fn none_passes_for_another() {
        let (mine, other_key, other_store) = (tokens(1, 1), tokens(2, 1), tokens(1, 2));
        let (access, _) = mine.issue(TokenKind::Access, &ada(), Id([5; 16]), NOW).unwrap();
        let (refresh, _) = mine.issue(TokenKind::Refresh, &ada(), Id([5; 16]), NOW).unwrap();
        refused(mine.read(TokenKind::Refresh, &access, NOW));
        refused(mine.read(TokenKind::Access, &refresh, NOW));
        refused(other_key.read(TokenKind::Access, &access, NOW));
        refused(other_store.read(TokenKind::Access, &access, NOW));
        // RFC 8725 section 2.1: what names no algorithm is not taken without one.
        let claims = access.split('.').nth(1).unwrap();
        let none = format!("{}.{claims}.", jwt::encode(br#"{"alg":"none","typ":"at+jwt"}"#));
        refused(mine.read(TokenKind::Access, &none, NOW));
    }

    #[test]
    fn time_is_kept() {
        let tokens = tokens(1, 1);
        let (token, who) = tokens.issue(TokenKind::Access, &ada(), Id([5; 16]), NOW).unwrap();
        let read = |now| tokens.read(TokenKind::Access, &token, now);
        assert!(read(who.expires - 1).is_ok() && read(NOW - MAX_SKEW_SECONDS).is_ok());
        assert!(refused(read(who.expires)).contains("expired"));
        assert!(refused(read(NOW - MAX_SKEW_SECONDS - 1)).contains("clock was set back"));
        assert!(refused(read(0)).contains("clock was set back"));
    }
}
