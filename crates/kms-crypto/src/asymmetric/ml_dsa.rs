//! ML-DSA [FIPS204] from seeds: AWS-LC signs and verifies messages; the `ml-dsa` crate does so for an external mu, which
//! AWS-LC's interface for Rust cannot take.

use aws_lc_rs::{
    encoding::{AsDer, AsRawBytes, PqdsaPrivateKeyRaw, PublicKeyX509Der},
    signature::{
        KeyPair, ML_DSA_44, ML_DSA_44_SIGNING, ML_DSA_65, ML_DSA_65_SIGNING, ML_DSA_87, ML_DSA_87_SIGNING,
        PqdsaKeyPair, PqdsaSigningAlgorithm, PqdsaVerificationAlgorithm, UnparsedPublicKey,
    },
};
use kms_types::{Entropy, KeySpec};
use ml_dsa::{ExpandedSigningKey, MlDsa44, MlDsa65, MlDsa87, MlDsaParams, Seed, Signature, VerifyingKey};
use pkcs8::{ObjectIdentifier, spki::SubjectPublicKeyInfoRef};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{broken, lattice_pkcs8};
use crate::{CryptoError, entropy_rng::EntropyRng};

pub(crate) const SEED_BYTES: usize = 32;
/// The message representative mu [FIPS204 §6.2].
const MU_BYTES: usize = 64;

/// Runs an expression with `P` standing for the parameter set of a spec; other specs give `$otherwise`.
macro_rules! with_parameter_set {
    ($spec:expr, $P:ident => $body:expr, otherwise $otherwise:expr) => {
        match $spec {
            KeySpec::MlDsa44 => {
                type $P = MlDsa44;
                $body
            }
            KeySpec::MlDsa65 => {
                type $P = MlDsa65;
                $body
            }
            KeySpec::MlDsa87 => {
                type $P = MlDsa87;
                $body
            }
            _ => $otherwise,
        }
    };
}

fn algorithms(
    spec: KeySpec,
) -> Result<(&'static PqdsaSigningAlgorithm, &'static PqdsaVerificationAlgorithm), CryptoError> {
    match spec {
        KeySpec::MlDsa44 => Ok((&ML_DSA_44_SIGNING, &ML_DSA_44)),
        KeySpec::MlDsa65 => Ok((&ML_DSA_65_SIGNING, &ML_DSA_65)),
        KeySpec::MlDsa87 => Ok((&ML_DSA_87_SIGNING, &ML_DSA_87)),
        spec => Err(CryptoError::UnsupportedSpec { spec }),
    }
}

fn pair(spec: KeySpec, seed: &[u8]) -> Result<PqdsaKeyPair, CryptoError> {
    PqdsaKeyPair::from_seed(algorithms(spec)?.0, seed).map_err(|_| broken("stored ML-DSA seed"))
}

pub(super) fn public_key(spec: KeySpec, seed: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let pair = pair(spec, seed)?;
    let spki: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| broken("ML-DSA public key"))?;
    Ok(spki.as_ref().to_vec())
}

pub(super) fn to_pkcs8(spec: KeySpec, seed: &[u8]) -> Result<Zeroizing<Vec<u8>>, CryptoError> {
    let der = pair(spec, seed)?.to_pkcs8v1().map_err(|_| broken("ML-DSA private key"))?;
    Ok(Zeroizing::new(der.as_ref().to_vec()))
}

pub(super) fn from_pkcs8(spec: KeySpec, pkcs8: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key = lattice_pkcs8::parse(pkcs8, oid(spec)?)?;
    let own = self::expanded(spec, key.seed)?;
    let right = key.expanded.is_none_or(|expanded| expanded.ct_eq(&own).into());
    right.then(|| Zeroizing::new(key.seed.to_vec()))
}

/// What a seed expands to; `None` for a seed of another length.
pub(super) fn expanded(spec: KeySpec, seed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let raw: PqdsaPrivateKeyRaw<'_> = pair(spec, seed).ok()?.private_key().as_raw_bytes().ok()?;
    Some(Zeroizing::new(raw.as_ref().to_vec()))
}

fn oid(spec: KeySpec) -> Option<ObjectIdentifier> {
    match spec {
        KeySpec::MlDsa44 => Some(ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.17")),
        KeySpec::MlDsa65 => Some(ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.18")),
        KeySpec::MlDsa87 => Some(ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.3.19")),
        _ => None,
    }
}

/// Hedged ML-DSA with an empty context [FIPS204 §5.2], verified before it is released (E4).
pub(crate) fn sign(spec: KeySpec, seed: &[u8], message: &[u8]) -> Result<Vec<u8>, CryptoError> {
    let (signing, verification) = algorithms(spec)?;
    let pair = pair(spec, seed)?;
    let mut signature = vec![0; signing.signature_len()];
    pair.sign(message, &mut signature).map_err(|_| broken("ML-DSA"))?;
    UnparsedPublicKey::new(verification, pair.public_key().as_ref())
        .verify(message, &signature)
        .map_err(|_| broken("ML-DSA"))?;
    Ok(signature)
}

pub(crate) fn verify(
    spec: KeySpec,
    public_key: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    UnparsedPublicKey::new(algorithms(spec)?.1, public_key)
        .verify(message, signature)
        .map_err(|_| CryptoError::InvalidSignature)
}

/// Signs the message representative that the caller computed; the signature is the same kind as [`sign`]'s.
pub(crate) fn sign_mu(
    spec: KeySpec,
    seed: &[u8],
    mu: &[u8],
    entropy: &mut dyn Entropy,
) -> Result<Vec<u8>, CryptoError> {
    let made = with_parameter_set!(spec, P => signed_mu::<P>(seed, mu, entropy), otherwise None);
    made.ok_or(broken("ML-DSA with an external mu"))
}

fn signed_mu<P: MlDsaParams>(seed: &[u8], mu: &[u8], entropy: &mut dyn Entropy) -> Option<Vec<u8>> {
    let seed = Zeroizing::new(Seed::try_from(seed).ok()?);
    let mu = <[u8; MU_BYTES]>::try_from(mu).ok()?.into();
    let key = ExpandedSigningKey::<P>::from_seed(&seed);
    let signature = key.sign_mu_randomized(&mu, &mut EntropyRng(entropy)).ok()?;
    key.verifying_key().verify_mu(&mu, &signature).then(|| signature.encode().to_vec())
}

pub(crate) fn verify_mu(
    spec: KeySpec,
    public_key: &[u8],
    mu: &[u8],
    signature: &[u8],
) -> Result<(), CryptoError> {
    let verified =
        with_parameter_set!(spec, P => verified_mu::<P>(public_key, mu, signature), otherwise None);
    verified.ok_or(CryptoError::InvalidSignature)
}

fn verified_mu<P>(public_key: &[u8], mu: &[u8], signature: &[u8]) -> Option<()>
where
    P: MlDsaParams,
    VerifyingKey<P>: for<'a> TryFrom<SubjectPublicKeyInfoRef<'a>>,
{
    let key = VerifyingKey::<P>::try_from(SubjectPublicKeyInfoRef::try_from(public_key).ok()?).ok()?;
    let mu = <[u8; MU_BYTES]>::try_from(mu).ok()?.into();
    key.verify_mu(&mu, &Signature::<P>::try_from(signature).ok()?).then_some(())
}
