use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, header};
use kms_types::Timestamp;

use super::{
    ALGORITHM, PathForm, SignatureError,
    canonical::{Canonical, string_to_sign},
    scope::Scope,
    sha256_hex,
    signing_key::SigningKey,
};

/// What a signature is made for, apart from the request itself.
#[derive(Debug, Clone)]
pub struct SigningContext {
    /// The endpoint's Region.
    pub region: String,
    /// The signing name, `kms` for KMS.
    pub service: String,
    /// The time that the request carries.
    pub time: Timestamp,
    /// How the path is canonicalised.
    pub path_form: PathForm,
}

impl SigningContext {
    pub(crate) fn scope(&self) -> Scope {
        let date = self.time.format("%Y%m%d");
        Scope { date, region: self.region.clone(), service: self.service.clone() }
    }
}

/// Signs a KMS request in place: adds `x-amz-date` and `authorization`, covering every header that is set.
///
/// The request needs its `host` header; a header that occurs twice is refused, as the verifier would.
pub fn sign_request(
    request: &mut Request<Bytes>,
    access_key_id: &str,
    secret: &str,
    context: &SigningContext,
) -> Result<(), SignatureError> {
    let time = header_value(&context.time.to_iso_basic())?;
    request.headers_mut().insert("x-amz-date", time);
    if !request.headers().contains_key(header::HOST) {
        return Err(SignatureError::UnsignedHeader { name: "host".into() });
    }
    let headers = header_list(request.headers());
    let canonical = Canonical {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: request.uri().query().unwrap_or_default(),
        headers,
        path_form: context.path_form,
    };
    let value = authorization(&canonical, &sha256_hex(request.body()), access_key_id, secret, context);
    request.headers_mut().insert(header::AUTHORIZATION, header_value(&value)?);
    Ok(())
}

/// Presigns a request in place: adds the parameters of the query form, covering every header that is set. The body and
/// headers that are signed have to be sent as they are now.
pub fn presign_request(
    request: &mut Request<Bytes>,
    access_key_id: &str,
    secret: &str,
    session_token: Option<&str>,
    expires_s: u64,
    context: &SigningContext,
) -> Result<(), SignatureError> {
    let headers = header_list(request.headers());
    let mut names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    let scope = context.scope();
    let mut parameters = vec![
        ("X-Amz-Algorithm", ALGORITHM.to_owned()),
        ("X-Amz-Credential", format!("{access_key_id}/{scope}")),
        ("X-Amz-Date", context.time.to_iso_basic()),
        ("X-Amz-Expires", expires_s.to_string()),
        ("X-Amz-SignedHeaders", names.join(";")),
    ];
    parameters.extend(session_token.map(|token| ("X-Amz-Security-Token", token.to_owned())));
    let mut query = request.uri().query().unwrap_or_default().to_owned();
    for (name, value) in parameters {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&format!("{name}={}", super::canonical::percent_encoded(&value)));
    }
    let canonical = Canonical {
        method: request.method().as_str(),
        path: request.uri().path(),
        query: &query,
        headers,
        path_form: context.path_form,
    };
    let canonical_request = canonical.request(&names, &sha256_hex(request.body()));
    let text = string_to_sign(&context.time.to_iso_basic(), &scope, &canonical_request);
    let signature = hex::encode(SigningKey::derive(secret, &scope).sign(&text));
    let uri = format!("{}?{query}&X-Amz-Signature={signature}", request.uri().path());
    *request.uri_mut() = uri.parse().map_err(|_| SignatureError::CredentialForm)?;
    Ok(())
}

/// The `Authorization` value for a request whose every listed header is signed.
pub(crate) fn authorization(
    canonical: &Canonical<'_>,
    payload_sha256: &str,
    access_key_id: &str,
    secret: &str,
    context: &SigningContext,
) -> String {
    let mut names: Vec<&str> = canonical.headers.iter().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names.dedup();
    let scope = context.scope();
    let request = canonical.request(&names, payload_sha256);
    let text = string_to_sign(&context.time.to_iso_basic(), &scope, &request);
    let signature = hex::encode(SigningKey::derive(secret, &scope).sign(&text));
    let signed_headers = names.join(";");
    format!(
        "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={signed_headers}, Signature={signature}"
    )
}

/// All headers but `authorization`, as the canonicaliser takes them.
pub(crate) fn header_list(headers: &HeaderMap) -> Vec<(&str, &[u8])> {
    let unsigned = |name: &str| name == "authorization";
    headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_bytes()))
        .filter(|(name, _)| !unsigned(name))
        .collect()
}

fn header_value(text: &str) -> Result<HeaderValue, SignatureError> {
    HeaderValue::from_str(text).map_err(|_| SignatureError::CredentialForm)
}
