//! Keys on the NIST curves and secp256k1, all arithmetic in AWS-LC.

use aws_lc_rs::{
    agreement,
    digest::Digest,
    encoding::{AsBigEndian, AsDer, EcPrivateKeyBin, PublicKeyX509Der},
    signature::{
        ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P256K1_SHA256_ASN1,
        ECDSA_P256K1_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA384_ASN1_SIGNING,
        ECDSA_P521_SHA512_ASN1, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
        EcdsaVerificationAlgorithm, KeyPair, UnparsedPublicKey,
    },
};
use kms_types::Entropy;
use pkcs8::{
    ObjectIdentifier, PrivateKeyInfoRef,
    spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef},
};
use zeroize::Zeroizing;

use super::broken;
use crate::CryptoError;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
    P256k1,
}

const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

impl Curve {
    fn oid(self) -> ObjectIdentifier {
        match self {
            Self::P256 => ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7"),
            Self::P384 => ObjectIdentifier::new_unwrap("1.3.132.0.34"),
            Self::P521 => ObjectIdentifier::new_unwrap("1.3.132.0.35"),
            Self::P256k1 => ObjectIdentifier::new_unwrap("1.3.132.0.10"),
        }
    }

    /// How many bytes a scalar has, and which bits of the first may be set.
    fn scalar_shape(self) -> (usize, u8) {
        match self {
            Self::P256 | Self::P256k1 => (32, 0xff),
            Self::P384 => (48, 0xff),
            Self::P521 => (66, 0x01),
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1_SIGNING,
            Self::P384 => &ECDSA_P384_SHA384_ASN1_SIGNING,
            Self::P521 => &ECDSA_P521_SHA512_ASN1_SIGNING,
            Self::P256k1 => &ECDSA_P256K1_SHA256_ASN1_SIGNING,
        }
    }

    fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Self::P256 => &ECDSA_P256_SHA256_ASN1,
            Self::P384 => &ECDSA_P384_SHA384_ASN1,
            Self::P521 => &ECDSA_P521_SHA512_ASN1,
            Self::P256k1 => &ECDSA_P256K1_SHA256_ASN1,
        }
    }

    /// Key agreement is offered on the NIST curves only.
    pub(crate) fn agreement(self) -> Option<&'static agreement::Algorithm> {
        match self {
            Self::P256 => Some(&agreement::ECDH_P256),
            Self::P384 => Some(&agreement::ECDH_P384),
            Self::P521 => Some(&agreement::ECDH_P521),
            Self::P256k1 => None,
        }
    }

    /// True for `id-ecPublicKey` with this named curve, and no other way to say it [RFC5480 §2.1.1].
    fn names(self, algorithm: &AlgorithmIdentifierRef<'_>) -> bool {
        algorithm.oid == EC_PUBLIC_KEY && algorithm.parameters_oid() == Ok(self.oid())
    }
}

/// Scalars of P-256, the curve whose order leaves most candidates out, are refused once in 2^32.
const MOST_DRAWS: usize = 128;

/// A key pair from fresh scalars until one is in range [FIPS186-5 §A.2.2].
pub(super) fn generate(curve: Curve, entropy: &mut dyn Entropy) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let (length_bytes, first_mask) = curve.scalar_shape();
    for _ in 0..MOST_DRAWS {
        let mut scalar = super::random(length_bytes, entropy);
        scalar.iter_mut().take(1).for_each(|byte| *byte &= first_mask);
        if let Some(key) = from_scalar(curve, &scalar) {
            return Ok(key);
        }
    }
    Err(broken("elliptic curve key generation"))
}

/// The canonical key of a big-endian scalar of full length; `None` when it is not in range.
pub(crate) fn from_scalar(curve: Curve, scalar: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    // ECPrivateKey with nothing but version 1 and the scalar [RFC5915 §3]; every length fits one byte.
    let scalar_bytes = u8::try_from(scalar.len()).ok().filter(|n| *n <= 66)?;
    let frame = [0x30, 5 + scalar_bytes, 0x02, 1, 1, 0x04, scalar_bytes];
    let der = Zeroizing::new([frame.as_slice(), scalar].concat());
    canonical(curve, &EcdsaKeyPair::from_private_key_der(curve.signing(), &der).ok()?)
}

/// Rebuilds the pair from scalar and point, so that nothing of the encoding it came in is left, and the point is checked
/// to be the scalar's.
fn canonical(curve: Curve, pair: &EcdsaKeyPair) -> Option<Zeroizing<Vec<u8>>> {
    let scalar: EcPrivateKeyBin<'_> = pair.private_key().as_be_bytes().ok()?;
    let point = pair.public_key().as_ref();
    let rebuilt =
        EcdsaKeyPair::from_private_key_and_public_key(curve.signing(), scalar.as_ref(), point).ok()?;
    Some(Zeroizing::new(rebuilt.to_pkcs8v1().ok()?.as_ref().to_vec()))
}

pub(super) fn from_pkcs8(curve: Curve, pkcs8: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let info = PrivateKeyInfoRef::try_from(pkcs8).ok()?;
    if !curve.names(&info.algorithm) {
        return None;
    }
    canonical(curve, &EcdsaKeyPair::from_pkcs8(curve.signing(), pkcs8).ok()?)
}

fn pair(curve: Curve, canonical: &[u8]) -> Result<EcdsaKeyPair, CryptoError> {
    EcdsaKeyPair::from_pkcs8(curve.signing(), canonical).map_err(|_| broken("stored elliptic curve key"))
}

pub(super) fn public_key(curve: Curve, canonical: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let pair = pair(curve, canonical)?;
    let spki: PublicKeyX509Der<'_> =
        pair.public_key().as_der().map_err(|_| broken("elliptic curve public key"))?;
    Ok(spki.as_ref().to_vec())
}

/// Signs and verifies what it signed before it lets go of it (E4). AWS-LC draws the nonce from its own generator, mixed
/// with the key and the digest, so that a weak draw does not repeat a nonce.
pub(crate) fn sign(curve: Curve, canonical: &[u8], digest: &Digest) -> Result<Vec<u8>, CryptoError> {
    let pair = pair(curve, canonical)?;
    let signature = pair.sign_digest(digest).map_err(|_| broken("ECDSA"))?;
    UnparsedPublicKey::new(curve.verification(), pair.public_key().as_ref())
        .verify_digest(digest, signature.as_ref())
        .map_err(|_| broken("ECDSA"))?;
    Ok(signature.as_ref().to_vec())
}

pub(crate) fn verify(
    curve: Curve,
    public_key: &[u8],
    digest: &Digest,
    signature: &[u8],
) -> Result<(), CryptoError> {
    UnparsedPublicKey::new(curve.verification(), public_key)
        .verify_digest(digest, signature)
        .map_err(|_| CryptoError::InvalidSignature)
}

/// True when `spki` is a well-formed SubjectPublicKeyInfo of this curve with nothing after it; the point is not looked at.
pub(crate) fn is_spki_of(curve: Curve, spki: &[u8]) -> bool {
    SubjectPublicKeyInfoRef::try_from(spki).is_ok_and(|info| curve.names(&info.algorithm))
}
