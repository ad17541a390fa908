//! The Region's root key, under which domain keys rest. Where it is kept is `kms-rootkey`'s matter.

use hmac::Mac;
use kms_types::Entropy;
use std::fmt;
use zeroize::Zeroizing;

use crate::{
    CryptoError, DomainKey, RecipientId, WrappedDomainKey,
    aead::{self, NONCE_BYTES},
    material::hmac_sha256,
    transcript::Transcript,
};

/// A root key: the top of the hierarchy, held by a provider; wiped on drop.
///
/// ```compile_fail
/// fn copy(k: &kms_crypto::RootKey) -> kms_crypto::RootKey { k.clone() }
/// ```
/// ```compile_fail
/// fn write(k: &kms_crypto::RootKey) -> String { serde_json::to_string(k).unwrap() }
/// ```
pub struct RootKey(Box<Zeroizing<[u8; 32]>>);

const RECIPIENT_LABEL: &[u8] = b"meridian/v1/root-recipient";
const WRAPPING_KEY_LABEL: &[u8] = b"meridian/v1/root-wrapping-key";
const WRAP_LABEL: &str = "meridian/v1/wrap-domain-key";

impl RootKey {
    /// A fresh random root key.
    pub fn generate(entropy: &mut dyn Entropy) -> Self {
        let mut bytes = Box::new(Zeroizing::new([0; 32]));
        entropy.fill(bytes.as_mut_slice());
        Self(bytes)
    }

    /// The root key with these bytes, as a provider read them.
    pub fn from_bytes(bytes: Zeroizing<[u8; 32]>) -> Self {
        Self(Box::new(bytes))
    }

    /// The plaintext bytes, for a root key provider that has to store them. Nothing else may call this.
    pub fn expose_for_provider(&self) -> &[u8; 32] {
        &self.0
    }

    /// The public name of this root key; tells nothing about it.
    pub fn recipient(&self) -> RecipientId {
        let digest = self.derive(RECIPIENT_LABEL);
        let mut id = [0; 16];
        id.iter_mut().zip(digest.iter()).for_each(|(to, from)| *to = *from);
        RecipientId(id)
    }

    /// Wraps a domain key for this root key; a domain key may be wrapped for several root keys (F4).
    #[expect(
        clippy::expect_used,
        reason = "AES-GCM refuses only inputs of 64 GiB and more, these are 32 bytes"
    )]
    pub fn wrap_domain_key(&self, domain: &DomainKey, entropy: &mut dyn Entropy) -> WrappedDomainKey {
        let (version, recipient) = (domain.version(), self.recipient());
        let nonce = entropy.array::<NONCE_BYTES>();
        let under = self.derive(WRAPPING_KEY_LABEL);
        let sealed = aead::seal_secret(&under, &nonce, &aad(version, recipient), domain.expose())
            .expect("a 32-byte key always seals");
        WrappedDomainKey { version, recipient, nonce, sealed }
    }

    /// Unwraps what [`Self::wrap_domain_key`] made.
    pub fn unwrap_domain_key(&self, wrapped: &WrappedDomainKey) -> Result<DomainKey, CryptoError> {
        let held = self.recipient();
        if wrapped.recipient != held {
            return Err(CryptoError::WrongRecipient { wrapped: wrapped.recipient, held });
        }
        let under = self.derive(WRAPPING_KEY_LABEL);
        aead::open_key(&under, &wrapped.nonce, &aad(wrapped.version, held), &wrapped.sealed)
            .map(|bytes| DomainKey::from_boxed(wrapped.version, bytes))
            .map_err(|_| CryptoError::InvalidWrappedKey)
    }

    /// One use, one key: the root key itself only ever keys HMAC.
    fn derive(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        let mut mac = hmac_sha256(&self.0);
        mac.update(label);
        Zeroizing::new(mac.finalize().into_bytes().into())
    }
}

fn aad(version: u32, recipient: RecipientId) -> Vec<u8> {
    Transcript::new(WRAP_LABEL).number(u64::from(version)).field(&recipient.0).into_bytes()
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RootKey({:?}, ..)", self.recipient())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy_rng::test_entropy::Seeded;

    #[test]
    fn domain_key_unwraps_under_each_of_its_recipients_and_no_other() {
        let entropy = &mut Seeded::new(6);
        let domain = DomainKey::generate(3, entropy);
        let roots = [RootKey::generate(entropy), RootKey::generate(entropy)];
        for root in &roots {
            let wrapped = root.wrap_domain_key(&domain, entropy);
            assert_eq!(root.unwrap_domain_key(&wrapped).unwrap().expose(), domain.expose());
        }
        let wrapped = roots[0].wrap_domain_key(&domain, entropy);
        assert!(matches!(roots[1].unwrap_domain_key(&wrapped), Err(CryptoError::WrongRecipient { .. })));
    }

    #[test]
    fn version_and_body_of_a_wrapped_domain_key_are_authenticated() {
        let entropy = &mut Seeded::new(7);
        let (root, domain) = (RootKey::generate(entropy), DomainKey::generate(3, entropy));
        let wrapped = root.wrap_domain_key(&domain, entropy);
        let mut renamed = wrapped.clone();
        renamed.version = 4;
        let mut altered = wrapped.clone();
        altered.sealed[0] ^= 1;
        let mut cut = wrapped;
        cut.sealed.truncate(20);
        for changed in [renamed, altered, cut] {
            assert_eq!(root.unwrap_domain_key(&changed).unwrap_err(), CryptoError::InvalidWrappedKey);
        }
    }

    #[test]
    fn debug_names_the_recipient_only() {
        let root = RootKey::from_bytes(Zeroizing::new([0x42; 32]));
        assert!(!format!("{root:?}").contains(&"42".repeat(4)));
    }
}
