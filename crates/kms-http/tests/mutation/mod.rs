//! Random changes of signed requests, for a test of the verifier: whatever is accepted must mean what was signed.
//!
//! A change may leave the meaning alone (white space around a header value, an unsigned header that decides nothing).
//! [`meaning`] says what a request means, written apart from the canonical form that the verifier uses.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, header};
use kms_types::{Entropy, Principal, Timestamp};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

use kms_http::{
    Authenticator, Credential, Credentials,
    sigv4::{PathForm, SigningContext, presign_request, sign_request},
};

const NOW: Timestamp = Timestamp::from_millis(1_770_106_449_000);

/// SplitMix64: the same seed, the same changes.
pub(crate) struct Seeded(pub(crate) u64);

impl Entropy for Seeded {
    fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = self.0;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            let bytes = (word ^ (word >> 31)).to_le_bytes();
            chunk.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
        }
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Changed requests that were tried.
    pub(crate) tried: u64,
    /// Those that were accepted, all with the meaning that was signed.
    pub(crate) same_meaning: u64,
    /// Those that no HTTP library would have built.
    pub(crate) unbuildable: u64,
}

/// Tries `count` changed requests, half of them presigned. The error is one that was accepted and means something else.
pub(crate) fn run(count: u64, entropy: &mut dyn Entropy) -> Result<Tally, String> {
    let verifier = Authenticator::new("us-east-1".parse().map_err(|_| "a Region name".to_owned())?);
    let originals = [in_header()?, presigned()?];
    let mut tally = Tally::default();
    for n in 0..count {
        let original = originals.get(usize::from(n % 2 == 1)).ok_or("two originals")?;
        let changes = 1 + usize::from(entropy.array::<1>() == [0]);
        let mut request = Some(original.clone());
        for _ in 0..changes {
            request = request.and_then(|request| changed(request, entropy));
        }
        tally.tried += 1;
        let Some(request) = request else {
            tally.unbuildable += 1;
            continue;
        };
        let (head, body) = request.clone().into_parts();
        // The handler takes `POST /` only, as the wire has it.
        let routed = head.method == http::Method::POST && head.uri.path() == "/";
        if routed && verifier.verify(&head, &body, NOW, &Known).is_ok() {
            if meaning(&request) != meaning(original) {
                return Err(format!("accepted: {request:?}\nmade from: {original:?}"));
            }
            tally.same_meaning += 1;
        }
    }
    Ok(tally)
}

struct Known;

impl Credentials for Known {
    fn credential(&self, access_key_id: &str, session_token: Option<&str>) -> Option<Credential> {
        let root = Principal::Root { account: "000000000000".parse().ok()? };
        let known = access_key_id == "test" && session_token.is_none();
        known.then(|| Credential::configured("test".into(), Zeroizing::new("secret".into()), root))
    }
}

fn bare() -> Result<Request<Bytes>, String> {
    Request::post("/")
        .header("host", "kms.us-east-1.example.net")
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", "TrentService.DescribeKey")
        .header("user-agent", "aws-cli/2 a b")
        .body(Bytes::from_static(br#"{"KeyId":"alias/ledger"}"#))
        .map_err(|error| error.to_string())
}

fn context() -> SigningContext {
    let (region, service) = ("us-east-1".into(), "kms".into());
    SigningContext { region, service, time: NOW, path_form: PathForm::Normalized }
}

fn in_header() -> Result<Request<Bytes>, String> {
    let mut request = bare()?;
    sign_request(&mut request, "test", "secret", &context()).map_err(|error| error.to_string())?;
    Ok(request)
}

fn presigned() -> Result<Request<Bytes>, String> {
    let mut request = bare()?;
    let signed = presign_request(&mut request, "test", "secret", None, 900, &context());
    signed.map_err(|error| error.to_string())?;
    Ok(request)
}

/// One random change; none when the result is no HTTP request.
fn changed(mut request: Request<Bytes>, entropy: &mut dyn Entropy) -> Option<Request<Bytes>> {
    match entropy.array::<1>()[0] % 10 {
        0 => {
            let body = bytes_changed(request.body(), entropy);
            *request.body_mut() = Bytes::from(body);
        }
        1 => {
            let method = bytes_changed(request.method().as_str().as_bytes(), entropy);
            *request.method_mut() = http::Method::from_bytes(&method).ok()?;
        }
        2 | 3 => {
            let uri = request.uri().path_and_query().map_or("/", |uri| uri.as_str()).to_owned();
            let uri = String::from_utf8(bytes_changed(uri.as_bytes(), entropy)).ok()?;
            *request.uri_mut() = uri.parse().ok()?;
        }
        4 => {
            let (name, value) = pick(&request, entropy)?;
            let name = HeaderName::from_bytes(&bytes_changed(name.as_str().as_bytes(), entropy)).ok()?;
            request.headers_mut().append(name, value);
        }
        5 => {
            let (name, _) = pick(&request, entropy)?;
            request.headers_mut().remove(name);
        }
        _ => {
            let (name, value) = pick(&request, entropy)?;
            let value = HeaderValue::from_bytes(&bytes_changed(value.as_bytes(), entropy)).ok()?;
            if entropy.array::<1>()[0].is_multiple_of(8) {
                request.headers_mut().append(name, value);
            } else {
                request.headers_mut().insert(name, value);
            }
        }
    }
    Some(request)
}

fn pick(request: &Request<Bytes>, entropy: &mut dyn Entropy) -> Option<(HeaderName, HeaderValue)> {
    let count = request.headers().len();
    let at = usize::from(entropy.array::<1>()[0]).checked_rem(count)?;
    request.headers().iter().nth(at).map(|(name, value)| (name.clone(), value.clone()))
}

/// Flips, inserts, removes, repeats or swaps bytes somewhere; often bytes that mean something to a signature.
fn bytes_changed(bytes: &[u8], entropy: &mut dyn Entropy) -> Vec<u8> {
    const TELLING: &[u8] = b" \t,;=/&?%:.+-0aAzZ9\"\\\x7f\xff";
    let [kind, choice, high, low] = entropy.array::<4>();
    let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
    let telling = TELLING.get(usize::from(choice) % TELLING.len()).copied().unwrap_or(b' ');
    let (before, after) = bytes.split_at(at);
    let rest = after.get(1..).unwrap_or_default();
    match kind % 6 {
        0 => [before, &[after.first().copied().unwrap_or(0) ^ (1 << (choice % 8))], rest].concat(),
        1 => [before, &[telling], after].concat(),
        2 => [before, rest].concat(),
        3 => [before, &[telling], rest].concat(),
        4 => [before, after, after].concat(),
        _ => [after, before].concat(),
    }
}

/// What a request means: everything that decides what is done for whom.
#[derive(Debug, PartialEq, Eq)]
struct Meaning {
    body: Vec<u8>,
    query: Vec<(Vec<u8>, Vec<u8>)>,
    /// Header values by name: all that the original signs, and all that a service may read.
    headers: BTreeMap<String, Vec<Vec<u8>>>,
    claim: Vec<u8>,
}

const DECISIVE: [&str; 6] = ["content-type", "date", "host", "user-agent", "x-amz-date", "x-amz-target"];

fn meaning(request: &Request<Bytes>) -> Meaning {
    let mut headers: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
    for (name, value) in request.headers() {
        let name = name.as_str();
        let reads = DECISIVE.contains(&name) || name.starts_with("x-meridian-") || name.starts_with("x-amz-");
        // `x-amz-` headers that no reader here knows decide nothing when they are not signed.
        let unread = name.starts_with("x-amz-")
            && !["x-amz-date", "x-amz-target", "x-amz-security-token", "x-amz-content-sha256"]
                .contains(&name);
        if reads && !unread {
            let words: Vec<&[u8]> =
                value.as_bytes().split(|b| b" \t".contains(b)).filter(|word| !word.is_empty()).collect();
            headers.entry(name.to_owned()).or_default().push(words.join(&b' '));
        }
    }
    let claim = request.headers().get(header::AUTHORIZATION).map(|value| value.as_bytes().to_vec());
    let claim = claim.unwrap_or_default();
    let claim = claim.split(|b| b" \t,".contains(b)).filter(|word| !word.is_empty()).collect::<Vec<_>>();
    let mut sorted = claim.clone();
    sorted.sort_unstable();
    let query = request.uri().query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let mut query: Vec<(Vec<u8>, Vec<u8>)> = query
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (unescaped(name.as_bytes()), unescaped(value.as_bytes())))
        .collect();
    query.sort();
    Meaning { body: request.body().to_vec(), query, headers, claim: sorted.join(&b' ') }
}

fn unescaped(text: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while let Some(byte) = text.get(at) {
        let digits = text.get(at + 1..at + 3).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = digits.filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        match escaped.and_then(|two| u8::from_str_radix(two, 16).ok()).filter(|_| *byte == b'%') {
            Some(value) => {
                out.push(value);
                at += 3;
            }
            None => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    out
}
