//! Text that is secret, such as the secret of an access key. Never printed, never serialized.

use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// A secret text; wiped on drop, compared in constant time.
///
/// ```compile_fail
/// fn show(s: &kms_crypto::SecretText) -> String { s.to_string() }
/// ```
/// ```compile_fail
/// fn write(s: &kms_crypto::SecretText) -> String { serde_json::to_string(s).unwrap() }
/// ```
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes over `text`.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text, to derive a SigV4 signing key from it. Nothing else may call this.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SecretText {}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_and_equality_compares_the_text() {
        let secret = SecretText::new("swordfish".to_owned());
        assert_eq!(format!("{secret:?}"), "SecretText(..)");
        assert_eq!(secret, SecretText::from("swordfish".to_owned()));
        assert_ne!(secret, SecretText::from("swordfisH".to_owned()));
    }
}
