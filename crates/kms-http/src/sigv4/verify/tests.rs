use bytes::Bytes;
use http::{HeaderValue, Request};
use kms_types::{OnBehalfOf, Principal, ServicePrincipal};
use zeroize::Zeroizing;

use super::*;
use crate::sigv4::{SigningContext, sign::authorization, sign_request};

const NOW: Timestamp = Timestamp::from_millis(1_770_106_449_000);
const BODY: &[u8] = br#"{"KeyId":"alias/ledger"}"#;

fn principal() -> Principal {
    Principal::Root { account: "000000000000".parse().unwrap() }
}

fn authenticator() -> Authenticator {
    Authenticator::new("us-east-1".parse().unwrap())
}

/// A root, a session whose token is `token` and one that is over, and a service.
pub(super) struct Known;

impl Credentials for Known {
    fn credential(&self, access_key_id: &str, session_token: Option<&str>) -> Option<Credential> {
        let secret = Zeroizing::new("secret".to_owned());
        let service = Principal::Service(ServicePrincipal {
            name: "backup.example.com".into(),
            account: "111122223333".parse().unwrap(),
            on_behalf_of: None,
        });
        let (principal, validity) = match (access_key_id, session_token) {
            ("test", None) => (principal(), Validity::Current),
            ("session", Some("token")) => (principal(), Validity::Current),
            ("session", Some("over")) => (principal(), Validity::Over),
            ("service", None) => (service, Validity::Current),
            _ => return None,
        };
        let known = Credential::configured(access_key_id.into(), secret, principal);
        Some(Credential { validity, ..known })
    }
}

struct Signing {
    id: &'static str,
    secret: &'static str,
    region: &'static str,
    service: &'static str,
    time: Timestamp,
}

const GOOD: Signing =
    Signing { id: "test", secret: "secret", region: "us-east-1", service: "kms", time: NOW };

fn bare() -> Request<Bytes> {
    let request = Request::post("/")
        .header("host", "kms.us-east-1.example.net")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "TrentService.DescribeKey");
    request.body(Bytes::from_static(BODY)).unwrap()
}

fn sign(mut request: Request<Bytes>, signing: &Signing) -> Request<Bytes> {
    let context = SigningContext {
        region: signing.region.into(),
        service: signing.service.into(),
        time: signing.time,
        path_form: PathForm::Normalized,
    };
    sign_request(&mut request, signing.id, signing.secret, &context).unwrap();
    request
}

fn verify(request: Request<Bytes>) -> Result<Authenticated<()>, SignatureError> {
    let (head, body) = request.into_parts();
    authenticator().verify(&head, &body, NOW, &Known)
}

fn refusal(request: Request<Bytes>) -> SignatureError {
    verify(request).unwrap_err()
}

#[test]
fn a_signed_request_proves_its_caller() {
    let proof = verify(sign(bare(), &GOOD)).unwrap();
    assert_eq!(proof.principal(), &principal());
    assert_eq!(proof.access_key_id(), "test");
}

#[test]
fn scope_and_secret_must_match() {
    let with = |change: fn(&mut Signing)| {
        let mut signing = GOOD;
        change(&mut signing);
        refusal(sign(bare(), &signing))
    };
    assert_eq!(with(|s| s.secret = "wrong"), SignatureError::Mismatch);
    assert_eq!(with(|s| s.id = "nobody"), SignatureError::UnknownCredential);
    assert_eq!(with(|s| s.region = "eu-west-1"), SignatureError::Region);
    assert_eq!(with(|s| s.service = "s3"), SignatureError::Service);
}

#[test]
fn the_window_is_five_minutes_either_way() {
    let at = |ms: u64| verify(sign(bare(), &Signing { time: Timestamp::from_millis(ms), ..GOOD }));
    let now = NOW.as_millis();
    assert!(at(now - 300_000).is_ok());
    assert!(at(now + 300_000).is_ok());
    assert!(matches!(at(now - 301_000), Err(SignatureError::Expired { .. })));
    assert!(matches!(at(now + 301_000), Err(SignatureError::NotYetCurrent { .. })));
}

#[test]
fn every_signed_part_is_covered() {
    let changed = |change: fn(&mut Request<Bytes>)| {
        let mut request = sign(bare(), &GOOD);
        change(&mut request);
        refusal(request)
    };
    let mismatch = SignatureError::Mismatch;
    assert_eq!(changed(|r| *r.body_mut() = Bytes::from_static(b"{}")), mismatch);
    assert_eq!(changed(|r| *r.uri_mut() = "/other".parse().unwrap()), mismatch);
    assert_eq!(changed(|r| *r.uri_mut() = "/?a=b".parse().unwrap()), mismatch);
    assert_eq!(changed(|r| *r.method_mut() = http::Method::PUT), mismatch);
    let target = HeaderValue::from_static("TrentService.DisableKey");
    let mut request = sign(bare(), &GOOD);
    request.headers_mut().insert("x-amz-target", target);
    assert_eq!(refusal(request), mismatch);
}

#[test]
fn headers_that_decide_must_be_signed() {
    let mut request = bare();
    let target = request.headers_mut().remove("x-amz-target").unwrap();
    let mut request = sign(request, &GOOD);
    request.headers_mut().insert("x-amz-target", target);
    assert_eq!(refusal(request), SignatureError::UnsignedHeader { name: "x-amz-target".into() });
}

#[test]
fn a_signed_header_occurs_once() {
    let mut request = sign(bare(), &GOOD);
    request.headers_mut().append("x-amz-target", HeaderValue::from_static("TrentService.DisableKey"));
    assert_eq!(refusal(request), SignatureError::DuplicateHeader { name: "x-amz-target".into() });
    let mut request = sign(bare(), &GOOD);
    let again = request.headers()["authorization"].clone();
    request.headers_mut().append("authorization", again);
    assert_eq!(refusal(request), SignatureError::DuplicateHeader { name: "authorization".into() });
    let mut request = sign(bare(), &GOOD);
    request.headers_mut().remove("content-type");
    assert_eq!(refusal(request), SignatureError::AbsentHeader { name: "content-type".into() });
}

#[test]
fn mixed_and_incomplete_credentials_are_refused() {
    let mut request = bare();
    *request.uri_mut() = "/?X-Amz-Credential=test%2F20260203&X-Amz-Signature=00".parse().unwrap();
    assert_eq!(refusal(request), SignatureError::MissingQueryParameter { name: "X-Amz-Algorithm" });
    let mut request = sign(bare(), &GOOD);
    *request.uri_mut() = "/?x-amz-signature=00".parse().unwrap();
    assert_eq!(refusal(request), SignatureError::TwoCredentials);
    assert_eq!(refusal(bare()), SignatureError::MissingToken);
}

#[test]
fn the_payload_hash_must_be_that_of_the_body() {
    let stated = |value: &str| {
        let mut request = bare();
        request.headers_mut().insert("x-amz-content-sha256", value.parse().unwrap());
        verify(sign(request, &GOOD)).map(|_| ())
    };
    assert_eq!(stated(&sha256_hex(BODY)), Ok(()));
    for value in ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", &sha256_hex(b"other")] {
        assert_eq!(stated(value), Err(SignatureError::PayloadHash), "{value}");
    }
}

#[test]
fn a_token_never_belongs_to_a_long_term_key() {
    let mut request = bare();
    request.headers_mut().insert("x-amz-security-token", HeaderValue::from_static("token"));
    assert_eq!(refusal(sign(request, &GOOD)), SignatureError::UnknownCredential);
}

#[test]
fn authority_stands_in_for_host_and_may_not_differ() {
    let mut request = sign(bare(), &GOOD);
    request.headers_mut().remove("host");
    *request.uri_mut() = "http://kms.us-east-1.example.net/".parse().unwrap();
    assert!(verify(request).is_ok());
    let mut request = sign(bare(), &GOOD);
    *request.uri_mut() = "http://elsewhere.example.net/".parse().unwrap();
    assert_eq!(refusal(request), SignatureError::HostConflict);
}

/// As clients sign that speak HTTP/2 alone: `:authority` is among the headers, and `host` is not.
fn sign_authority(authority: &str) -> Request<Bytes> {
    let mut request = bare();
    request.headers_mut().remove("host");
    request.headers_mut().insert("x-amz-date", NOW.to_iso_basic().parse().unwrap());
    let mut headers = header_list(request.headers());
    headers.push((AUTHORITY, authority.as_bytes()));
    let canonical =
        Canonical { method: "POST", path: "/", query: "", headers, path_form: PathForm::Normalized };
    let context = SigningContext {
        region: GOOD.region.into(),
        service: GOOD.service.into(),
        time: GOOD.time,
        path_form: PathForm::Normalized,
    };
    let value = authorization(&canonical, &sha256_hex(BODY), GOOD.id, GOOD.secret, &context);
    request.headers_mut().insert("authorization", value.parse().unwrap());
    request
}

#[test]
fn authority_may_be_signed_under_its_own_name() {
    let signed = "kms.us-east-1.example.net";
    let over_http2 = |authority: &str| {
        let mut request = sign_authority(signed);
        *request.uri_mut() = format!("http://{authority}/").parse().unwrap();
        request
    };
    assert!(verify(over_http2(signed)).is_ok());
    assert_eq!(refusal(over_http2("elsewhere.example.net")), SignatureError::Mismatch);
    // A proxy that speaks HTTP/1.1 to the node has put it into `host`.
    let proxied = |hosts: &[&str]| {
        let mut request = sign_authority(signed);
        for host in hosts {
            request.headers_mut().append("host", host.parse().unwrap());
        }
        request
    };
    assert!(verify(proxied(&[signed])).is_ok());
    assert_eq!(refusal(proxied(&["elsewhere.example.net"])), SignatureError::Mismatch);
    let name = || AUTHORITY.to_owned();
    assert_eq!(refusal(proxied(&[])), SignatureError::AbsentHeader { name: name() });
    assert_eq!(refusal(proxied(&[signed, signed])), SignatureError::DuplicateHeader { name: name() });
}

#[test]
fn the_date_header_serves_when_there_is_no_x_amz_date() {
    let http_date = HeaderValue::from_static("Tue, 03 Feb 2026 08:14:09 GMT");
    let mut request = bare();
    request.headers_mut().insert("date", http_date);
    let headers = header_list(request.headers());
    assert_eq!(header_time(&headers).unwrap().stamp.to_iso_basic(), "20260203T081409Z");
    let bad = [("x-amz-date", b"Tue, 03 Feb 2026 08:14:09 GMT".as_slice())];
    assert!(matches!(header_time(&bad), Err(SignatureError::InvalidDate { .. })));
    assert!(matches!(header_time(&[]), Err(SignatureError::MissingDate)));
}

#[test]
fn a_session_needs_its_token_signed_and_in_time() {
    let with = |token: Option<&'static str>, id: &'static str| {
        let mut request = bare();
        if let Some(token) = token {
            request.headers_mut().insert("x-amz-security-token", HeaderValue::from_static(token));
        }
        verify(sign(request, &Signing { id, ..GOOD })).map(|proof| proof.access_key_id().to_owned())
    };
    assert_eq!(with(Some("token"), "session"), Ok("session".into()));
    assert_eq!(with(Some("over"), "session"), Err(SignatureError::ExpiredToken));
    assert_eq!(with(Some("forged"), "session"), Err(SignatureError::UnknownCredential));
    assert_eq!(with(None, "session"), Err(SignatureError::UnknownCredential));
    assert_eq!(with(Some("token"), "test"), Err(SignatureError::UnknownCredential));
    let mut request = sign(bare(), &Signing { id: "session", ..GOOD });
    request.headers_mut().insert("x-amz-security-token", HeaderValue::from_static("token"));
    assert_eq!(refusal(request), SignatureError::UnsignedHeader { name: "x-amz-security-token".into() });
}

#[test]
fn a_service_says_for_whom_it_calls_in_signed_headers() {
    let with = |id: &'static str, headers: &[(&'static str, &'static str)]| {
        let mut request = bare();
        for (name, value) in headers {
            request.headers_mut().insert(*name, HeaderValue::from_static(value));
        }
        verify(sign(request, &Signing { id, ..GOOD }))
    };
    let headers = [
        ("x-meridian-source-account", "444455556666"),
        ("x-meridian-source-arn", "arn:aws:backup:us-east-1:444455556666:vault/a"),
        ("x-meridian-via-service", "backup.us-east-1.example.com"),
    ];
    let proof = with("service", &headers).unwrap();
    let expected = OnBehalfOf {
        account: Some("444455556666".parse().unwrap()),
        source_arn: Some("arn:aws:backup:us-east-1:444455556666:vault/a".into()),
        via_service: Some("backup.us-east-1.example.com".into()),
    };
    assert_eq!(proof.principal().service().unwrap().on_behalf_of, Some(expected));
    assert!(with("service", &[]).unwrap().principal().service().unwrap().on_behalf_of.is_none());
    let refused = |id, headers: &[(&'static str, &'static str)]| with(id, headers).map(|_| ()).unwrap_err();
    let header = |name: &str| SignatureError::ServiceHeader { name: name.into() };
    assert_eq!(refused("test", &headers[..1]), header("x-meridian-source-account"));
    assert_eq!(
        refused("service", &[("x-meridian-source-account", "1")]),
        header("x-meridian-source-account")
    );
    assert_eq!(refused("service", &[("x-meridian-other", "1")]), header("x-meridian-other"));
    let mut request = sign(bare(), &Signing { id: "service", ..GOOD });
    request.headers_mut().insert("x-meridian-source-account", HeaderValue::from_static("444455556666"));
    assert_eq!(refusal(request), SignatureError::UnsignedHeader { name: "x-meridian-source-account".into() });
}

#[test]
fn the_scope_names_the_api() {
    let api = |service: &'static str, region: &'static str| {
        verify(sign(bare(), &Signing { service, region, ..GOOD })).map(|proof| proof.api())
    };
    assert_eq!(api("kms", "us-east-1"), Ok(Api::Kms));
    assert_eq!(api("iam", "us-east-1"), Ok(Api::Iam));
    assert_eq!(api("sts", "us-east-1"), Ok(Api::Sts));
    assert_eq!(api("sts", "eu-west-1"), Err(SignatureError::Region));
    let elsewhere = Authenticator::new("eu-west-1".parse().unwrap());
    let (head, body) = sign(bare(), &Signing { service: "iam", ..GOOD }).into_parts();
    assert_eq!(elsewhere.verify(&head, &body, NOW, &Known).map(|proof| proof.api()), Ok(Api::Iam));
}

proptest::proptest! {
    /// H1: no header value and no body makes the verifier panic or accept.
    #[test]
    fn arbitrary_headers_and_bodies_are_refused(
        authorization in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
        date in "\\PC{0,24}",
        query in "[a-zA-Z0-9=&%+-]{0,40}",
        body in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..200),
    ) {
        let mut request = Request::post(format!("/?{query}")).header("host", "h");
        let mut value = b"AWS4-HMAC-SHA256 ".to_vec();
        value.extend_from_slice(&authorization);
        for (name, value) in [("authorization", value), ("authorization-raw", authorization), ("x-amz-date", date.into_bytes())] {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                request = request.header(name, value);
            }
        }
        let request = request.body(Bytes::from(body)).unwrap();
        proptest::prop_assert!(verify(request).is_err());
    }
}
