//! Unique ids, access key ids and secrets, from the caller's entropy [IAM:limits].

use base64::{Engine, engine::general_purpose::STANDARD};
use kms_types::Entropy;
use zeroize::Zeroizing;

const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The prefix of an id says what it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    User,
    Group,
    Role,
    Policy,
    AccessKey,
    SessionKey,
}

impl Kind {
    fn prefix_and_length(self) -> (&'static str, usize) {
        match self {
            Self::User => ("AIDA", 17),
            Self::Group => ("AGPA", 17),
            Self::Role => ("AROA", 17),
            Self::Policy => ("ANPA", 17),
            Self::AccessKey => ("AKIA", 16),
            Self::SessionKey => ("ASIA", 16),
        }
    }
}

/// A fresh id: five random bits per character.
pub(crate) fn draw(kind: Kind, entropy: &mut dyn Entropy) -> String {
    let (prefix, length) = kind.prefix_and_length();
    let bytes: [u8; 17] = entropy.array();
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).map_or('A', |c| char::from(*c));
    prefix.chars().chain(bytes.iter().take(length).map(letter)).collect()
}

/// A fresh secret access key: 240 random bits as 40 characters.
pub(crate) fn secret(entropy: &mut dyn Entropy) -> Zeroizing<String> {
    let bytes: Zeroizing<[u8; 30]> = Zeroizing::new(entropy.array());
    Zeroizing::new(STANDARD.encode(bytes.as_slice()))
}
