//! One RSA key of each size for the unit tests of this crate: making one takes up to seconds.

use kms_types::KeySpec;
use std::sync::LazyLock;
use zeroize::Zeroizing;

use super::generate;
use crate::KeyMaterial;

static RSA_2048: LazyLock<Zeroizing<Vec<u8>>> = LazyLock::new(|| generate(KeySpec::Rsa2048).unwrap());
static RSA_3072: LazyLock<Zeroizing<Vec<u8>>> = LazyLock::new(|| generate(KeySpec::Rsa3072).unwrap());
static RSA_4096: LazyLock<Zeroizing<Vec<u8>>> = LazyLock::new(|| generate(KeySpec::Rsa4096).unwrap());

/// The key of this size, made at the first call.
pub(crate) fn material(spec: KeySpec) -> KeyMaterial {
    let bytes = match spec.modulus_bits().unwrap() {
        2048 => &RSA_2048,
        3072 => &RSA_3072,
        _ => &RSA_4096,
    };
    KeyMaterial::from_canonical(spec, Zeroizing::new(bytes.to_vec())).unwrap()
}
