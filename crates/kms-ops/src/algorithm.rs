//! Algorithms of the API: which usage each is for, and which of them a key takes.

use kms_state::Key;
use kms_types::{
    EncapsulationAlgorithm, EncryptionAlgorithm, KeyAgreementAlgorithm, KeySpec, KeyUsage, MacAlgorithm,
    SigningAlgorithm,
};

/// An enumeration of algorithms that one key usage goes with.
pub(crate) trait Algorithm: Copy + PartialEq + 'static {
    /// The usage that a key needs for it.
    const USAGE: KeyUsage;

    /// The algorithms of this enumeration that a key of `spec` takes.
    fn of(spec: KeySpec) -> &'static [Self];

    /// The API's spelling.
    fn name(self) -> &'static str;
}

macro_rules! algorithms {
    ($($name:ident for $usage:ident by $list:ident),+ $(,)?) => {
        $(impl Algorithm for $name {
            const USAGE: KeyUsage = KeyUsage::$usage;

            fn of(spec: KeySpec) -> &'static [Self] {
                spec.$list(Self::USAGE)
            }

            fn name(self) -> &'static str {
                self.as_str()
            }
        })+
    };
}

algorithms! {
    EncryptionAlgorithm for EncryptDecrypt by encryption_algorithms,
    SigningAlgorithm for SignVerify by signing_algorithms,
    MacAlgorithm for GenerateVerifyMac by mac_algorithms,
    KeyAgreementAlgorithm for KeyAgreement by key_agreement_algorithms,
    EncapsulationAlgorithm for EncapsulateDecapsulate by encapsulation_algorithms,
}

/// The one list of algorithms that KeyMetadata and GetPublicKey show of a key, chosen by its usage (section 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Algorithms {
    /// The key's spec.
    pub spec: KeySpec,
    /// The key's usage.
    pub usage: KeyUsage,
}

impl Algorithms {
    pub(crate) fn of(key: &Key) -> Self {
        Self { spec: key.spec, usage: key.usage }
    }

    /// The member of the answer that has the list.
    pub const fn member(self) -> &'static str {
        match self.usage {
            KeyUsage::EncryptDecrypt => "EncryptionAlgorithms",
            KeyUsage::SignVerify => "SigningAlgorithms",
            KeyUsage::GenerateVerifyMac => "MacAlgorithms",
            KeyUsage::KeyAgreement => "KeyAgreementAlgorithms",
            KeyUsage::EncapsulateDecapsulate => "EncapsulationAlgorithms",
        }
    }

    /// The algorithms, as the API spells them.
    pub fn names(self) -> Vec<&'static str> {
        fn list<A: Algorithm>(spec: KeySpec) -> Vec<&'static str> {
            A::of(spec).iter().map(|algorithm| algorithm.name()).collect()
        }
        match self.usage {
            KeyUsage::EncryptDecrypt => list::<EncryptionAlgorithm>(self.spec),
            KeyUsage::SignVerify => list::<SigningAlgorithm>(self.spec),
            KeyUsage::GenerateVerifyMac => list::<MacAlgorithm>(self.spec),
            KeyUsage::KeyAgreement => list::<KeyAgreementAlgorithm>(self.spec),
            KeyUsage::EncapsulateDecapsulate => list::<EncapsulationAlgorithm>(self.spec),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_every_kind_of_key_shows() {
        let mut table = String::new();
        for &spec in KeySpec::ALL {
            for &usage in spec.usages() {
                let algorithms = Algorithms { spec, usage };
                table += &format!("{spec} {usage}: {} {:?}\n", algorithms.member(), algorithms.names());
            }
        }
        insta::assert_snapshot!(table);
    }
}
