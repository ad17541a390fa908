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
