use http::{HeaderMap, header, request::Parts};
use kms_types::{Region, Timestamp, limits::SIGNATURE_WINDOW_MS};
use subtle::ConstantTimeEq;

use super::{
    Api, Authenticated, Credential, Credentials, PathForm, SignatureError,
    canonical::{Canonical, string_to_sign},
    claim::{Claim, Form},
    credential::Validity,
    scope::Scope,
    service_caller, sha256_hex,
    sign::header_list,
    signing_key::SigningKeyCache,
};

/// The one verifier of requests of one Region; nothing else makes an [`Authenticated`].
pub struct Authenticator {
    region: Region,
    keys: SigningKeyCache,
}

/// A request that is well-formed as far as its signature goes, and not verified yet.
#[derive(Debug)]
pub(crate) struct Unverified<'a> {
    head: &'a Parts,
    claim: Claim,
    api: Api,
    time: RequestTime,
    token: Option<String>,
    string_to_sign: String,
}

/// Stands in for the secret of an unknown access key, so that the refusal costs what a mismatch costs.
const DUMMY_SECRET: &str = "no credential has this access key id";

/// What HTTP/2 has for `host`. No header can have this name, so that it means nothing else in a list of signed headers.
const AUTHORITY: &str = ":authority";

/// Headers that must be signed when they are sent; `host` always, and everything that a service says about itself.
const SIGNED_IF_SENT: [&str; 5] =
    ["date", "x-amz-content-sha256", "x-amz-date", "x-amz-security-token", "x-amz-target"];

impl Authenticator {
    /// A verifier for requests signed for `region`.
    pub fn new(region: Region) -> Self {
        Self { region, keys: SigningKeyCache::default() }
    }

    /// Checks the signature over head and body against `now`, which is Region time (invariant B5).
    pub fn verify(
        &self,
        head: &Parts,
        body: &[u8],
        now: Timestamp,
        credentials: &dyn Credentials,
    ) -> Result<Authenticated<()>, SignatureError> {
        self.conclude(self.read(head, body)?, now, credentials)
    }

    /// Everything that needs neither the time nor a credential.
    pub(crate) fn read<'a>(&self, head: &'a Parts, body: &[u8]) -> Result<Unverified<'a>, SignatureError> {
        let claim = Claim::read(head)?;
        let headers = covered_headers(head)?;
        check_signed_headers(&claim, &headers)?;
        let time = request_time(&claim, &headers)?;
        let api = self.check_scope(&claim.scope, &time.text)?;
        let payload = payload_sha256(&head.headers, body)?;
        let token = session_token(&claim, &head.headers)?;
        let query = match &claim.form {
            Form::Header => head.uri.query().unwrap_or_default(),
            Form::Query(presigned) => &presigned.covered_query,
        };
        let canonical = Canonical {
            method: head.method.as_str(),
            path: head.uri.path(),
            query,
            headers,
            path_form: PathForm::Normalized,
        };
        let names: Vec<&str> = claim.signed_headers.iter().map(String::as_str).collect();
        let string_to_sign = string_to_sign(&time.text, &claim.scope, &canonical.request(&names, &payload));
        Ok(Unverified { head, claim, api, time, token, string_to_sign })
    }

    /// The rest: time, credential, signature, and what a service says about itself.
    pub(crate) fn conclude(
        &self,
        request: Unverified<'_>,
        now: Timestamp,
        credentials: &dyn Credentials,
    ) -> Result<Authenticated<()>, SignatureError> {
        request.check_window(now)?;
        let known = self.check_signature(&request, credentials)?;
        if known.validity == Validity::Over {
            return Err(SignatureError::ExpiredToken);
        }
        let (principal, reference) =
            service_caller::complete(known.principal, known.reference, &request.head.headers)?;
        Ok(Authenticated::new(principal, reference, request.claim.access_key_id, request.api, ()))
    }

    fn check_scope(&self, scope: &Scope, time: &str) -> Result<Api, SignatureError> {
        let api = Api::named(&scope.service).ok_or(SignatureError::Service)?;
        let own = scope.region == self.region.as_str();
        if !(own || api == Api::Iam && scope.region == Api::GLOBAL_REGION) {
            return Err(SignatureError::Region);
        }
        if !time.starts_with(&scope.date) {
            return Err(SignatureError::ScopeDate { scope: scope.date.clone(), request: time.into() });
        }
        Ok(api)
    }

    /// An unknown access key costs what a known one costs, but for the lookup itself.
    fn check_signature(
        &self,
        request: &Unverified<'_>,
        credentials: &dyn Credentials,
    ) -> Result<Credential, SignatureError> {
        let claim = &request.claim;
        let known = credentials.credential(&claim.access_key_id, request.token.as_deref());
        let (id, secret) = match &known {
            Some(Credential { access_key_id, secret, .. }) => (access_key_id.as_str(), secret.as_str()),
            None => ("", DUMMY_SECRET),
        };
        let expected = self.keys.key(id, secret, &claim.scope).sign(&request.string_to_sign);
        let equal = bool::from(expected.ct_eq(&claim.signature));
        match known {
            None => Err(SignatureError::UnknownCredential),
            Some(_) if !equal => Err(SignatureError::Mismatch),
            Some(credential) => Ok(credential),
        }
    }
}

impl Unverified<'_> {
    /// Five minutes either way; a presigned request ends when it says.
    fn check_window(&self, now: Timestamp) -> Result<(), SignatureError> {
        let request = self.time.stamp;
        let life_ms = match &self.claim.form {
            Form::Header => SIGNATURE_WINDOW_MS,
            Form::Query(presigned) => presigned.expires_s * 1000,
        };
        if now.millis_since(request) > life_ms {
            return Err(match &self.claim.form {
                Form::Header => SignatureError::Expired { request, now },
                Form::Query(_) => SignatureError::PresignedExpired { request, now },
            });
        }
        if request.millis_since(now) > SIGNATURE_WINDOW_MS {
            return Err(SignatureError::NotYetCurrent { request, now });
        }
        Ok(())
    }
}

/// The token of temporary credentials: in the query of a presigned request, otherwise a header.
fn session_token(claim: &Claim, headers: &HeaderMap) -> Result<Option<String>, SignatureError> {
    let sent = headers.get("x-amz-security-token");
    match (&claim.form, sent) {
        (Form::Query(presigned), None) => Ok(presigned.token.clone()),
        (Form::Query(_), Some(_)) => Err(SignatureError::TwoCredentials),
        (Form::Header, None) => Ok(None),
        // A token that is no text belongs to no credential.
        (Form::Header, Some(value)) => Ok(Some(value.to_str().unwrap_or_default().to_owned())),
    }
}

/// The headers as sent, with `:authority` of HTTP/2 in the place of `host`, and what is there under either name: clients
/// of HTTP/2 sign the one or the other, and a proxy that speaks HTTP/1.1 to a node sends `host` for both.
fn covered_headers(head: &Parts) -> Result<Vec<(&str, &[u8])>, SignatureError> {
    let mut headers = header_list(&head.headers);
    if let Some(authority) = head.uri.authority() {
        match head.headers.get(header::HOST) {
            None => headers.push(("host", authority.as_str().as_bytes())),
            Some(host) if host.as_bytes() == authority.as_str().as_bytes() => {}
            Some(_) => return Err(SignatureError::HostConflict),
        }
    }
    let hosts: Vec<&[u8]> =
        headers.iter().filter(|(name, _)| *name == "host").map(|(_, value)| *value).collect();
    headers.extend(hosts.into_iter().map(|host| (AUTHORITY, host)));
    Ok(headers)
}

fn check_signed_headers(claim: &Claim, sent: &[(&str, &[u8])]) -> Result<(), SignatureError> {
    let count = |name: &str| sent.iter().filter(|(other, _)| *other == name).count();
    let by_service =
        sent.iter().map(|(name, _)| *name).filter(|name| name.starts_with(service_caller::PREFIX));
    let must =
        SIGNED_IF_SENT.iter().copied().filter(|name| count(name) > 0).chain(["host"]).chain(by_service);
    for name in must {
        if !is_signed(claim, name) {
            return Err(SignatureError::UnsignedHeader { name: name.into() });
        }
    }
    for name in &claim.signed_headers {
        match count(name) {
            0 => return Err(SignatureError::AbsentHeader { name: name.clone() }),
            1 => {}
            _ => return Err(SignatureError::DuplicateHeader { name: name.clone() }),
        }
    }
    Ok(())
}

fn is_signed(claim: &Claim, name: &str) -> bool {
    claim.signed_headers.iter().any(|signed| signed == name || (name == "host" && signed == AUTHORITY))
}

#[derive(Debug)]
struct RequestTime {
    text: String,
    stamp: Timestamp,
}

/// `x-amz-date`, else `date`, both signed if sent; in a presigned request the parameter `X-Amz-Date`.
fn request_time(claim: &Claim, headers: &[(&str, &[u8])]) -> Result<RequestTime, SignatureError> {
    match &claim.form {
        Form::Header => header_time(headers),
        Form::Query(presigned) => {
            let invalid = || SignatureError::InvalidDate { value: presigned.date.chars().take(64).collect() };
            let stamp = parse_basic(&presigned.date).ok_or_else(invalid)?;
            Ok(RequestTime { text: stamp.to_iso_basic(), stamp })
        }
    }
}

fn header_time(headers: &[(&str, &[u8])]) -> Result<RequestTime, SignatureError> {
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

/// The body's hash; `x-amz-content-sha256`, if sent, must say the same. So unsigned and streaming markers fail.
fn payload_sha256(headers: &HeaderMap, body: &[u8]) -> Result<String, SignatureError> {
    let actual = sha256_hex(body);
    let stated = headers.get_all("x-amz-content-sha256").iter();
    let all_equal = stated.into_iter().all(|value| value.as_bytes() == actual.as_bytes());
    if all_equal { Ok(actual) } else { Err(SignatureError::PayloadHash) }
}

#[cfg(test)]
mod tests;
