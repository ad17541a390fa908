//! What one message is sealed with: key, nonce and commitment from the material and a fresh salt (E1, E2).

use hkdf::Hkdf;
use sha2::Sha512;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::header::{Header, SUITE};
use crate::{KeyMaterial, aead::NONCE_BYTES, transcript::key_id_bytes};

const LABEL: &[u8] = b"meridian/v1/message";
const OKM_BYTES: usize = 32 + NONCE_BYTES + 32;

pub(super) struct MessageKeys {
    pub(super) key: Zeroizing<[u8; 32]>,
    pub(super) nonce: [u8; NONCE_BYTES],
    pub(super) commitment: [u8; 32],
}

impl MessageKeys {
    /// HKDF [RFC5869 §2] over fixed-length inputs only, so that their concatenation is injective.
    pub(super) fn derive(material: &KeyMaterial, salt: &[u8; 32], header: &Header) -> Self {
        let key_id = key_id_bytes(&header.key_id);
        let info: [&[u8]; 4] = [LABEL, &[SUITE], &key_id, header.material_id.bytes()];
        Self::split(&expand(salt, material, &info))
    }

    fn split(okm: &[u8; OKM_BYTES]) -> Self {
        let mut keys = Self { key: Zeroizing::new([0; 32]), nonce: [0; NONCE_BYTES], commitment: [0; 32] };
        let (key, rest) = okm.split_at(32);
        let (nonce, commitment) = rest.split_at(NONCE_BYTES);
        keys.key.copy_from_slice(key);
        keys.nonce.copy_from_slice(nonce);
        keys.commitment.copy_from_slice(commitment);
        keys
    }

    /// Constant-time comparison with the commitment of a blob.
    pub(super) fn commits_to(&self, commitment: &[u8; 32]) -> bool {
        self.commitment.ct_eq(commitment).into()
    }
}

#[expect(clippy::expect_used, reason = "HKDF-SHA-512 expands to at most 16,320 bytes, these are 76")]
fn expand(salt: &[u8; 32], material: &KeyMaterial, info: &[&[u8]]) -> Zeroizing<[u8; OKM_BYTES]> {
    let mut okm = Zeroizing::new([0; OKM_BYTES]);
    Hkdf::<Sha512>::new(Some(salt), material.expose())
        .expand_multi_info(info, okm.as_mut_slice())
        .expect("HKDF-SHA-512 expands to 76 bytes");
    okm
}
