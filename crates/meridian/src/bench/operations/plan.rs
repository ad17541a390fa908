//! What is measured: every cryptographic operation, with a key spec of each family.

use kms_types::{DataKeyPairSpec, EncryptionAlgorithm, KeySpec, KeyUsage, MacAlgorithm, SigningAlgorithm};

/// One row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// The spec of the KMS key.
    pub(super) spec: KeySpec,
    /// What is done with it.
    pub(super) work: Work,
}

/// An operation with what it depends on besides the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Encrypt this many bytes with a symmetric key.
    Encrypt(usize),
    /// Decrypt this many bytes with a symmetric key.
    Decrypt(usize),
    ReEncrypt,
    GenerateDataKey,
    GenerateDataKeyWithoutPlaintext,
    GenerateDataKeyPair(DataKeyPairSpec),
    GenerateDataKeyPairWithoutPlaintext(DataKeyPairSpec),
    GenerateRandom,
    EncryptRsa(EncryptionAlgorithm),
    DecryptRsa(EncryptionAlgorithm),
    Sign(SigningAlgorithm),
    Verify(SigningAlgorithm),
    GenerateMac(MacAlgorithm),
    VerifyMac(MacAlgorithm),
    DeriveSharedSecret,
    Encapsulate,
    Decapsulate,
}

/// Every row, in the order of the table.
pub(super) fn all() -> Vec<Plan> {
    let rows = [symmetric(), data_key_pairs(), rsa(), signatures(), macs(), establishment()];
    rows.concat()
}

fn rows(spec: KeySpec, works: impl IntoIterator<Item = Work>) -> Vec<Plan> {
    works.into_iter().map(|work| Plan { spec, work }).collect()
}

fn symmetric() -> Vec<Plan> {
    let works = [
        Work::Encrypt(64),
        Work::Encrypt(4096),
        Work::Decrypt(64),
        Work::Decrypt(4096),
        Work::ReEncrypt,
        Work::GenerateDataKey,
        Work::GenerateDataKeyWithoutPlaintext,
        Work::GenerateRandom,
    ];
    rows(KeySpec::SymmetricDefault, works)
}

fn data_key_pairs() -> Vec<Plan> {
    let pairs = [
        Work::GenerateDataKeyPair(DataKeyPairSpec::EccNistP256),
        Work::GenerateDataKeyPairWithoutPlaintext(DataKeyPairSpec::EccNistP256),
        Work::GenerateDataKeyPair(DataKeyPairSpec::EccNistEdwards25519),
        Work::GenerateDataKeyPair(DataKeyPairSpec::MlKem768),
        Work::GenerateDataKeyPair(DataKeyPairSpec::Rsa2048),
    ];
    rows(KeySpec::SymmetricDefault, pairs)
}

fn rsa() -> Vec<Plan> {
    let algorithm = EncryptionAlgorithm::RsaesOaepSha256;
    let works = [Work::EncryptRsa(algorithm), Work::DecryptRsa(algorithm)];
    [KeySpec::Rsa2048, KeySpec::Rsa3072, KeySpec::Rsa4096].map(|spec| rows(spec, works)).concat()
}

fn signatures() -> Vec<Plan> {
    use SigningAlgorithm as A;
    let signing = [
        (KeySpec::Rsa2048, A::RsassaPkcs1V15Sha256),
        (KeySpec::Rsa2048, A::RsassaPssSha256),
        (KeySpec::Rsa3072, A::RsassaPssSha384),
        (KeySpec::Rsa4096, A::RsassaPssSha512),
        (KeySpec::EccNistP256, A::EcdsaSha256),
        (KeySpec::EccNistP384, A::EcdsaSha384),
        (KeySpec::EccNistP521, A::EcdsaSha512),
        (KeySpec::EccSecgP256k1, A::EcdsaSha256),
        (KeySpec::EccNistEdwards25519, A::Ed25519Sha512),
        (KeySpec::MlDsa44, A::MlDsaShake256),
        (KeySpec::MlDsa65, A::MlDsaShake256),
        (KeySpec::MlDsa87, A::MlDsaShake256),
    ];
    signing.map(|(spec, algorithm)| rows(spec, [Work::Sign(algorithm), Work::Verify(algorithm)])).concat()
}

fn macs() -> Vec<Plan> {
    use MacAlgorithm as A;
    let keys = [
        (KeySpec::Hmac224, A::HmacSha224),
        (KeySpec::Hmac256, A::HmacSha256),
        (KeySpec::Hmac384, A::HmacSha384),
        (KeySpec::Hmac512, A::HmacSha512),
    ];
    keys.map(|(spec, mac)| rows(spec, [Work::GenerateMac(mac), Work::VerifyMac(mac)])).concat()
}

fn establishment() -> Vec<Plan> {
    let curves = [KeySpec::EccNistP256, KeySpec::EccNistP384, KeySpec::EccNistP521];
    let lattices = [KeySpec::MlKem512, KeySpec::MlKem768, KeySpec::MlKem1024];
    let agreement = curves.map(|spec| rows(spec, [Work::DeriveSharedSecret])).concat();
    [agreement, lattices.map(|spec| rows(spec, [Work::Encapsulate, Work::Decapsulate])).concat()].concat()
}

impl Plan {
    /// The operation of the API.
    pub(super) fn operation(&self) -> &'static str {
        match self.work {
            Work::Encrypt(_) | Work::EncryptRsa(_) => "Encrypt",
            Work::Decrypt(_) | Work::DecryptRsa(_) => "Decrypt",
            Work::ReEncrypt => "ReEncrypt",
            Work::GenerateDataKey => "GenerateDataKey",
            Work::GenerateDataKeyWithoutPlaintext => "GenerateDataKeyWithoutPlaintext",
            Work::GenerateDataKeyPair(_) => "GenerateDataKeyPair",
            Work::GenerateDataKeyPairWithoutPlaintext(_) => "GenerateDataKeyPairWithoutPlaintext",
            Work::GenerateRandom => "GenerateRandom",
            Work::Sign(_) => "Sign",
            Work::Verify(_) => "Verify",
            Work::GenerateMac(_) => "GenerateMac",
            Work::VerifyMac(_) => "VerifyMac",
            Work::DeriveSharedSecret => "DeriveSharedSecret",
            Work::Encapsulate => "Encapsulate",
            Work::Decapsulate => "Decapsulate",
        }
    }

    /// What the row is about besides the operation: key spec, then algorithm or size.
    pub(super) fn subject(&self) -> String {
        let spec = self.spec.as_str();
        match self.work {
            Work::Encrypt(bytes) | Work::Decrypt(bytes) => format!("{spec} {bytes} bytes"),
            Work::ReEncrypt => format!("{spec} 64 bytes"),
            Work::GenerateDataKey | Work::GenerateDataKeyWithoutPlaintext => format!("{spec} AES_256"),
            Work::GenerateDataKeyPair(pair) | Work::GenerateDataKeyPairWithoutPlaintext(pair) => {
                pair.to_string()
            }
            Work::GenerateRandom => "32 bytes".to_owned(),
            Work::EncryptRsa(algorithm) | Work::DecryptRsa(algorithm) => format!("{spec} {algorithm}"),
            Work::Sign(algorithm) | Work::Verify(algorithm) => format!("{spec} {algorithm}"),
            Work::GenerateMac(_) | Work::VerifyMac(_) => spec.to_owned(),
            Work::DeriveSharedSecret | Work::Encapsulate | Work::Decapsulate => spec.to_owned(),
        }
    }

    /// Operation and subject.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.operation(), self.subject())
    }

    /// Whether the KMS key's material is needed, not its public half or nothing of it.
    pub(super) fn uses_secret(&self) -> bool {
        !matches!(self.work, Work::GenerateRandom | Work::EncryptRsa(_) | Work::Verify(_) | Work::Encapsulate)
    }

    /// What the KMS key is made for.
    pub(super) fn usage(&self) -> KeyUsage {
        match self.work {
            Work::Sign(_) | Work::Verify(_) => KeyUsage::SignVerify,
            Work::GenerateMac(_) | Work::VerifyMac(_) => KeyUsage::GenerateVerifyMac,
            Work::DeriveSharedSecret => KeyUsage::KeyAgreement,
            Work::Encapsulate | Work::Decapsulate => KeyUsage::EncapsulateDecapsulate,
            _ => KeyUsage::EncryptDecrypt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kms_types::Operation;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_distinct_and_operations_are_of_the_api() {
        let names: BTreeSet<String> = all().iter().map(Plan::name).collect();
        assert_eq!(names.len(), all().len());
        let known: BTreeSet<String> = Operation::ALL.iter().map(ToString::to_string).collect();
        assert!(all().iter().all(|plan| known.contains(plan.operation())));
    }

    #[test]
    fn every_key_spec_and_every_cryptographic_operation_is_measured() {
        let specs: Vec<KeySpec> = all().iter().map(|plan| plan.spec).collect();
        assert!(KeySpec::ALL.iter().filter(|spec| !spec.is_china_only()).all(|spec| specs.contains(spec)));
        let measured: BTreeSet<&str> = all().iter().map(Plan::operation).collect();
        assert_eq!(measured.len(), 15);
    }
}
