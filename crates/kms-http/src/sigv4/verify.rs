use http::{HeaderMap, header, request::Parts};
use kms_types::{Principal, Region, Timestamp, limits::SIGNATURE_WINDOW_MS};
use std::sync::Arc;
use subtle::ConstantTimeEq;

use super::{
    Authenticated, Credential, Credentials, PathForm, SERVICE, SignatureError,
    authorization::Authorization,
    canonical::{Canonical, string_to_sign},
    scope::Scope,
    sha256_hex,
    sign::header_list,
    signing_key::SigningKeyCache,
};

/// The one verifier of KMS requests of one Region; nothing else makes an [`Authenticated`].
pub struct Authenticator {
    region: Region,
    credentials: Arc<dyn Credentials>,
    keys: SigningKeyCache,
}

/// Stands in for the secret of an unknown access key, so that the refusal costs what a mismatch costs.
const DUMMY_SECRET: &str = "no credential has this access key id";

/// Headers that must be signed when they are sent; `host` always.
const SIGNED_IF_SENT: [&str; 4] = ["date", "x-amz-date", "x-amz-security-token", "x-amz-target"];

impl Authenticator {
    /// A verifier for requests signed for `region`.
    pub fn new(region: Region, credentials: Arc<dyn Credentials>) -> Self {
        Self { region, credentials, keys: SigningKeyCache::default() }
    }

    /// Checks the signature over head and body against `now`, which is Region time (invariant B5).
    pub fn verify(
        &self,
        head: &Parts,
        body: &[u8],
        now: Timestamp,
    ) -> Result<Authenticated<()>, SignatureError> {
        let value = authorization_value(head)?;
        let authorization = Authorization::parse(value)?;
        let headers = covered_headers(head)?;
        check_signed_headers(&authorization, &headers)?;
        let time = request_time(&headers)?;
        self.check_scope(&authorization.scope, &time.text)?;
        check_window(time.stamp, now)?;
        let payload = payload_sha256(&head.headers, body)?;
        let canonical = Canonical {
            method: head.method.as_str(),
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            headers,
            path_form: PathForm::Normalized,
        };
        let request = canonical.request(&authorization.signed_headers, &payload);
        let text = string_to_sign(&time.text, &authorization.scope, &request);
        let caller = self.check_signature(&authorization, &text)?;
        refuse_session_token(&head.headers)?;
        Ok(Authenticated::new(caller, authorization.access_key_id.to_owned(), ()))
    }

    fn check_scope(&self, scope: &Scope, time: &str) -> Result<(), SignatureError> {
        if scope.service != SERVICE {
            return Err(SignatureError::Service);
        }
        if scope.region != self.region.as_str() {
            return Err(SignatureError::Region);
        }
        if !time.starts_with(&scope.date) {
            return Err(SignatureError::ScopeDate { scope: scope.date.clone(), request: time.into() });
        }
        Ok(())
    }

    fn check_signature(
        &self,
        claim: &Authorization<'_>,
        string_to_sign: &str,
    ) -> Result<Principal, SignatureError> {
        let known = self.credentials.credential(claim.access_key_id);
        let (id, secret) = match &known {
            Some(Credential { access_key_id, secret, .. }) => (access_key_id.as_str(), secret.as_str()),
            None => ("", DUMMY_SECRET),
        };
        let expected = self.keys.key(id, secret, &claim.scope).sign(string_to_sign);
        let equal = bool::from(expected.ct_eq(&claim.signature));
        match known {
            None => Err(SignatureError::UnknownCredential),
            Some(_) if !equal => Err(SignatureError::Mismatch),
            Some(credential) => Ok(credential.principal),
        }
    }
}

/// The single `Authorization` header; presigned queries are told apart from absent credentials.
fn authorization_value(head: &Parts) -> Result<&str, SignatureError> {
    let mut values = head.headers.get_all(header::AUTHORIZATION).iter();
    match (values.next(), values.next(), is_presigned(head.uri.query().unwrap_or_default())) {
        (None, _, false) => Err(SignatureError::MissingToken),
        (None, _, true) => Err(SignatureError::Presigned),
        (Some(_), _, true) => Err(SignatureError::TwoCredentials),
        (Some(_), Some(_), false) => Err(SignatureError::DuplicateHeader { name: "authorization".into() }),
        (Some(value), None, false) => value
            .to_str()
            .map_err(|_| SignatureError::Malformed { header_sha256: sha256_hex(value.as_bytes()) }),
    }
}

fn is_presigned(query: &str) -> bool {
    let names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default().to_ascii_lowercase());
    names
        .into_iter()
        .any(|name| matches!(name.as_str(), "x-amz-algorithm" | "x-amz-credential" | "x-amz-signature"))
}

/// The headers as sent, with `:authority` of HTTP/2 in the place of `host`.
fn covered_headers(head: &Parts) -> Result<Vec<(&str, &[u8])>, SignatureError> {
    let mut headers = header_list(&head.headers);
    if let Some(authority) = head.uri.authority() {
        match head.headers.get(header::HOST) {
            None => headers.push(("host", authority.as_str().as_bytes())),
            Some(host) if host.as_bytes() == authority.as_str().as_bytes() => {}
            Some(_) => return Err(SignatureError::HostConflict),
        }
    }
    Ok(headers)
}

fn check_signed_headers(claim: &Authorization<'_>, sent: &[(&str, &[u8])]) -> Result<(), SignatureError> {
    let count = |name: &str| sent.iter().filter(|(other, _)| *other == name).count();
    let must = SIGNED_IF_SENT.iter().filter(|name| count(name) > 0).chain(&["host"]);
    for name in must {
        if !claim.signed_headers.contains(name) {
            return Err(SignatureError::UnsignedHeader { name: (*name).into() });
        }
    }
    for name in &claim.signed_headers {
        match count(name) {
            0 => return Err(SignatureError::AbsentHeader { name: (*name).into() }),
            1 => {}
            _ => return Err(SignatureError::DuplicateHeader { name: (*name).into() }),
        }
    }
    Ok(())
}

struct RequestTime {
    text: String,
    stamp: Timestamp,
}

/// `x-amz-date`, else `date`; both are signed if sent.
fn request_time(headers: &[(&str, &[u8])]) -> Result<RequestTime, SignatureError> {
    let find = |name: &str| headers.iter().find(|(other, _)| *other == name).map(|(_, value)| *value);
    let value = find("x-amz-date").or_else(|| find("date")).ok_or(SignatureError::MissingDate)?;
    let text = String::from_utf8_lossy(value).into_owned();
    let stamp = parse_basic(&text)
        .or_else(|| if find("x-amz-date").is_none() { parse_http_date(&text) } else { None });
    let invalid = || SignatureError::InvalidDate { value: text.chars().take(64).collect() };
    let stamp = stamp.ok_or_else(invalid)?;
    Ok(RequestTime { text: stamp.to_iso_basic(), stamp })
}

fn parse_basic(text: &str) -> Option<Timestamp> {
    let shape_ok = text.len() == 16 && text.ends_with('Z');
    if shape_ok { Timestamp::parse_iso(text) } else { None }
}

/// The `date` header's own form, for example `Tue, 03 Feb 2026 08:14:09 GMT` [RFC9110 §5.6.7].
fn parse_http_date(text: &str) -> Option<Timestamp> {
    let zoned = jiff::fmt::rfc2822::parse(text).ok()?;
    u64::try_from(zoned.timestamp().as_millisecond()).ok().map(Timestamp::from_millis)
}

fn check_window(request: Timestamp, now: Timestamp) -> Result<(), SignatureError> {
    if now.millis_since(request) > SIGNATURE_WINDOW_MS {
        return Err(SignatureError::Expired { request, now });
    }
    if request.millis_since(now) > SIGNATURE_WINDOW_MS {
        return Err(SignatureError::NotYetCurrent { request, now });
    }
    Ok(())
}

/// The body's hash; `x-amz-content-sha256`, if sent, must say the same. So unsigned and streaming markers fail.
fn payload_sha256(headers: &HeaderMap, body: &[u8]) -> Result<String, SignatureError> {
    let actual = sha256_hex(body);
    let stated = headers.get_all("x-amz-content-sha256").iter();
    let all_equal = stated.into_iter().all(|value| value.as_bytes() == actual.as_bytes());
    if all_equal { Ok(actual) } else { Err(SignatureError::PayloadHash) }
}

/// Temporary credentials do not exist yet: no token belongs to a long-term access key.
fn refuse_session_token(headers: &HeaderMap) -> Result<(), SignatureError> {
    if headers.contains_key("x-amz-security-token") { Err(SignatureError::UnknownCredential) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
