use super::{ALGORITHM, SignatureError, scope::Scope, scope::TERMINATOR, sha256_hex};

/// A parsed `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…` header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Authorization<'a> {
    pub(crate) access_key_id: &'a str,
    pub(crate) scope: Scope,
    pub(crate) signed_headers: Vec<&'a str>,
    pub(crate) signature: [u8; 32],
}

/// The text of the credential that a request claims, in the header or in the query.
fn claimed(head: &http::request::Parts) -> Option<String> {
    if let Some(value) = head.headers.get(http::header::AUTHORIZATION) {
        let (_, claim) = value.to_str().ok()?.strip_prefix(ALGORITHM)?.split_once("Credential=")?;
        return Some(claim.chars().take_while(|c| *c != ',' && *c != ' ').take(256).collect());
    }
    let pairs = head.uri.query()?.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(name, _)| *name == "X-Amz-Credential")?;
    let decoded = super::percent_decode(value.as_bytes());
    Some(String::from_utf8_lossy(&decoded).chars().take(256).collect())
}

/// The API that a request claims to be for; decides nothing but the words of a refusal.
pub(crate) fn claimed_api(head: &http::request::Parts) -> Option<super::Api> {
    let claim = claimed(head)?;
    let (_, scope) = parse_credential(&claim).ok()?;
    super::Api::named(&scope.service)
}

/// The access key id that a request claims, for the audit record of a refusal; cut, and only if it looks like one.
pub(crate) fn claimed_access_key_id(head: &http::request::Parts) -> Option<String> {
    let claim = claimed(head)?;
    let id: String =
        claim.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-".contains(*c)).take(128).collect();
    (!id.is_empty()).then_some(id)
}

/// The three parameters before their own syntax is looked at.
#[derive(Default)]
struct Parameters<'a> {
    credential: Option<&'a str>,
    signed_headers: Option<&'a str>,
    signature: Option<&'a str>,
}

impl<'a> Authorization<'a> {
    /// Parses the header's value; the separator between parameters is `,` with or without spaces.
    pub(crate) fn parse(value: &'a str) -> Result<Self, SignatureError> {
        let (algorithm, rest) = value.split_once(' ').unwrap_or((value, ""));
        if algorithm != ALGORITHM {
            return Err(SignatureError::Algorithm);
        }
        let parameters = Parameters::parse(rest, value)?;
        let (credential, signed_headers, signature) = parameters.complete(value)?;
        let (access_key_id, scope) = parse_credential(credential)?;
        Ok(Self {
            access_key_id,
            scope,
            signed_headers: parse_names(signed_headers)?,
            signature: parse_hex(signature)?,
        })
    }
}

impl<'a> Parameters<'a> {
    fn parse(rest: &'a str, whole: &str) -> Result<Self, SignatureError> {
        let mut found = Self::default();
        for pair in rest.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let malformed = || SignatureError::Malformed { header_sha256: sha256_hex(whole.as_bytes()) };
            let (name, text) = pair.split_once('=').ok_or_else(malformed)?;
            let slot = match name {
                "Credential" => &mut found.credential,
                "SignedHeaders" => &mut found.signed_headers,
                "Signature" => &mut found.signature,
                _ => return Err(malformed()),
            };
            if slot.replace(text).is_some() {
                return Err(malformed());
            }
        }
        Ok(found)
    }

    fn complete(self, whole: &str) -> Result<(&'a str, &'a str, &'a str), SignatureError> {
        let present = |value: Option<&'a str>| value.filter(|text| !text.is_empty());
        let (credential, headers, signature) =
            (present(self.credential), present(self.signed_headers), present(self.signature));
        if let (Some(credential), Some(headers), Some(signature)) = (credential, headers, signature) {
            return Ok((credential, headers, signature));
        }
        let named = [("Credential", credential), ("Signature", signature), ("SignedHeaders", headers)];
        let missing = named.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| *name).collect();
        Err(SignatureError::Incomplete { missing, header_sha256: sha256_hex(whole.as_bytes()) })
    }
}

/// Splits from the right: an access key id may contain `/`, a scope has exactly four parts.
pub(super) fn parse_credential(text: &str) -> Result<(&str, Scope), SignatureError> {
    let mut parts = text.rsplitn(5, '/');
    let (terminator, service, region, date, id) =
        (parts.next(), parts.next(), parts.next(), parts.next(), parts.next());
    let (Some(terminator), Some(service), Some(region), Some(date), Some(id)) =
        (terminator, service, region, date, id)
    else {
        return Err(SignatureError::CredentialForm);
    };
    let date_ok = date.len() == 8 && date.bytes().all(|b| b.is_ascii_digit());
    if !date_ok || id.is_empty() || id.len() > 128 {
        return Err(SignatureError::CredentialForm);
    }
    if terminator != TERMINATOR {
        return Err(SignatureError::Terminator);
    }
    Ok((id, Scope { date: date.into(), region: region.into(), service: service.into() }))
}

/// Header names must be lower case and strictly ascending, so that one set has one canonical form.
pub(super) fn parse_names(text: &str) -> Result<Vec<&str>, SignatureError> {
    let names: Vec<&str> = text.split(';').collect();
    let lower = names.iter().all(|name| !name.is_empty() && !name.bytes().any(|b| b.is_ascii_uppercase()));
    let ascending = names.is_sorted_by(|a, b| a < b);
    if lower && ascending { Ok(names) } else { Err(SignatureError::SignedHeaderOrder) }
}

/// A signature that is not 64 lower-case hex digits can match nothing; in upper case it would be a second spelling.
pub(super) fn parse_hex(text: &str) -> Result<[u8; 32], SignatureError> {
    let mut signature = [0; 32];
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(SignatureError::Mismatch);
    }
    hex::decode_to_slice(text, &mut signature).map_err(|_| SignatureError::Mismatch)?;
    Ok(signature)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &str = "5fe400a2ee3ba5ea9a1b1f2a3c4d5e6f5fe400a2ee3ba5ea9a1b1f2a3c4d5e6f";

    #[test]
    fn parses_with_and_without_spaces_after_commas() {
        for separator in [", ", ","] {
            let text = format!(
                "AWS4-HMAC-SHA256 Credential=AK/20260203/eu-west-1/kms/aws4_request{separator}SignedHeaders=host;x-amz-date{separator}Signature={SIGNATURE}"
            );
            let parsed = Authorization::parse(&text).unwrap();
            assert_eq!(parsed.access_key_id, "AK");
            assert_eq!(parsed.scope.to_string(), "20260203/eu-west-1/kms/aws4_request");
            assert_eq!(parsed.signed_headers, ["host", "x-amz-date"]);
        }
    }

    #[test]
    fn names_every_missing_parameter() {
        let missing = |text: &str| match Authorization::parse(text) {
            Err(SignatureError::Incomplete { missing, .. }) => missing,
            other => panic!("{other:?}"),
        };
        assert_eq!(missing("AWS4-HMAC-SHA256 SignedHeaders=host"), ["Credential", "Signature"]);
        assert_eq!(missing("AWS4-HMAC-SHA256"), ["Credential", "Signature", "SignedHeaders"]);
    }

    #[test]
    fn refuses_other_forms() {
        let with = |credential: &str, headers: &str, extra: &str| {
            let text = format!(
                "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={headers}, Signature={SIGNATURE}{extra}"
            );
            Authorization::parse(&text).map(|_| ()).unwrap_err()
        };
        let good = "AK/20260203/eu-west-1/kms/aws4_request";
        assert_eq!(Authorization::parse("Bearer abc").unwrap_err(), SignatureError::Algorithm);
        assert_eq!(with("AK/20260203/eu-west-1/aws4_request", "host", ""), SignatureError::CredentialForm);
        assert_eq!(with("AK/2026/eu-west-1/kms/aws4_request", "host", ""), SignatureError::CredentialForm);
        assert_eq!(with("AK/20260203/eu-west-1/kms/aws5_request", "host", ""), SignatureError::Terminator);
        for headers in ["Host", "x-amz-date;host", "host;host", "host;"] {
            assert_eq!(with(good, headers, ""), SignatureError::SignedHeaderOrder);
        }
        for extra in [", Signature=00", ", Other=1", ", junk"] {
            assert!(matches!(with(good, "host", extra), SignatureError::Malformed { .. }));
        }
    }
}
