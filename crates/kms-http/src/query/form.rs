//! `application/x-www-form-urlencoded`, strictly: UTF-8, every name once.

use std::collections::BTreeMap;

use kms_ops::iam::Params;

use crate::sigv4::percent_decode;

/// Most parameters of a call: 50 tags of two parameters each, and lists of ARNs, stay far below.
const MOST_PARAMETERS: usize = 1000;

/// A body that is no form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FormError {
    /// Not UTF-8 after decoding.
    #[error("the body is not form-encoded UTF-8")]
    NotText,
    /// One name twice.
    #[error("the parameter `{0}` is given twice")]
    Twice(String),
    /// Too many parameters.
    #[error("the body has more than {MOST_PARAMETERS} parameters")]
    TooMany,
}

/// The parameters of a body.
pub(crate) fn parse(body: &[u8]) -> Result<Params, FormError> {
    let mut pairs = BTreeMap::new();
    for pair in body.split(|b| *b == b'&').filter(|pair| !pair.is_empty()) {
        let at = pair.iter().position(|b| *b == b'=').unwrap_or(pair.len());
        let (name, value) = pair.split_at(at);
        let (name, value) = (decode(name)?, decode(value.get(1..).unwrap_or_default())?);
        if pairs.len() >= MOST_PARAMETERS {
            return Err(FormError::TooMany);
        }
        if pairs.insert(name.clone(), value).is_some() {
            return Err(FormError::Twice(name.chars().take(64).collect()));
        }
    }
    Ok(Params::new(pairs))
}

fn decode(text: &[u8]) -> Result<String, FormError> {
    let spaced: Vec<u8> = text.iter().map(|b| if *b == b'+' { b' ' } else { *b }).collect();
    String::from_utf8(percent_decode(&spaced)).map_err(|_| FormError::NotText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_decoded_once() {
        let params = parse(b"Action=CreateUser&UserName=a%2Bb+c&Empty=&Path=%2F").unwrap();
        assert_eq!(params.get("UserName"), Some("a+b c"));
        assert_eq!(params.get("Empty"), Some(""));
        assert_eq!(params.get("Path"), Some("/"));
    }

    #[test]
    fn what_two_readers_could_read_differently_is_refused() {
        assert_eq!(parse(b"A=1&A=2"), Err(FormError::Twice("A".into())));
        assert_eq!(parse(b"A=1&%41=2"), Err(FormError::Twice("A".into())));
        assert_eq!(parse(b"A=%ff"), Err(FormError::NotText));
        let many = vec!["a"; 1001].iter().enumerate().map(|(n, a)| format!("{a}{n}=1&")).collect::<String>();
        assert_eq!(parse(many.as_bytes()), Err(FormError::TooMany));
    }
}
