//! Requests that must be refused, one row each: what is wrong with it, and the error that says so.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};
use kms_types::{Principal, Timestamp};
use std::collections::BTreeSet;
use zeroize::Zeroizing;

use super::{
    Authenticator, Credential, Credentials, PathForm, SigningContext, presign_request, sha256_hex,
    sign_request,
};

pub(super) const NOW: Timestamp = Timestamp::from_millis(1_770_106_449_000);
pub(super) const BODY: &[u8] = br#"{"KeyId":"alias/ledger"}"#;
const GOOD_SCOPE: &str = "test/20260203/us-east-1/kms/aws4_request";

/// A root `test`, and a session `session` whose token is `token`; both with the secret `secret`.
pub(super) struct Known;

impl Credentials for Known {
    fn credential(&self, access_key_id: &str, session_token: Option<&str>) -> Option<Credential> {
        let root = Principal::Root { account: "000000000000".parse().unwrap() };
        let known = matches!((access_key_id, session_token), ("test", None) | ("session", Some("token")));
        known.then(|| Credential::configured(access_key_id.into(), Zeroizing::new("secret".into()), root))
    }
}

pub(super) fn bare() -> Request<Bytes> {
    Request::post("/")
        .header("host", "kms.us-east-1.example.net")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "TrentService.DescribeKey")
        .body(Bytes::from_static(BODY))
        .unwrap()
}

fn context(region: &str, service: &str, time: Timestamp) -> SigningContext {
    SigningContext { region: region.into(), service: service.into(), time, path_form: PathForm::Normalized }
}

pub(super) fn in_header(
    mut request: Request<Bytes>,
    id: &str,
    region: &str,
    service: &str,
) -> Request<Bytes> {
    sign_request(&mut request, id, "secret", &context(region, service, NOW)).unwrap();
    request
}

pub(super) fn signed() -> Request<Bytes> {
    in_header(bare(), "test", "us-east-1", "kms")
}

fn at(time: Timestamp) -> Request<Bytes> {
    let mut request = bare();
    sign_request(&mut request, "test", "secret", &context("us-east-1", "kms", time)).unwrap();
    request
}

pub(super) fn presigned(expires_s: u64) -> Request<Bytes> {
    presigned_at(expires_s, NOW, "test", None)
}

fn presigned_at(expires_s: u64, time: Timestamp, id: &str, token: Option<&str>) -> Request<Bytes> {
    let mut request = bare();
    let context = context("us-east-1", "kms", time);
    presign_request(&mut request, id, "secret", token, expires_s, &context).unwrap();
    request
}

pub(super) fn verify(request: Request<Bytes>) -> Result<(), String> {
    let (head, body) = request.into_parts();
    let verifier = Authenticator::new("us-east-1".parse().unwrap());
    let proof = verifier.verify(&head, &body, NOW, &Known);
    proof.map(|_| ()).map_err(|error| {
        let text = format!("{error:?}");
        text.split([' ', '(', '{']).next().unwrap_or_default().to_owned()
    })
}

/// Label, expected error, request.
type Row = (String, &'static str, Request<Bytes>);

fn set(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    request.headers_mut().insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    request
}

fn also(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    request.headers_mut().append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    request
}

fn without(mut request: Request<Bytes>, name: &'static str) -> Request<Bytes> {
    request.headers_mut().remove(name).unwrap();
    request
}

fn authorization(value: &str) -> Request<Bytes> {
    set(signed(), "authorization", value)
}

fn with_uri(mut request: Request<Bytes>, uri: &str) -> Request<Bytes> {
    *request.uri_mut() = uri.parse().unwrap();
    request
}

/// The query of a presigned request, changed.
fn query(change: impl Fn(&str) -> String) -> Request<Bytes> {
    let request = presigned(900);
    let query = change(request.uri().query().unwrap());
    with_uri(request, &format!("/?{query}"))
}

fn authorization_rows() -> Vec<Row> {
    let good = signed().headers()["authorization"].to_str().unwrap().to_owned();
    let signature = good.rsplit('=').next().unwrap().to_owned();
    let names = "content-type;host;x-amz-date;x-amz-target";
    let make = |credential: &str, names: &str, signature: &str| {
        format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}")
    };
    let mut rows: Vec<(String, &'static str, String)> = Vec::new();
    for scheme in [
        "AWS4-HMAC-SHA1",
        "AWS4-HMAC-SHA512",
        "AWS4-ECDSA-P256-SHA256",
        "AWS3",
        "AWS",
        "Bearer",
        "Basic",
        "Negotiate",
        "aws4-hmac-sha256",
        "AWS4-HMAC-SHA256-PAYLOAD",
        "AWS4HMACSHA256",
        "X",
        "",
    ] {
        rows.push((format!("scheme `{scheme}`"), "Algorithm", good.replacen("AWS4-HMAC-SHA256", scheme, 1)));
    }
    for (label, value) in [
        ("no parameters", "AWS4-HMAC-SHA256".to_owned()),
        ("no credential", format!("AWS4-HMAC-SHA256 SignedHeaders={names}, Signature={signature}")),
        ("no signed headers", format!("AWS4-HMAC-SHA256 Credential={GOOD_SCOPE}, Signature={signature}")),
        ("no signature", format!("AWS4-HMAC-SHA256 Credential={GOOD_SCOPE}, SignedHeaders={names}")),
        ("only a credential", format!("AWS4-HMAC-SHA256 Credential={GOOD_SCOPE}")),
        ("empty credential", make("", names, &signature)),
        ("empty signed headers", make(GOOD_SCOPE, "", &signature)),
        ("empty signature", make(GOOD_SCOPE, names, "")),
        ("commas only", "AWS4-HMAC-SHA256 ,,,".to_owned()),
    ] {
        rows.push((label.into(), "Incomplete", value));
    }
    for (label, extra) in [
        ("a second credential", format!(", Credential={GOOD_SCOPE}")),
        ("a second signature", format!(", Signature={signature}")),
        ("a second list of headers", format!(", SignedHeaders={names}")),
        ("an unknown parameter", ", Region=us-east-1".into()),
        ("a parameter without value", ", Credential".into()),
        ("a lower-case name", ", signature=00".into()),
        ("a name with a space", ", Signa ture=00".into()),
        ("text after the end", ", and more".into()),
    ] {
        rows.push((label.into(), "Malformed", format!("{good}{extra}")));
    }
    for scope in [
        "test",
        "test/20260203",
        "test/20260203/us-east-1",
        "test/20260203/us-east-1/kms",
        "/20260203/us-east-1/kms/aws4_request",
        "test//us-east-1/kms/aws4_request",
        "test/2026-02-03/us-east-1/kms/aws4_request",
        "test/2026/us-east-1/kms/aws4_request",
        "test/202602030/us-east-1/kms/aws4_request",
        "test/2026020a/us-east-1/kms/aws4_request",
        "test/ 0260203/us-east-1/kms/aws4_request",
        "20260203/us-east-1/kms/aws4_request",
        "////",
        "test/20260203T000000Z/us-east-1/kms/aws4_request",
    ] {
        rows.push((format!("credential `{scope}`"), "CredentialForm", make(scope, names, &signature)));
    }
    let long = format!("{}/20260203/us-east-1/kms/aws4_request", "k".repeat(129));
    rows.push((
        "an access key id of 129 characters".into(),
        "CredentialForm",
        make(&long, names, &signature),
    ));
    for end in ["aws3_request", "aws4_reques", "aws4_request2", "AWS4_REQUEST", "aws5_request", "kms"] {
        let scope = format!("test/20260203/us-east-1/kms/{end}");
        rows.push((format!("terminator `{end}`"), "Terminator", make(&scope, names, &signature)));
    }
    for list in [
        "Content-Type;host;x-amz-date;x-amz-target",
        "content-type;HOST;x-amz-date;x-amz-target",
        "host;content-type;x-amz-date;x-amz-target",
        "content-type;host;host;x-amz-date;x-amz-target",
        "content-type;host;x-amz-date;x-amz-target;",
        ";content-type;host;x-amz-date;x-amz-target",
        "content-type;;host;x-amz-date;x-amz-target",
        "x-amz-target;x-amz-date;host;content-type",
        "content-type;host;x-amz-target;x-amz-date",
        ";",
        "content-type;host;x-amz-date;X-Amz-Target",
    ] {
        rows.push((
            format!("signed headers `{list}`"),
            "SignedHeaderOrder",
            make(GOOD_SCOPE, list, &signature),
        ));
    }
    for list in [
        "content-type;x-amz-date;x-amz-target",
        "content-type;host;x-amz-target",
        "content-type;host;x-amz-date",
        "host",
    ] {
        rows.push((format!("signed only `{list}`"), "UnsignedHeader", make(GOOD_SCOPE, list, &signature)));
    }
    for list in [
        "content-type;host;x-absent;x-amz-date;x-amz-target",
        "accept;content-type;host;x-amz-date;x-amz-target",
        "authorization;content-type;host;x-amz-date;x-amz-target",
        "content-length;content-type;host;x-amz-date;x-amz-target",
        "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
        "content-type;host;host:x;x-amz-date;x-amz-target",
    ] {
        rows.push((
            format!("signed and absent `{list}`"),
            "AbsentHeader",
            make(GOOD_SCOPE, list, &signature),
        ));
    }
    for wrong in [
        "00".to_owned(),
        "0".repeat(63),
        "0".repeat(65),
        "0".repeat(64),
        "g".repeat(64),
        signature.to_uppercase(),
        format!("{signature}00"),
        signature[..62].to_owned(),
        format!("0x{}", &signature[2..]),
        "-".repeat(64),
        signature.chars().rev().collect(),
        sha256_hex(b""),
    ] {
        rows.push((format!("signature `{wrong}`"), "Mismatch", make(GOOD_SCOPE, names, &wrong)));
    }
    let mut out: Vec<Row> =
        rows.into_iter().map(|(label, error, value)| (label, error, authorization(&value))).collect();
    out.push(("two authorization headers".into(), "DuplicateHeader", also(signed(), "authorization", &good)));
    let mut binary = signed();
    binary.headers_mut().insert("authorization", HeaderValue::from_bytes(b"AWS4-HMAC-SHA256 \xff").unwrap());
    out.push(("an authorization header that is no text".into(), "Malformed", binary));
    out.push(("no authorization".into(), "MissingToken", bare()));
    out
}

fn scope_rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for region in
        ["eu-west-1", "us-east-2", "US-EAST-1", "us-east-1a", "*", "global", "aws-global", "us_east_1"]
    {
        rows.push((format!("region `{region}`"), "Region", in_header(bare(), "test", region, "kms")));
    }
    for service in
        ["s3", "KMS", "kms2", "sigv4", "execute-api", "trent", "dynamodb", "iam-roles", "secretsmanager", "*"]
    {
        rows.push((
            format!("service `{service}`"),
            "Service",
            in_header(bare(), "test", "us-east-1", service),
        ));
    }
    for id in ["nobody", "Test", "test2", "TEST", "tes", "te/st", "AKIAIOSFODNN7EXAMPLE"] {
        rows.push((
            format!("access key `{id}`"),
            "UnknownCredential",
            in_header(bare(), id, "us-east-1", "kms"),
        ));
    }
    for day in ["20260202", "20260204", "20250203", "00000000", "99999999"] {
        let good = signed().headers()["authorization"].to_str().unwrap().replace("20260203", day);
        rows.push((format!("scope date {day}"), "ScopeDate", authorization(&good)));
    }
    rows
}

fn time_rows() -> Vec<Row> {
    let now = NOW.as_millis();
    let mut rows = Vec::new();
    for (label, ms) in [("301 s", 301_000), ("an hour", 3_600_000), ("a day less a minute", 29_000_000)] {
        rows.push((format!("{label} too old"), "Expired", at(Timestamp::from_millis(now - ms))));
        rows.push((format!("{label} too early"), "NotYetCurrent", at(Timestamp::from_millis(now + ms))));
    }
    for text in [
        "2026-02-03T08:14:09Z",
        "20260203T081409",
        "20260203081409Z",
        "20260203T0814Z",
        "20260203T081409z",
        "1770106449",
        "20260203T081409+0000",
        "20260203T081409.000Z",
        "20261303T081409Z",
        "20260230T081409Z",
        "20260203T251409Z",
        "20260203T086009Z",
        "Tue, 03 Feb 2026 08:14:09 GMT",
        "now",
        "0",
        "-20260203T08140Z",
        "20260203T081409ZZ",
    ] {
        rows.push((format!("date `{text}`"), "InvalidDate", set(signed(), "x-amz-date", text)));
    }
    rows.push(("a date in lower case".into(), "Mismatch", set(signed(), "x-amz-date", "20260203t081409Z")));
    rows.push(("an empty date".into(), "InvalidDate", set(signed(), "x-amz-date", "")));
    rows.push((
        "another date than was signed".into(),
        "Mismatch",
        set(signed(), "x-amz-date", "20260203T081410Z"),
    ));
    rows.push(("two dates".into(), "DuplicateHeader", also(signed(), "x-amz-date", "20260203T081409Z")));
    rows.push((
        "an unsigned date header".into(),
        "UnsignedHeader",
        set(signed(), "date", "Tue, 03 Feb 2026 08:14:09 GMT"),
    ));
    let full = format!(
        "AWS4-HMAC-SHA256 Credential={GOOD_SCOPE}, SignedHeaders=content-type;host;x-amz-target, Signature={}",
        "0".repeat(64)
    );
    rows.push(("no date".into(), "MissingDate", without(authorization(&full), "x-amz-date")));
    rows
}

fn content_rows() -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for payload in [
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "",
        "required",
        &sha256_hex(b""),
        &sha256_hex(BODY).to_uppercase(),
        &format!("{} ", sha256_hex(b"x")),
    ] {
        let request = set(bare(), "x-amz-content-sha256", payload);
        rows.push((
            format!("payload hash `{payload}`"),
            "PayloadHash",
            in_header(request, "test", "us-east-1", "kms"),
        ));
    }
    rows.push((
        "an unsigned payload hash".into(),
        "UnsignedHeader",
        set(signed(), "x-amz-content-sha256", &sha256_hex(BODY)),
    ));
    for body in ["", "{}", "{\"KeyId\":\"alias/ledger\"} ", "{\"KeyId\":\"alias/Ledger\"}", "\0", "x"] {
        let mut request = signed();
        *request.body_mut() = Bytes::from_static(Box::leak(body.to_owned().into_boxed_str()).as_bytes());
        rows.push((format!("body `{body}`"), "Mismatch", request));
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "post", "HEAD", "OPTIONS"] {
        let mut request = signed();
        *request.method_mut() = http::Method::from_bytes(method.as_bytes()).unwrap();
        rows.push((format!("method {method}"), "Mismatch", request));
    }
    for uri in
        ["/x", "/x/", "/%2e", "/;", "/?a", "/?a=b", "/?=", "/?%20", "/?Action=DisableKey", "/a/../b", "/%00"]
    {
        rows.push((format!("target {uri}"), "Mismatch", with_uri(signed(), uri)));
    }
    for (name, value) in [
        ("host", "kms.eu-west-1.example.net"),
        ("host", "KMS.us-east-1.example.net"),
        ("host", "kms.us-east-1.example.net:80"),
        ("content-type", "application/json"),
        ("content-type", "application/x-amz-json-1.0"),
        ("x-amz-target", "TrentService.DisableKey"),
        ("x-amz-target", "trentservice.DescribeKey"),
        ("x-amz-target", ""),
    ] {
        rows.push((format!("{name} `{value}`"), "Mismatch", set(signed(), name, value)));
    }
    for name in ["host", "x-amz-target", "content-type"] {
        let again = signed().headers()[name].to_str().unwrap().to_owned();
        rows.push((format!("{name} twice"), "DuplicateHeader", also(signed(), name, &again)));
        rows.push((format!("{name} twice, differing"), "DuplicateHeader", also(signed(), name, "x")));
    }
    rows.push(("content-type taken away".into(), "AbsentHeader", without(signed(), "content-type")));
    rows.push(("target taken away".into(), "AbsentHeader", without(signed(), "x-amz-target")));
    rows.push(("host taken away".into(), "AbsentHeader", without(signed(), "host")));
    let unsigned_target = in_header(without(bare(), "x-amz-target"), "test", "us-east-1", "kms");
    rows.push((
        "a target added after signing".into(),
        "UnsignedHeader",
        set(unsigned_target, "x-amz-target", "TrentService.DisableKey"),
    ));
    rows.push((
        "another authority".into(),
        "HostConflict",
        with_uri(signed(), "http://elsewhere.example.net/"),
    ));
    rows.push((
        "a userinfo in the authority".into(),
        "HostConflict",
        with_uri(signed(), "http://a@kms.us-east-1.example.net/"),
    ));
    rows
}

fn token_rows() -> Vec<Row> {
    let with = |id: &'static str, token: &str| {
        in_header(set(bare(), "x-amz-security-token", token), id, "us-east-1", "kms")
    };
    let mut rows: Vec<Row> = Vec::new();
    for token in ["Token", "token2", "", "tok en", "\u{e9}", &"t".repeat(4096)] {
        rows.push((
            format!("token `{}`", token.chars().take(12).collect::<String>()),
            "UnknownCredential",
            with("session", token),
        ));
    }
    rows.push(("a token with a long-term key".into(), "UnknownCredential", with("test", "token")));
    rows.push((
        "a session without its token".into(),
        "UnknownCredential",
        in_header(bare(), "session", "us-east-1", "kms"),
    ));
    rows.push((
        "an unsigned token".into(),
        "UnsignedHeader",
        set(in_header(bare(), "session", "us-east-1", "kms"), "x-amz-security-token", "token"),
    ));
    rows.push((
        "two tokens".into(),
        "DuplicateHeader",
        also(with("session", "token"), "x-amz-security-token", "token"),
    ));
    rows.push((
        "another token than was signed".into(),
        "UnknownCredential",
        set(with("session", "token"), "x-amz-security-token", "other"),
    ));
    rows.push((
        "a token in the header of a presigned request".into(),
        "UnsignedHeader",
        set(presigned(900), "x-amz-security-token", "token"),
    ));
    rows.push((
        "a presigned session without its token".into(),
        "UnknownCredential",
        presigned_at(900, NOW, "session", None),
    ));
    rows.push((
        "a presigned session with another token".into(),
        "UnknownCredential",
        presigned_at(900, NOW, "session", Some("x")),
    ));
    rows.push((
        "a presigned long-term key with a token".into(),
        "UnknownCredential",
        presigned_at(900, NOW, "test", Some("token")),
    ));
    let late = |text: &str| format!("{text}&X-Amz-Security-Token=token");
    rows.push(("a token added after presigning".into(), "UnknownCredential", query(late)));
    for name in
        ["x-meridian-source-account", "x-meridian-source-arn", "x-meridian-via-service", "x-meridian-x"]
    {
        let request = set(bare(), name, "111122223333");
        rows.push((
            format!("{name} of no service"),
            "ServiceHeader",
            in_header(request, "test", "us-east-1", "kms"),
        ));
        rows.push((format!("{name} unsigned"), "UnsignedHeader", set(signed(), name, "111122223333")));
    }
    rows
}

fn presigned_rows() -> Vec<Row> {
    const NAMES: [&str; 6] = [
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-SignedHeaders",
        "X-Amz-Signature",
    ];
    let parts = |text: &str| text.split('&').map(str::to_owned).collect::<Vec<_>>();
    let is = |name: &str, pair: &str| pair.split('=').next() == Some(name);
    let mut rows: Vec<Row> = Vec::new();
    for name in NAMES {
        let gone =
            query(|text| parts(text).into_iter().filter(|p| !is(name, p)).collect::<Vec<_>>().join("&"));
        rows.push((format!("presigned without {name}"), "MissingQueryParameter", gone));
        let twice = query(|text| {
            let pair = parts(text).into_iter().find(|p| is(name, p)).unwrap();
            format!("{text}&{pair}")
        });
        rows.push((format!("presigned with {name} twice"), "QueryParameter", twice));
        let lower = query(|text| text.replace(name, &name.to_lowercase()));
        rows.push((format!("presigned with {} in lower case", name), "QueryParameter", lower));
        let empty = query(|text| {
            let blank = |p: String| if is(name, &p) { format!("{name}=") } else { p };
            parts(text).into_iter().map(blank).collect::<Vec<_>>().join("&")
        });
        rows.push((format!("presigned with empty {name}"), "MissingQueryParameter", empty));
    }
    let replaced = |name: &'static str, value: &str| {
        let value = value.to_owned();
        query(move |text| {
            let new =
                |p: String| if p.starts_with(&format!("{name}=")) { format!("{name}={value}") } else { p };
            parts(text).into_iter().map(new).collect::<Vec<_>>().join("&")
        })
    };
    for value in [
        "0",
        "-1",
        "604801",
        "1.5",
        "1e3",
        "%2B1",
        "%2060",
        "60%20",
        "0x10",
        "18446744073709551616",
        "abc",
        "60s",
    ] {
        rows.push((
            format!("presigned for `{value}` seconds"),
            "ExpiresRange",
            replaced("X-Amz-Expires", value),
        ));
    }
    for value in ["1", "899", "604800", "0900"] {
        rows.push((format!("presigned for {value} s instead"), "Mismatch", replaced("X-Amz-Expires", value)));
    }
    for value in ["20260203", "2026-02-03T08%3A14%3A09Z", "1770106449", "20260203T081409", "x"] {
        rows.push((format!("presigned at `{value}`"), "InvalidDate", replaced("X-Amz-Date", value)));
    }
    for value in ["AWS4-HMAC-SHA512", "AWS4-ECDSA-P256-SHA256", "aws4-hmac-sha256"] {
        rows.push((format!("presigned by {value}"), "Algorithm", replaced("X-Amz-Algorithm", value)));
    }
    for value in ["content-type%3Bx-amz-target", "content-type%3Bhost", "host"] {
        rows.push((
            format!("presigned covering `{value}`"),
            "UnsignedHeader",
            replaced("X-Amz-SignedHeaders", value),
        ));
    }
    rows.push((
        "presigned covering upper case".into(),
        "SignedHeaderOrder",
        replaced("X-Amz-SignedHeaders", "Host"),
    ));
    rows.push((
        "presigned covering an absent header".into(),
        "AbsentHeader",
        replaced("X-Amz-SignedHeaders", "content-type%3Bhost%3Bx-absent%3Bx-amz-target"),
    ));
    for (scope, error) in [
        ("test%2F20260203%2Feu-west-1%2Fkms%2Faws4_request", "Region"),
        ("test%2F20260203%2Fus-east-1%2Fs3%2Faws4_request", "Service"),
        ("test%2F20260202%2Fus-east-1%2Fkms%2Faws4_request", "ScopeDate"),
        ("test%2F20260203%2Fus-east-1%2Fkms%2Faws", "Terminator"),
        ("test", "CredentialForm"),
        ("nobody%2F20260203%2Fus-east-1%2Fkms%2Faws4_request", "UnknownCredential"),
    ] {
        rows.push((format!("presigned scope `{scope}`"), error, replaced("X-Amz-Credential", scope)));
    }
    for extra in [
        "X-Amz-Foo=1",
        "x-amz-target=TrentService.DisableKey",
        "X-AMZ-SIGNATURE=00",
        "X%2DAmz%2DDate=20260203T081409Z",
        "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD",
    ] {
        rows.push((
            format!("presigned with `{extra}`"),
            "QueryParameter",
            query(|text| format!("{text}&{extra}")),
        ));
    }
    rows.push(("presigned with a parameter more".into(), "Mismatch", query(|text| format!("{text}&a=b"))));
    let in_both = set(presigned(900), "authorization", signed().headers()["authorization"].to_str().unwrap());
    rows.push(("credentials in both places".into(), "TwoCredentials", in_both));
    rows.push((
        "a presign parameter beside a header".into(),
        "TwoCredentials",
        with_uri(signed(), "/?X-Amz-Date=20260203T081409Z"),
    ));
    let mut other_body = presigned(900);
    *other_body.body_mut() = Bytes::from_static(b"{}");
    rows.push(("presigned with another body".into(), "Mismatch", other_body));
    rows.push((
        "presigned with another target".into(),
        "Mismatch",
        set(presigned(900), "x-amz-target", "TrentService.DisableKey"),
    ));
    let ago = |s: u64| Timestamp::from_millis(NOW.as_millis() - s * 1000);
    rows.push(("presigned and over".into(), "PresignedExpired", presigned_at(60, ago(61), "test", None)));
    rows.push((
        "presigned a week ago".into(),
        "PresignedExpired",
        presigned_at(604_800, ago(604_801), "test", None),
    ));
    let ahead = Timestamp::from_millis(NOW.as_millis() + 301_000);
    rows.push(("presigned in the future".into(), "NotYetCurrent", presigned_at(900, ahead, "test", None)));
    let mut get = presigned(900);
    *get.method_mut() = http::Method::GET;
    rows.push(("presigned by another method".into(), "Mismatch", get));
    rows
}

#[test]
fn every_row_is_refused_for_its_reason() {
    let rows: Vec<Row> =
        [authorization_rows(), scope_rows(), time_rows(), content_rows(), token_rows(), presigned_rows()]
            .concat();
    let mut labels = BTreeSet::new();
    let mut wrong = Vec::new();
    let count = rows.len();
    for (label, expected, request) in rows {
        assert!(labels.insert(label.clone()), "{label} twice");
        match verify(request) {
            Err(error) if error == expected => {}
            other => wrong.push(format!("{label}: expected {expected}, got {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 200, "{count} rows");
}

#[test]
fn what_the_rows_are_made_from_is_accepted() {
    assert_eq!(verify(signed()), Ok(()));
    for expires_s in [1, 900, 604_800] {
        assert_eq!(verify(presigned(expires_s)), Ok(()));
    }
    assert_eq!(verify(presigned_at(900, NOW, "session", Some("token"))), Ok(()));
    let with_token = set(bare(), "x-amz-security-token", "token");
    assert_eq!(verify(in_header(with_token, "session", "us-east-1", "kms")), Ok(()));
    let early = Timestamp::from_millis(NOW.as_millis() - 604_800_000);
    assert_eq!(verify(presigned_at(604_800, early, "test", None)), Ok(()));
    // What no signature covers, and decides nothing, may be added on the way.
    let mut passed_on = signed();
    passed_on
        .headers_mut()
        .insert(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_static("::1"));
    assert_eq!(verify(passed_on), Ok(()));
}
