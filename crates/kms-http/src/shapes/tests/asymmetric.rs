//! The operations on asymmetric and HMAC keys, and those that make key pairs.

use kms_ops::{
    Algorithms, Secret, decapsulate, derive_shared_secret, encapsulate, generate_data_key_pair,
    generate_data_key_pair_without_plaintext, generate_mac, get_public_key, sign, verify, verify_mac,
};
use kms_types::{
    DataKeyPairSpec, EncapsulationAlgorithm, EncryptionContext, KeyAgreementAlgorithm, KeyOrigin, KeySpec,
    KeyUsage, MacAlgorithm, MessageType, Operation, SigningAlgorithm,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

use super::{arn, full_body, material, parsed};
use crate::shapes::{Request, Response, response_json};

/// A body with every member, for an operation that this file is about.
pub(super) fn body(operation: Operation) -> Option<Value> {
    let recipient = json!({"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": "YQ=="});
    let context = json!({"a": "b"});
    Some(match operation {
        Operation::Sign => json!({
            "KeyId": "k", "Message": "YQ==", "MessageType": "DIGEST", "GrantTokens": ["t"],
            "SigningAlgorithm": "ECDSA_SHA_256", "DryRun": true,
        }),
        Operation::Verify => json!({
            "KeyId": "k", "Message": "YQ==", "MessageType": "EXTERNAL_MU", "Signature": "Yg==",
            "SigningAlgorithm": "ML_DSA_SHAKE_256", "GrantTokens": ["t"], "DryRun": true,
        }),
        Operation::GenerateMac => json!({
            "Message": "YQ==", "KeyId": "k", "MacAlgorithm": "HMAC_SHA_224", "GrantTokens": ["t"], "DryRun": true,
        }),
        Operation::VerifyMac => json!({
            "Message": "YQ==", "KeyId": "k", "MacAlgorithm": "HMAC_SHA_512", "Mac": "Yg==", "GrantTokens": ["t"],
            "DryRun": true,
        }),
        Operation::DeriveSharedSecret => json!({
            "KeyId": "k", "KeyAgreementAlgorithm": "ECDH", "PublicKey": "YQ==", "GrantTokens": ["t"], "DryRun": true,
            "Recipient": recipient,
        }),
        Operation::Encapsulate => json!({
            "KeyId": "k", "EncapsulationAlgorithm": "ML_KEM", "GrantTokens": ["t"], "DryRun": true,
        }),
        Operation::Decapsulate => json!({
            "KeyId": "k", "SharedSecretCiphertextBlob": "YQ==", "EncapsulationAlgorithm": "ML_KEM",
            "GrantTokens": ["t"], "DryRun": true,
        }),
        Operation::GetPublicKey => json!({"KeyId": "k", "GrantTokens": ["t"]}),
        Operation::GenerateDataKeyPair => json!({
            "EncryptionContext": context, "KeyId": "k", "KeyPairSpec": "RSA_2048", "GrantTokens": ["t"],
            "Recipient": recipient, "DryRun": true,
        }),
        Operation::GenerateDataKeyPairWithoutPlaintext => json!({
            "EncryptionContext": context, "KeyId": "k", "KeyPairSpec": "ML_KEM_768", "GrantTokens": ["t"],
            "DryRun": true,
        }),
        _ => return None,
    })
}

#[test]
fn members_land_in_their_fields() {
    let (key_id, grant_tokens) = ("k".to_owned(), vec!["t".to_owned()]);
    let message = Zeroizing::new(b"a".to_vec());
    let encryption_context = EncryptionContext::new(BTreeMap::from([("a".into(), "b".into())]));
    let expected: Vec<Request> = vec![
        sign::Request {
            key_id: key_id.clone(),
            message: message.clone(),
            message_type: Some(MessageType::Digest),
            grant_tokens: grant_tokens.clone(),
            signing_algorithm: SigningAlgorithm::EcdsaSha256,
            dry_run: true,
        }
        .into(),
        verify::Request {
            key_id: key_id.clone(),
            message: message.clone(),
            message_type: Some(MessageType::ExternalMu),
            signature: b"b".to_vec(),
            signing_algorithm: SigningAlgorithm::MlDsaShake256,
            grant_tokens: grant_tokens.clone(),
            dry_run: true,
        }
        .into(),
        verify_mac::Request {
            message,
            key_id: key_id.clone(),
            mac_algorithm: MacAlgorithm::HmacSha512,
            mac: b"b".to_vec(),
            grant_tokens: grant_tokens.clone(),
            dry_run: true,
        }
        .into(),
        decapsulate::Request {
            key_id: key_id.clone(),
            shared_secret_ciphertext_blob: b"a".to_vec(),
            encapsulation_algorithm: EncapsulationAlgorithm::MlKem,
            grant_tokens: grant_tokens.clone(),
            dry_run: true,
        }
        .into(),
        generate_data_key_pair_without_plaintext::Request {
            encryption_context,
            key_id,
            key_pair_spec: DataKeyPairSpec::MlKem768,
            grant_tokens,
            dry_run: true,
        }
        .into(),
    ];
    for wanted in expected {
        let operation = wanted.operation();
        assert!(parsed(operation, full_body(operation)).request.unwrap() == wanted, "{operation}");
    }
}

fn responses() -> Vec<(&'static str, Response)> {
    let shared = || Zeroizing::new(vec![1, 2, 3]);
    let secret = || Secret::Plaintext(shared());
    let signing_algorithm = SigningAlgorithm::RsassaPssSha256;
    let algorithms = Algorithms { spec: KeySpec::EccNistP256, usage: KeyUsage::KeyAgreement };
    vec![
        ("sign", sign::Response { key_id: arn(), signature: vec![0xff], signing_algorithm }.into()),
        ("verify", verify::Response { key_id: arn(), signing_algorithm }.into()),
        (
            "generate_mac",
            generate_mac::Response { mac: vec![1], mac_algorithm: MacAlgorithm::HmacSha256, key_id: arn() }
                .into(),
        ),
        (
            "verify_mac",
            verify_mac::Response { key_id: arn(), mac_algorithm: MacAlgorithm::HmacSha256 }.into(),
        ),
        (
            "derive_shared_secret",
            derive_shared_secret::Response {
                key_id: arn(),
                shared_secret: secret(),
                key_agreement_algorithm: KeyAgreementAlgorithm::Ecdh,
                key_origin: KeyOrigin::External,
            }
            .into(),
        ),
        (
            "encapsulate",
            encapsulate::Response {
                key_id: arn(),
                shared_secret: shared(),
                shared_secret_ciphertext_blob: vec![4],
                encapsulation_algorithm: EncapsulationAlgorithm::MlKem,
            }
            .into(),
        ),
        (
            "decapsulate",
            decapsulate::Response {
                key_id: arn(),
                shared_secret: shared(),
                encapsulation_algorithm: EncapsulationAlgorithm::MlKem,
            }
            .into(),
        ),
        (
            "get_public_key",
            get_public_key::Response {
                key_id: arn(),
                public_key: vec![5],
                key_spec: KeySpec::EccNistP256,
                key_usage: KeyUsage::KeyAgreement,
                algorithms,
            }
            .into(),
        ),
        (
            "generate_data_key_pair",
            generate_data_key_pair::Response {
                private_key_ciphertext_blob: vec![6],
                private_key_plaintext: secret(),
                public_key: vec![7],
                key_id: arn(),
                key_pair_spec: DataKeyPairSpec::Rsa2048,
                key_material_id: material(),
            }
            .into(),
        ),
        (
            "generate_data_key_pair_without_plaintext",
            generate_data_key_pair_without_plaintext::Response {
                private_key_ciphertext_blob: vec![6],
                public_key: vec![7],
                key_id: arn(),
                key_pair_spec: DataKeyPairSpec::Rsa2048,
                key_material_id: material(),
            }
            .into(),
        ),
    ]
}

#[test]
fn answers_have_the_members_that_the_model_names() {
    let table: BTreeMap<_, _> = responses().into_iter().map(|(name, r)| (name, response_json(&r))).collect();
    insta::assert_json_snapshot!("asymmetric_responses", table);
}

/// Section 2.2: the message type that Sign and Verify take when none is given is in the record.
#[test]
fn the_default_message_type_is_recorded() {
    for operation in [Operation::Sign, Operation::Verify] {
        let audit = parsed(operation, json!({"KeyId": "k"})).audit_parameters;
        assert_eq!(audit["messageType"], "RAW");
    }
}
