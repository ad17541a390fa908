//! The whole error map as one table.

use kms_ops::{AliasRule, Denial, Error, ImportFault, PolicySource, Quota, StateName, TagFault};
use kms_types::{
    Epoch, GrantId, KeyArn, KeyOrigin, KeySpec, KeyState, KeyUsage, MaterialId, Operation, RecordVersion,
    Timestamp,
};

use super::*;
use crate::{SignatureError, TargetError};

fn arn() -> KeyArn {
    "arn:aws:kms:us-east-1:000000000000:key/mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0".parse().unwrap()
}

fn material(n: u8) -> MaterialId {
    MaterialId::from_bytes([n; 32])
}

fn denied(reason: Denial, resource: Option<&str>) -> Error {
    Error::AccessDenied {
        caller: "arn:aws:iam::000000000000:root".into(),
        action: "kms:Decrypt",
        resource: resource.map(str::to_owned),
        reason,
    }
}

/// One of every kind, and of every text.
fn operation_errors() -> Vec<Error> {
    let input = || "fake-key-id".to_owned();
    let alias = || "arn:aws:kms:us-east-1:000000000000:alias/a".parse().unwrap();
    let version = RecordVersion { epoch: Epoch { counter: 3, region: "us-east-1".parse().unwrap() }, n: 4 };
    let states =
        KeyState::ALL.iter().map(|state| StateName::Is(*state)).chain([StateName::NotPendingDeletion]);
    let mut errors: Vec<Error> = states.map(|state| Error::InvalidState { arn: arn(), state }).collect();
    errors.extend([
        Error::KeyNotFound { arn: arn() },
        Error::InvalidKeyId { input: input() },
        Error::ForeignRegion { region: "eu-west-1".into() },
        Error::AliasNotFound { arn: alias() },
        Error::PolicyNotFound { name: "other".into() },
        Error::Disabled { arn: arn() },
        Error::InvalidKeyUsage {
            arn: arn(),
            usage: KeyUsage::EncryptDecrypt,
            operation: Operation::GenerateMac,
        },
        Error::IncompatibleAlgorithm { algorithm: "RSAES_OAEP_SHA_1", spec: KeySpec::SymmetricDefault },
        Error::IncorrectKey,
        Error::InvalidCiphertext,
        denied(Denial::Implicit(PolicySource::Resource), Some(&arn().to_string())),
        denied(Denial::Implicit(PolicySource::Identity), None),
        denied(Denial::Implicit(PolicySource::Boundary), Some(&arn().to_string())),
        denied(Denial::Implicit(PolicySource::Session), Some(&arn().to_string())),
        denied(Denial::Explicit(PolicySource::Resource), Some(&arn().to_string())),
        denied(Denial::Explicit(PolicySource::Identity), Some(&arn().to_string())),
        denied(Denial::Explicit(PolicySource::Boundary), None),
        denied(Denial::Explicit(PolicySource::Session), None),
        Error::InvalidSignature,
        Error::InvalidMac,
        Error::UnusablePeerKey,
        Error::NoPublicKey { arn: arn(), spec: KeySpec::Hmac256 },
        denied(Denial::NotVisible, Some(&arn().to_string())),
        Error::UnsupportedOrigin { arn: arn(), origin: KeyOrigin::External },
        Error::NotPrimary { arn: arn() },
        Error::CannotRotate { arn: arn(), spec: KeySpec::Rsa2048 },
        Error::Unsupported("text".into()),
        Error::Validation("NumberOfBytes is required.".into()),
        Error::AliasExists { arn: alias() },
        Error::ReplicaExists { arn: arn(), region: "eu-west-1".parse().unwrap() },
        Error::CustomKeyStoreNotFound { name: "cks-1234567890abcdef0".into() },
        Error::CloudHsmClusterNotFound { cluster: "cluster-1a23b4cdefg".into() },
        Error::LimitExceeded(Quota::Keys { used: 10, limit: 10 }),
        Error::LimitExceeded(Quota::Aliases { used: 50, limit: 50 }),
        Error::LimitExceeded(Quota::Grants { used: 50_000, limit: 50_000 }),
        Error::LimitExceeded(Quota::Policy { length_bytes: 40_000, most_bytes: 32_768 }),
        Error::LimitExceeded(Quota::ExternalKeyStores),
        Error::LimitExceeded(Quota::OnDemandRotations { arn: arn() }),
        Error::Tag(TagFault::Duplicate("a".into())),
        Error::Tag(TagFault::TooMany { count: 51, most: 50 }),
        Error::Tag(TagFault::Reserved("aws:a".into())),
        Error::PolicyLockout,
        Error::InvalidAliasName { name: "a".into(), rule: AliasRule::Prefix },
        Error::InvalidAliasName { name: "alias/a b".into(), rule: AliasRule::Characters },
        Error::InvalidAliasName { name: "alias/aws/a".into(), rule: AliasRule::Reserved },
        Error::InvalidMarker,
        Error::AliasNotSupported { input: "alias/a".into() },
        Error::InvalidArn { input: "arn:aws:s3:::a".into() },
        Error::InvalidGrantToken,
        Error::InvalidGrantId { input: "g".into() },
        Error::GrantNotFound { grant: GrantId::from_bytes([0xab; 32]) },
        Error::InvalidPrincipalArn { arn: "arn:aws:iam::000000000000:user/*".into() },
        Error::KeyUnavailable { arn: arn() },
        Error::InvalidImportToken,
        Error::ExpiredImportToken { expired_at: Timestamp::from_millis(1_770_106_449_000) },
        Error::IncorrectKeyMaterial {
            arn: arn(),
            fault: ImportFault::NotOfSpec { spec: KeySpec::SymmetricDefault },
        },
        Error::IncorrectKeyMaterial { arn: arn(), fault: ImportFault::Unknown },
        Error::IncorrectKeyMaterial { arn: arn(), fault: ImportFault::Known },
        Error::IncorrectKeyMaterial { arn: arn(), fault: ImportFault::OtherThanNamed },
        Error::MaterialPending { arn: arn(), material: material(1), pending: material(2) },
        Error::NoPendingMaterial { arn: arn() },
        Error::MaterialRotating { arn: arn(), material: material(1) },
        Error::MaterialNotFound { arn: arn(), material: material(1) },
        Error::DryRun,
        Error::CredentialGone,
        Error::Conflict { arn: arn() },
        Error::DependencyTimeout { arn: arn(), version: None },
        Error::DependencyTimeout { arn: arn(), version: Some(version) },
        Error::Unavailable("This node takes no part in its Region."),
        Error::Internal("a reason for the log"),
    ]);
    errors
}

fn signature_errors() -> Vec<SignatureError> {
    let header_sha256 = crate::sigv4::sha256_hex(b"Bearer secret");
    let (request, now) =
        (Timestamp::from_millis(1_770_106_449_000), Timestamp::from_millis(1_770_107_449_000));
    vec![
        SignatureError::MissingToken,
        SignatureError::QueryParameter { name: "X-Amz-Date".into() },
        SignatureError::MissingQueryParameter { name: "X-Amz-Signature" },
        SignatureError::ExpiresRange,
        SignatureError::PresignedExpired { request, now },
        SignatureError::ExpiredToken,
        SignatureError::ServiceHeader { name: "x-meridian-source-arn".into() },
        SignatureError::TwoCredentials,
        SignatureError::Algorithm,
        SignatureError::Malformed { header_sha256: header_sha256.clone() },
        SignatureError::Incomplete { missing: vec!["Credential", "Signature"], header_sha256 },
        SignatureError::MissingDate,
        SignatureError::InvalidDate { value: "today".into() },
        SignatureError::CredentialForm,
        SignatureError::Terminator,
        SignatureError::Service,
        SignatureError::Region,
        SignatureError::ScopeDate { scope: "20260202".into(), request: "20260203T081409Z".into() },
        SignatureError::Expired { request, now },
        SignatureError::NotYetCurrent { request: now, now: request },
        SignatureError::UnsignedHeader { name: "host".into() },
        SignatureError::UnsignedHeader { name: "x-amz-target".into() },
        SignatureError::AbsentHeader { name: "x-amz-date".into() },
        SignatureError::DuplicateHeader { name: "host".into() },
        SignatureError::SignedHeaderOrder,
        SignatureError::HostConflict,
        SignatureError::PayloadHash,
        SignatureError::UnknownCredential,
        SignatureError::Mismatch,
    ]
}

fn rows(errors: impl IntoIterator<Item = ApiError>) -> Vec<String> {
    errors.into_iter().map(|e| format!("{} {} {:?}", e.status, e.code, e.message)).collect()
}

#[test]
fn the_map_of_operation_errors() {
    insta::assert_json_snapshot!("operation_errors", rows(operation_errors().iter().map(ApiError::from)));
}

#[test]
fn the_map_of_signature_errors() {
    insta::assert_json_snapshot!("signature_errors", rows(signature_errors().iter().map(ApiError::from)));
}

#[test]
fn the_map_of_transport_and_target_errors() {
    let targets = [TargetError::Unknown, TargetError::NotImplemented(Operation::UpdateCustomKeyStore)];
    let transports = [
        TransportError::NoSuchResource,
        TransportError::TooLarge { most_bytes: 1 << 20 },
        TransportError::TooSlow,
        TransportError::TransferEncoding,
        TransportError::AuditFailed,
        TransportError::Throttled,
    ];
    let all = targets.iter().map(ApiError::from).chain(transports.iter().map(ApiError::from));
    insta::assert_json_snapshot!("transport_errors", rows(all));
}

#[test]
fn a_message_is_left_out_when_there_is_none() {
    assert_eq!(
        ApiError::silent("InvalidCiphertextException").body(),
        br#"{"__type":"InvalidCiphertextException"}"#
    );
    let body = ApiError::client("NotFoundException", "no \"key\"").body();
    assert_eq!(body, br#"{"__type":"NotFoundException","message":"no \"key\""}"#);
}
