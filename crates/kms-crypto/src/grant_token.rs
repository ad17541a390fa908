//! Grant tokens: proof that this Region issued a grant. A token opens nothing: its bearer must be the grantee anyway.
//!
//! ```text
//!  0      1            5       21              38         70
//!  ├ ver ─┼ domain ver ┼ nonce ┼ key id ───────┼ grant id ┼ tag ┤
//!    1        4           16      1 + 16          32         32
//!
//!  tag = HMAC-SHA-256(HKDF-SHA-256(domain key, label), bytes 0 to 70)
//! ```
//!
//! A MAC, not encryption: the names in a token are known to whoever may hold it, and a MAC has no limit on how many
//! tokens one key makes. The nonce makes every token of a grant another one [KMS:CreateGrant].

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use kms_types::{Entropy, GrantId, KeyId};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::{
    CryptoError, DomainKey,
    transcript::{key_id_bytes, parse_key_id},
};

const VERSION: u8 = 1;
const LABEL: &[u8] = b"meridian/v1/grant-token";
const BODY_BYTES: usize = 70;

/// A well-formed token. What it names is proven only by [`GrantToken::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantToken {
    domain_version: u32,
    nonce: [u8; 16],
    key: KeyId,
    grant: GrantId,
    tag: [u8; 32],
}

impl GrantToken {
    /// A fresh token for a grant of a key.
    pub fn issue(domain: &DomainKey, key: KeyId, grant: GrantId, entropy: &mut dyn Entropy) -> Self {
        let mut token =
            Self { domain_version: domain.version(), nonce: entropy.array(), key, grant, tag: [0; 32] };
        token.tag = token.expected_tag(domain);
        token
    }

    /// Reads a token; refuses other lengths, versions and key kinds.
    pub fn parse(bytes: &[u8]) -> Result<Self, CryptoError> {
        split(bytes).ok_or(CryptoError::InvalidGrantToken)
    }

    /// The token as it travels.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.body().as_slice(), &self.tag].concat()
    }

    /// The version of the domain key that issued it.
    pub fn domain_version(&self) -> u32 {
        self.domain_version
    }

    /// The key and the grant that the token stands for, when `domain` issued it.
    pub fn verify(&self, domain: &DomainKey) -> Result<(KeyId, GrantId), CryptoError> {
        let issued = self.domain_version == domain.version();
        match issued && bool::from(self.expected_tag(domain).ct_eq(&self.tag)) {
            true => Ok((self.key, self.grant)),
            false => Err(CryptoError::InvalidGrantToken),
        }
    }

    fn body(&self) -> Vec<u8> {
        let domain_version = self.domain_version.to_be_bytes();
        let key = key_id_bytes(&self.key);
        [&[VERSION], &domain_version[..], &self.nonce, &key, self.grant.bytes()].concat()
    }

    #[expect(
        clippy::expect_used,
        reason = "HMAC takes keys of every length, HKDF-SHA-256 expands to 32 bytes"
    )]
    fn expected_tag(&self, domain: &DomainKey) -> [u8; 32] {
        let mut key = Zeroizing::new([0; 32]);
        Hkdf::<Sha256>::new(None, domain.expose())
            .expand(LABEL, key.as_mut_slice())
            .expect("HKDF-SHA-256 expands to 32 bytes");
        let mut mac =
            Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("HMAC takes keys of every length");
        mac.update(&self.body());
        mac.finalize().into_bytes().into()
    }
}

fn split(bytes: &[u8]) -> Option<GrantToken> {
    let (body, tag) = bytes.split_first_chunk::<BODY_BYTES>()?;
    let tag = <[u8; 32]>::try_from(tag).ok()?;
    let ([version], rest) = body.split_first_chunk::<1>()?;
    let (domain_version, rest) = rest.split_first_chunk::<4>()?;
    let (nonce, rest) = rest.split_first_chunk::<16>()?;
    let ([kind], rest) = rest.split_first_chunk::<1>()?;
    let (id, rest) = rest.split_first_chunk::<16>()?;
    let grant = GrantId::from_bytes(*rest.first_chunk::<32>()?);
    let key = parse_key_id(*kind, *id)?;
    let domain_version = u32::from_be_bytes(*domain_version);
    (*version == VERSION).then_some(GrantToken { domain_version, nonce: *nonce, key, grant, tag })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy_rng::test_entropy::Seeded;
    use kms_types::KeyIdKind;

    fn issued(entropy: &mut Seeded) -> (DomainKey, GrantToken) {
        let domain = DomainKey::generate(3, entropy);
        let key = KeyId::from_random(KeyIdKind::MultiRegion, [7; 16]);
        let token = GrantToken::issue(&domain, key, GrantId::from_bytes([9; 32]), entropy);
        (domain, token)
    }

    #[test]
    fn a_token_names_its_grant_and_no_two_are_equal() {
        let entropy = &mut Seeded::new(1);
        let (domain, token) = issued(entropy);
        let read = GrantToken::parse(&token.to_bytes()).unwrap();
        assert_eq!(read, token);
        assert_eq!(read.verify(&domain), Ok((token.key, token.grant)));
        let again = GrantToken::issue(&domain, token.key, token.grant, entropy);
        assert_ne!(again.to_bytes(), token.to_bytes());
    }

    #[test]
    fn every_flipped_bit_and_every_other_length_is_refused() {
        let (domain, token) = issued(&mut Seeded::new(2));
        let bytes = token.to_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert!(GrantToken::parse(&changed).and_then(|t| t.verify(&domain)).is_err(), "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(GrantToken::parse(&bytes[..length]), Err(CryptoError::InvalidGrantToken));
        }
        assert!(GrantToken::parse(&[&bytes[..], &[0]].concat()).is_err());
    }

    #[test]
    fn another_domain_key_issued_nothing_of_this_one() {
        let (_, token) = issued(&mut Seeded::new(3));
        let other = DomainKey::generate(3, &mut Seeded::new(4));
        assert_eq!(token.verify(&other), Err(CryptoError::InvalidGrantToken));
    }

    /// Tokens live as long as their grants: the format is for ever.
    #[test]
    fn golden_bytes() {
        let (domain, token) = issued(&mut Seeded::new(5));
        insta::assert_snapshot!(hex::encode(token.to_bytes()));
        assert!(token.verify(&domain).is_ok());
    }
}
