//! The access token of a call: the metadata `authorization: Bearer …` (RFC 6750 section 2.1), kept with the request's extensions, which every
//! service sees.

use tonic::{
    Extensions,
    codegen::http::{self, HeaderValue, header::AUTHORIZATION},
};

use crate::error::{Error, ErrorCode, Result};

/// What a call brought along.
#[derive(Clone)]
struct Authorization(Vec<HeaderValue>);

/// Keeps it.
pub fn remember<B>(request: &mut http::Request<B>) {
    if request.headers().contains_key(AUTHORIZATION) {
        let values = request.headers().get_all(AUTHORIZATION).iter().cloned().collect();
        request.extensions_mut().insert(Authorization(values));
    }
}

/// The token; `None` where there is no such metadata at all. A caller who tried to say who they are is never taken for their peer.
pub fn of(extensions: &Extensions) -> Result<Option<&str>> {
    let Some(Authorization(values)) = extensions.get::<Authorization>() else { return Ok(None) };
    let token = match values.as_slice() {
        [value] => value.to_str().ok().and_then(|text| text.split_once(' ')),
        _ => None,
    };
    match token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Ok(Some(token.trim())),
        _ => Err(Error::new(ErrorCode::TokenInvalid, "the authorization metadata is one 'Bearer TOKEN'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(values: &[&str]) -> Option<Option<String>> {
        let mut request = http::Request::new(());
        for value in values {
            request.headers_mut().append(AUTHORIZATION, value.parse().unwrap());
        }
        remember(&mut request);
        let request = tonic::Request::from_http(request);
        of(request.extensions()).ok().map(|token| token.map(str::to_owned))
    }

    #[test]
    fn one_token_or_none() {
        assert_eq!(token(&[]), Some(None));
        assert_eq!(token(&["Bearer a.b.c"]), Some(Some("a.b.c".into())));
        assert_eq!(token(&["bearer  a.b.c "]), Some(Some("a.b.c".into())));
        for wrong in [&["Basic a"][..], &["a.b.c"], &[""], &["Bearer a", "Bearer b"]] {
            assert_eq!(token(wrong), None, "{wrong:?}");
        }
    }
}
