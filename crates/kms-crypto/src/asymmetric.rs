//! The private keys of every asymmetric spec in canonical form: generation, validation, public half. Decides nothing
//! about usages and signs nothing; [`crate::signature`], [`crate::rsa_oaep`], [`crate::agreement`] and [`crate::kem`] do.
//!
//! RSA and elliptic-curve keys are kept as PKCS#8 [RFC5958 §2] as AWS-LC writes it, so that one key has one form whatever
//! form it was imported in; lattice keys as their seeds [FIPS203 §7.1], [FIPS204 §6.1].

pub(crate) mod ec;
pub(crate) mod ed25519;
mod lattice_pkcs8;
pub(crate) mod ml_dsa;
pub(crate) mod ml_kem;
pub(crate) mod rsa;

use kms_types::{Entropy, KeySpec};
use zeroize::Zeroizing;

use crate::CryptoError;
use ec::Curve;

/// Which arithmetic a spec's keys are made of; `None` for shared secrets and for what is not offered.
pub(crate) enum Family {
    Rsa,
    Ec(Curve),
    Ed25519,
    MlDsa,
    MlKem,
}

impl Family {
    pub(crate) fn of(spec: KeySpec) -> Option<Self> {
        match spec {
            KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096 => Some(Self::Rsa),
            KeySpec::EccNistP256 => Some(Self::Ec(Curve::P256)),
            KeySpec::EccNistP384 => Some(Self::Ec(Curve::P384)),
            KeySpec::EccNistP521 => Some(Self::Ec(Curve::P521)),
            KeySpec::EccSecgP256k1 => Some(Self::Ec(Curve::P256k1)),
            KeySpec::EccNistEdwards25519 => Some(Self::Ed25519),
            KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87 => Some(Self::MlDsa),
            KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024 => Some(Self::MlKem),
            KeySpec::SymmetricDefault => None,
            KeySpec::Hmac224 | KeySpec::Hmac256 | KeySpec::Hmac384 | KeySpec::Hmac512 => None,
            KeySpec::Sm2 => None,
        }
    }
}

/// A fresh private key in canonical form.
pub(crate) fn generate(
    family: &Family,
    spec: KeySpec,
    entropy: &mut dyn Entropy,
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    match family {
        Family::Rsa => rsa::generate(spec),
        Family::Ec(curve) => ec::generate(*curve, entropy),
        Family::Ed25519 => ed25519::generate(entropy),
        Family::MlDsa => Ok(random(ml_dsa::SEED_BYTES, entropy)),
        Family::MlKem => Ok(random(ml_kem::SEED_BYTES, entropy)),
    }
}

fn random(length_bytes: usize, entropy: &mut dyn Entropy) -> Zeroizing<Vec<u8>> {
    let mut bytes = Zeroizing::new(vec![0; length_bytes]);
    entropy.fill(&mut bytes);
    bytes
}

/// The public half of a canonical private key, as SubjectPublicKeyInfo [RFC5280 §4.1.2.7].
pub(crate) fn public_key(family: &Family, spec: KeySpec, canonical: &[u8]) -> Result<Vec<u8>, CryptoError> {
    match family {
        Family::Rsa => rsa::public_key(canonical),
        Family::Ec(curve) => ec::public_key(*curve, canonical),
        Family::Ed25519 => ed25519::public_key(canonical),
        Family::MlDsa => ml_dsa::public_key(spec, canonical),
        Family::MlKem => ml_kem::public_key(spec, canonical),
    }
}

/// A canonical private key as PKCS#8.
pub(crate) fn to_pkcs8(
    family: &Family,
    spec: KeySpec,
    canonical: &[u8],
) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    match family {
        Family::Rsa | Family::Ec(_) | Family::Ed25519 => Ok(Zeroizing::new(canonical.to_vec())),
        Family::MlDsa => ml_dsa::to_pkcs8(spec, canonical),
        Family::MlKem => ml_kem::to_pkcs8(spec, canonical),
    }
}

/// The canonical form of a PKCS#8 private key of exactly this spec, checked for consistency; `None` for anything else.
pub(crate) fn from_pkcs8(family: &Family, spec: KeySpec, pkcs8: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    match family {
        Family::Rsa => rsa::from_pkcs8(spec, pkcs8),
        Family::Ec(curve) => ec::from_pkcs8(*curve, pkcs8),
        Family::Ed25519 => ed25519::from_pkcs8(pkcs8),
        Family::MlDsa => ml_dsa::from_pkcs8(spec, pkcs8),
        Family::MlKem => ml_kem::from_pkcs8(spec, pkcs8),
    }
}

/// A failure of a primitive on material that was valid when it was made: no input of a caller leads here.
pub(crate) fn broken(primitive: &'static str) -> CryptoError {
    CryptoError::Primitive { primitive }
}

#[cfg(test)]
mod tests;
