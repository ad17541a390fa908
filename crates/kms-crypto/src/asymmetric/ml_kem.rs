//! ML-KEM [FIPS203] from seeds, in the `ml-kem` crate, which the Region envelopes use as well.

use kms_types::{Entropy, KeySpec};
#[expect(deprecated, reason = "the form is read, to compare it, and never written")]
use ml_kem::ExpandedKeyEncoding;
use ml_kem::{
    Decapsulate, DecapsulationKey, Encapsulate, EncapsulationKey, MlKem512, MlKem768, MlKem1024, Seed,
};
use pkcs8::{
    EncodePrivateKey, ObjectIdentifier,
    spki::{EncodePublicKey, SubjectPublicKeyInfoRef},
};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{broken, lattice_pkcs8};
use crate::{CryptoError, entropy_rng::EntropyRng};

/// d and z, in that order [FIPS203 §7.1].
pub(crate) const SEED_BYTES: usize = 64;

/// Runs an expression with `P` standing for the parameter set of a spec; other specs give `$otherwise`.
macro_rules! with_parameter_set {
    ($spec:expr, $P:ident => $body:expr, otherwise $otherwise:expr) => {
        match $spec {
            KeySpec::MlKem512 => {
                type $P = MlKem512;
                $body
            }
            KeySpec::MlKem768 => {
                type $P = MlKem768;
                $body
            }
            KeySpec::MlKem1024 => {
                type $P = MlKem1024;
                $body
            }
            _ => $otherwise,
        }
    };
}

fn seed(bytes: &[u8]) -> Result<Zeroizing<Seed>, CryptoError> {
    Seed::try_from(bytes).map(Zeroizing::new).map_err(|_| broken("stored ML-KEM seed"))
}

pub(super) fn public_key(spec: KeySpec, canonical: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let seed = seed(canonical)?;
    with_parameter_set!(spec, P => {
        let key = DecapsulationKey::<P>::from_seed(*seed);
        let spki = key.encapsulation_key().to_public_key_der().map_err(|_| broken("ML-KEM public key"))?;
        Ok(spki.as_bytes().to_vec())
    }, otherwise Err(CryptoError::UnsupportedSpec { spec }))
}

/// The seed form [RFC9935 §6], of the same length for all three sizes.
pub(super) fn to_pkcs8(spec: KeySpec, canonical: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let seed = seed(canonical)?;
    with_parameter_set!(spec, P => {
        let der = DecapsulationKey::<P>::from_seed(*seed).to_pkcs8_der();
        der.map(|der| der.to_bytes()).map_err(|_| broken("ML-KEM private key"))
    }, otherwise Err(CryptoError::UnsupportedSpec { spec }))
}

pub(super) fn from_pkcs8(spec: KeySpec, pkcs8: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key = lattice_pkcs8::parse(pkcs8, oid(spec)?)?;
    let right = match key.expanded {
        None => key.seed.len() == SEED_BYTES,
        Some(expanded) => self::expanded(spec, key.seed)?.ct_eq(expanded).into(),
    };
    right.then(|| Zeroizing::new(key.seed.to_vec()))
}

/// What a seed expands to; `None` for a seed of another length.
#[expect(deprecated, reason = "the form is read, to compare it, and never written")]
pub(super) fn expanded(spec: KeySpec, canonical: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let seed = seed(canonical).ok()?;
    with_parameter_set!(spec, P => {
        Some(Zeroizing::new(DecapsulationKey::<P>::from_seed(*seed).to_expanded_bytes().to_vec()))
    }, otherwise None)
}

fn oid(spec: KeySpec) -> Option<ObjectIdentifier> {
    match spec {
        KeySpec::MlKem512 => Some(ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.1")),
        KeySpec::MlKem768 => Some(ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.2")),
        KeySpec::MlKem1024 => Some(ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.4.3")),
        _ => None,
    }
}

/// A fresh shared secret of 32 bytes and its ciphertext; the public key's coefficients are checked [FIPS203 §7.2].
pub(crate) fn encapsulate(
    spec: KeySpec,
    public_key: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<(Vec<u8>, Zeroizing<Vec<u8>>), CryptoError> {
    let spki = SubjectPublicKeyInfoRef::try_from(public_key).map_err(|_| CryptoError::InvalidPublicKey)?;
    with_parameter_set!(spec, P => {
        let key = EncapsulationKey::<P>::try_from(spki).map_err(|_| CryptoError::InvalidPublicKey)?;
        let (ciphertext, secret) = key.encapsulate_with_rng(&mut EntropyRng(entropy));
        let secret = Zeroizing::new(secret);
        Ok((ciphertext.to_vec(), Zeroizing::new(secret.to_vec())))
    }, otherwise Err(CryptoError::UnsupportedSpec { spec }))
}

/// The shared secret of a ciphertext. One of the right length always has a secret: for one that was not made with the
/// public half it is unrelated to anything (implicit rejection) [FIPS203 §6.3].
pub(crate) fn decapsulate(
    spec: KeySpec,
    canonical: &[u8],
    ciphertext: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let seed = seed(canonical)?;
    with_parameter_set!(spec, P => {
        let key = DecapsulationKey::<P>::from_seed(*seed);
        let secret = key.decapsulate_slice(ciphertext).map_err(|_| CryptoError::InvalidCiphertext)?;
        let secret = Zeroizing::new(secret);
        Ok(Zeroizing::new(secret.to_vec()))
    }, otherwise Err(CryptoError::UnsupportedSpec { spec }))
}
