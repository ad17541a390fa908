//! Request classes: which calls share a quota (section 8.5 of the service's documentation, [KMS:requests-per-second]).

use kms_ops::iam::Action;
use kms_state::State;
use kms_types::{AccountId, KeyRef, KeySpec, Operation};
use serde_json::{Map, Value};

/// Calls that share one quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Class {
    /// Cryptography with symmetric and HMAC keys, and GenerateRandom.
    Symmetric,
    /// Cryptography with RSA keys.
    Rsa,
    /// Cryptography with elliptic curve keys.
    Ecc,
    /// Signatures with ML-DSA keys.
    MlDsa,
    /// Key encapsulation.
    MlKem,
    /// Data key pairs of one spec.
    Pair(Pair),
    /// Reads of IAM.
    IamRead,
    /// Changes of IAM.
    IamChange,
    /// All of STS.
    Sts,
    /// An operation with a quota of its own.
    Operation(Operation),
}

/// Specs of data key pairs, by how costly they are to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Pair {
    P256,
    P384,
    P521,
    P256K1,
    Rsa2048,
    Rsa3072,
    Rsa4096,
    /// Ed25519 and ML-KEM: AWS's figures are not public, they cost about as much as P-256.
    Other,
}

/// Name, class and AWS's default per second.
const GROUPS: [(&str, Class, f64); 16] = [
    ("symmetric_cryptography", Class::Symmetric, 10_000.0),
    ("rsa_cryptography", Class::Rsa, 1_000.0),
    ("ecc_cryptography", Class::Ecc, 1_000.0),
    ("ml_dsa_cryptography", Class::MlDsa, 1_000.0),
    ("ml_kem_cryptography", Class::MlKem, 1_000.0),
    ("data_key_pair_ecc_nist_p256", Class::Pair(Pair::P256), 25.0),
    ("data_key_pair_ecc_nist_p384", Class::Pair(Pair::P384), 10.0),
    ("data_key_pair_ecc_nist_p521", Class::Pair(Pair::P521), 5.0),
    ("data_key_pair_ecc_secg_p256k1", Class::Pair(Pair::P256K1), 25.0),
    ("data_key_pair_rsa_2048", Class::Pair(Pair::Rsa2048), 1.0),
    ("data_key_pair_rsa_3072", Class::Pair(Pair::Rsa3072), 0.5),
    ("data_key_pair_rsa_4096", Class::Pair(Pair::Rsa4096), 0.1),
    ("data_key_pair_other", Class::Pair(Pair::Other), 25.0),
    // AWS's figures for IAM are not public; STS allows 600 a second [IAM:limits].
    ("iam_read", Class::IamRead, 50.0),
    ("iam_change", Class::IamChange, 20.0),
    ("sts", Class::Sts, 600.0),
];

impl Class {
    /// The class of a call of IAM or STS.
    pub(crate) fn of_query(action: Action) -> Self {
        match action {
            action if action.is_of_sts() => Self::Sts,
            action if action.is_read() => Self::IamRead,
            _ => Self::IamChange,
        }
    }

    /// The class of a call.
    pub(crate) fn of(
        state: &State,
        account: AccountId,
        operation: Operation,
        object: &Map<String, Value>,
    ) -> Self {
        use Operation as O;
        match operation {
            O::Encrypt | O::Decrypt | O::Sign | O::Verify => Self::by_key(state, account, object),
            O::ReEncrypt
            | O::GenerateDataKey
            | O::GenerateDataKeyWithoutPlaintext
            | O::GenerateMac
            | O::VerifyMac
            | O::GenerateRandom => Self::Symmetric,
            O::DeriveSharedSecret => Self::Ecc,
            O::Encapsulate | O::Decapsulate => Self::MlKem,
            O::GenerateDataKeyPair | O::GenerateDataKeyPairWithoutPlaintext => Self::Pair(pair(object)),
            other => Self::Operation(other),
        }
    }

    /// A call without a key id that can be found here is charged to the largest class.
    fn by_key(state: &State, account: AccountId, object: &Map<String, Value>) -> Self {
        match spec(state, account, object) {
            Some(KeySpec::Rsa2048 | KeySpec::Rsa3072 | KeySpec::Rsa4096) => Self::Rsa,
            Some(
                KeySpec::EccNistP256
                | KeySpec::EccNistP384
                | KeySpec::EccNistP521
                | KeySpec::EccSecgP256k1
                | KeySpec::EccNistEdwards25519
                | KeySpec::Sm2,
            ) => Self::Ecc,
            Some(KeySpec::MlDsa44 | KeySpec::MlDsa65 | KeySpec::MlDsa87) => Self::MlDsa,
            Some(KeySpec::MlKem512 | KeySpec::MlKem768 | KeySpec::MlKem1024) => Self::MlKem,
            Some(
                KeySpec::SymmetricDefault
                | KeySpec::Hmac224
                | KeySpec::Hmac256
                | KeySpec::Hmac384
                | KeySpec::Hmac512,
            )
            | None => Self::Symmetric,
        }
    }

    /// The name in the configuration: that of a group, or the operation's own.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Operation(operation) => operation.name(),
            group => GROUPS.iter().find(|(_, class, _)| *class == group).map_or("", |(name, _, _)| name),
        }
    }

    /// True for the name of a class.
    pub(super) fn exists(name: &str) -> bool {
        GROUPS.iter().any(|(group, _, _)| *group == name)
            || name.parse().is_ok_and(|operation| !is_grouped(operation))
    }

    /// Calls per second and account; AWS's default where it is public.
    pub(crate) fn aws_default(self) -> f64 {
        use Operation as O;
        match self {
            Self::Operation(O::DescribeKey | O::GetPublicKey | O::ListResourceTags) => 2_000.0,
            Self::Operation(O::GetKeyPolicy | O::GetKeyRotationStatus) => 1_000.0,
            Self::Operation(O::ListAliases | O::ListKeys) => 500.0,
            Self::Operation(O::ListGrants | O::ListKeyPolicies | O::ListRetirableGrants) => 100.0,
            Self::Operation(O::CreateGrant) => 50.0,
            Self::Operation(O::RetireGrant | O::RevokeGrant) => 30.0,
            Self::Operation(
                O::PutKeyPolicy | O::EnableKeyRotation | O::DeleteAlias | O::ScheduleKeyDeletion,
            ) => 15.0,
            Self::Operation(O::TagResource) => 10.0,
            Self::Operation(O::GetParametersForImport) => 0.25,
            Self::Operation(_) => 5.0,
            group => GROUPS.iter().find(|(_, class, _)| *class == group).map_or(5.0, |(_, _, rate)| *rate),
        }
    }
}

/// The operations whose calls count for a group.
fn is_grouped(operation: Operation) -> bool {
    use Operation as O;
    matches!(
        operation,
        O::Encrypt
            | O::Decrypt
            | O::ReEncrypt
            | O::Sign
            | O::Verify
            | O::GenerateDataKey
            | O::GenerateDataKeyWithoutPlaintext
            | O::GenerateDataKeyPair
            | O::GenerateDataKeyPairWithoutPlaintext
            | O::GenerateMac
            | O::VerifyMac
            | O::GenerateRandom
            | O::DeriveSharedSecret
            | O::Encapsulate
            | O::Decapsulate
    )
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    object.get(name).and_then(Value::as_str)
}

/// The spec of the key that the request names.
fn spec(state: &State, account: AccountId, object: &Map<String, Value>) -> Option<KeySpec> {
    let key = match text(object, "KeyId")?.parse().ok()? {
        KeyRef::Id(id) => id,
        KeyRef::Arn(arn) => arn.key,
        KeyRef::Alias(name) => state.alias(account, &name)?.target,
        KeyRef::AliasArn(arn) => state.alias(arn.account, &arn.alias)?.target,
    };
    state.key(&key).map(|key| key.spec)
}

fn pair(object: &Map<String, Value>) -> Pair {
    match text(object, "KeyPairSpec").unwrap_or_default() {
        "ECC_NIST_P256" => Pair::P256,
        "ECC_NIST_P384" => Pair::P384,
        "ECC_NIST_P521" => Pair::P521,
        "ECC_SECG_P256K1" => Pair::P256K1,
        "RSA_2048" => Pair::Rsa2048,
        "RSA_3072" => Pair::Rsa3072,
        "RSA_4096" => Pair::Rsa4096,
        _ => Pair::Other,
    }
}
