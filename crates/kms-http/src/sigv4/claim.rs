//! What a request says about who signed it and how: in the `Authorization` header, or in its query (presigned).

use http::{header, request::Parts};

use super::{
    ALGORITHM, SignatureError,
    authorization::{Authorization, parse_credential, parse_hex, parse_names},
    canonical::percent_decode,
    scope::Scope,
    sha256_hex,
};

/// A signature and what it claims; nothing of it is verified yet.
#[derive(Debug)]
pub(crate) struct Claim {
    pub(crate) access_key_id: String,
    pub(crate) scope: Scope,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: [u8; 32],
    pub(crate) form: Form,
}

/// Where the claim stands.
#[derive(Debug)]
pub(crate) enum Form {
    /// In the `Authorization` header; time and token are headers.
    Header,
    /// In the query, which the signature covers but for itself.
    Query(Presigned),
}

/// What only a presigned query has.
#[derive(Debug)]
pub(crate) struct Presigned {
    /// The query without the signature.
    pub(crate) covered_query: String,
    pub(crate) date: String,
    pub(crate) expires_s: u64,
    pub(crate) token: Option<String>,
}

/// Longest life of a presigned request, in seconds: seven days [SIGV4].
const MOST_EXPIRES_S: u64 = 604_800;

impl Claim {
    /// The one claim of a request; presigned queries are told apart from absent credentials.
    pub(crate) fn read(head: &Parts) -> Result<Self, SignatureError> {
        let query = head.uri.query().unwrap_or_default();
        let mut values = head.headers.get_all(header::AUTHORIZATION).iter();
        match (values.next(), values.next(), is_presigned(query)) {
            (None, _, false) => Err(SignatureError::MissingToken),
            (None, _, true) => Self::of_query(query),
            (Some(_), _, true) => Err(SignatureError::TwoCredentials),
            (Some(_), Some(_), false) => {
                Err(SignatureError::DuplicateHeader { name: "authorization".into() })
            }
            (Some(value), None, false) => {
                let malformed = || SignatureError::Malformed { header_sha256: sha256_hex(value.as_bytes()) };
                of_header(value.to_str().map_err(|_| malformed())?)
            }
        }
    }

    /// The claim of a presigned query. A parameter of a signature occurs once; others that begin alike are refused, since
    /// they would mean something to another reader.
    pub(super) fn of_query(query: &str) -> Result<Self, SignatureError> {
        of_query(query)
    }
}

fn of_header(value: &str) -> Result<Claim, SignatureError> {
    let Authorization { access_key_id, scope, signed_headers, signature } = Authorization::parse(value)?;
    Ok(Claim {
        access_key_id: access_key_id.to_owned(),
        scope,
        signed_headers: signed_headers.into_iter().map(str::to_owned).collect(),
        signature,
        form: Form::Header,
    })
}

/// The names that make a query a presigned one. Their case matters when they are read, but not here: a request that has
/// them in another case is not let through as one without.
const NAMES: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
    "X-Amz-Security-Token",
];

fn is_presigned(query: &str) -> bool {
    let known = |name: &str| NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
    pairs(query).any(|(name, _)| known(&decode(name)))
}

fn pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

fn decode(text: &str) -> String {
    String::from_utf8_lossy(&percent_decode(text.as_bytes())).into_owned()
}

fn of_query(query: &str) -> Result<Claim, SignatureError> {
    let mut found: [Option<String>; 7] = Default::default();
    let mut covered = Vec::new();
    for (name, value) in pairs(query) {
        let decoded = decode(name);
        let index = NAMES.iter().position(|known| *known == decoded);
        if index.is_none() && decoded.to_ascii_lowercase().starts_with("x-amz-") {
            return Err(SignatureError::QueryParameter { name: decoded.chars().take(64).collect() });
        }
        if let Some(slot) = index.and_then(|index| found.get_mut(index))
            && slot.replace(decode(value)).is_some()
        {
            return Err(SignatureError::QueryParameter { name: decoded });
        }
        if decoded != "X-Amz-Signature" {
            covered.push(if value.is_empty() { name.to_owned() } else { format!("{name}={value}") });
        }
    }
    let [algorithm, credential, date, expires, signed_headers, signature, token] = found;
    let need = |value: Option<String>, name: &'static str| {
        value.filter(|text| !text.is_empty()).ok_or(SignatureError::MissingQueryParameter { name })
    };
    if need(algorithm, "X-Amz-Algorithm")? != ALGORITHM {
        return Err(SignatureError::Algorithm);
    }
    let credential = need(credential, "X-Amz-Credential")?;
    let (access_key_id, scope) = parse_credential(&credential)?;
    let signed_headers = need(signed_headers, "X-Amz-SignedHeaders")?;
    let expires = need(expires, "X-Amz-Expires")?;
    let digits = expires.bytes().all(|b| b.is_ascii_digit());
    let expires_s = expires.parse().ok().filter(|s| digits && (1..=MOST_EXPIRES_S).contains(s));
    Ok(Claim {
        access_key_id: access_key_id.to_owned(),
        scope,
        signed_headers: parse_names(&signed_headers)?.into_iter().map(str::to_owned).collect(),
        signature: parse_hex(&need(signature, "X-Amz-Signature")?)?,
        form: Form::Query(Presigned {
            covered_query: covered.join("&"),
            date: need(date, "X-Amz-Date")?,
            expires_s: expires_s.ok_or(SignatureError::ExpiresRange)?,
            token,
        }),
    })
}
