use std::fmt::Write;

use super::{ALGORITHM, scope::Scope, sha256_hex};

/// How the canonical path is made from the path on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathForm {
    /// Dot segments and repeated slashes are removed first: every service but S3.
    Normalized,
    /// The path as it is.
    AsSent,
}

/// The parts of a request that a signature covers, borrowed from wherever they live.
///
/// `headers` holds lower-case names, each with its values in the order of arrival.
pub(crate) struct Canonical<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: Vec<(&'a str, &'a [u8])>,
    pub(crate) path_form: PathForm,
}

impl Canonical<'_> {
    /// The canonical request [SIGV4]; bytes, because header values need not be UTF-8.
    pub(crate) fn request(&self, signed_headers: &[&str], payload_sha256: &str) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        for line in [self.method, &canonical_path(self.path, self.path_form), &canonical_query(self.query)] {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
        for name in signed_headers {
            self.push_header(name, &mut out);
        }
        out.push(b'\n');
        out.extend_from_slice(signed_headers.join(";").as_bytes());
        out.push(b'\n');
        out.extend_from_slice(payload_sha256.as_bytes());
        out
    }

    fn push_header(&self, name: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(name.as_bytes());
        let values = self.headers.iter().filter(|(other, _)| *other == name);
        for (index, (_, value)) in values.enumerate() {
            out.push(if index == 0 { b':' } else { b',' });
            push_collapsed(value, out);
        }
        out.push(b'\n');
    }
}

/// The string that is signed: algorithm, time, scope and the hash of the canonical request.
pub(crate) fn string_to_sign(time_iso_basic: &str, scope: &Scope, canonical_request: &[u8]) -> String {
    format!("{ALGORITHM}\n{time_iso_basic}\n{scope}\n{}", sha256_hex(canonical_request))
}

/// Trims the value and turns each inner run of white space into one space.
fn push_collapsed(value: &[u8], out: &mut Vec<u8>) {
    let words = value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

fn canonical_path(path: &str, form: PathForm) -> String {
    let path = match form {
        PathForm::Normalized => normalize_path(path),
        PathForm::AsSent => path.to_owned(),
    };
    let mut out = String::with_capacity(path.len() + 1);
    percent_encode(path.as_bytes(), b"/", &mut out);
    if out.is_empty() { "/".into() } else { out }
}

fn normalize_path(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let ends_open = !kept.is_empty() && ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    format!("/{}{}", kept.join("/"), if ends_open { "/" } else { "" })
}

/// Pairs decoded, encoded again in one way, and sorted by name and then value.
fn canonical_query(query: &str) -> String {
    let mut pairs: Vec<(String, String)> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (reencode(name), reencode(value)))
        .collect();
    pairs.sort();
    let joined: Vec<String> = pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    joined.join("&")
}

fn reencode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    percent_encode(&percent_decode(text.as_bytes()), b"", &mut out);
    out
}

/// The one spelling of a query value.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    percent_encode(text.as_bytes(), b"", &mut out);
    out
}

/// Decodes `%XX`; a `%` without two hex digits stays itself.
pub(crate) fn percent_decode(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = if first == b'%' { tail.first_chunk::<2>().and_then(hex_byte) } else { None };
        out.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { tail.get(2..).unwrap_or_default() } else { tail };
    }
    out
}

fn hex_byte(digits: &[u8; 2]) -> Option<u8> {
    let mut byte = [0; 1];
    hex::decode_to_slice(digits, &mut byte).ok()?;
    Some(byte[0])
}

/// Percent-encodes everything but the unreserved characters [RFC3986 §2.3] and those in `keep`.
fn percent_encode(bytes: &[u8], keep: &[u8], out: &mut String) {
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_trimmed_and_collapsed() {
        let mut out = Vec::new();
        push_collapsed(b"  a   b\t c ", &mut out);
        assert_eq!(out, b"a b c");
    }

    #[test]
    fn queries_have_one_spelling() {
        assert_eq!(canonical_query("b=%7e&a=1&a=%20&c"), "a=%20&a=1&b=~&c=");
        assert_eq!(canonical_query("x=%zz&y=%4"), "x=%25zz&y=%254");
    }

    #[test]
    fn dot_segments_are_removed_only_when_asked() {
        assert_eq!(canonical_path("/a/./b/../c//", PathForm::Normalized), "/a/c/");
        assert_eq!(canonical_path("/a/./b", PathForm::AsSent), "/a/./b");
        assert_eq!(canonical_path("/../..", PathForm::Normalized), "/");
    }
}
