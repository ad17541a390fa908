//! `X-Amz-Target` to an operation.

use http::HeaderMap;
use kms_types::Operation;

const PREFIX: &str = "TrentService.";

/// A target that names nothing that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    /// Absent, repeated, or not an operation of the KMS API.
    #[error("the target names no operation")]
    Unknown,
    /// An operation of the API that Meridian does not implement yet.
    #[error("{0} is not implemented")]
    NotImplemented(Operation),
}

/// The operation that the header names; its case matters [KMS:API].
pub(crate) fn operation(headers: &HeaderMap) -> Result<Operation, TargetError> {
    let mut values = headers.get_all("x-amz-target").iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(TargetError::Unknown) };
    let name = value.to_str().ok().and_then(|text| text.strip_prefix(PREFIX));
    name.and_then(|name| name.parse().ok()).ok_or(TargetError::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lookup(value: &str) -> Result<Operation, TargetError> {
        let mut headers = HeaderMap::new();
        headers.insert("x-amz-target", value.parse().unwrap());
        operation(&headers)
    }

    #[test]
    fn names_are_exact() {
        assert_eq!(lookup("TrentService.Encrypt"), Ok(Operation::Encrypt));
        for wrong in
            ["TrentService.encrypt", "trentservice.Encrypt", "Encrypt", "TrentService.", "TrentService.X"]
        {
            assert_eq!(lookup(wrong), Err(TargetError::Unknown), "{wrong}");
        }
        assert_eq!(operation(&HeaderMap::new()), Err(TargetError::Unknown));
    }
}
