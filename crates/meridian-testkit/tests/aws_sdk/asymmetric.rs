//! Signatures, MACs, RSA encryption, key agreement and encapsulation, for a spec of every family.

use aws_sdk_kms::{
    Client,
    primitives::Blob,
    types::{
        EncryptionAlgorithmSpec, KeyAgreementAlgorithmSpec, KeySpec, KeyUsageType, MacAlgorithmSpec,
        MessageType, SigningAlgorithmSpec,
    },
};

use crate::fixture::{home, key};

async fn signs(spec: KeySpec, algorithm: SigningAlgorithmSpec) {
    let client = home().await;
    let key = key(&client, spec, KeyUsageType::SignVerify).await;
    let message = Blob::new("to whom it may concern");
    let signed = client.sign().key_id(&key).message(message.clone()).message_type(MessageType::Raw);
    let signed = signed.signing_algorithm(algorithm.clone()).send().await.unwrap();
    assert_eq!(signed.signing_algorithm, Some(algorithm.clone()));
    let signature = signed.signature.unwrap();
    let verify = |message: Blob| {
        let call = client.verify().key_id(&key).message(message).message_type(MessageType::Raw);
        call.signature(signature.clone()).signing_algorithm(algorithm.clone()).send()
    };
    assert!(verify(message).await.unwrap().signature_valid);
    let error = verify(Blob::new("to somebody else")).await.unwrap_err().into_service_error();
    assert!(error.is_kms_invalid_signature_exception(), "{error:?}");
}

#[tokio::test]
async fn rsa_signs_with_pss() {
    signs(KeySpec::Rsa2048, SigningAlgorithmSpec::RsassaPssSha256).await;
}

#[tokio::test]
async fn rsa_signs_with_pkcs1() {
    signs(KeySpec::Rsa2048, SigningAlgorithmSpec::RsassaPkcs1V15Sha512).await;
}

#[tokio::test]
async fn elliptic_curves_sign() {
    signs(KeySpec::EccNistP256, SigningAlgorithmSpec::EcdsaSha256).await;
    signs(KeySpec::EccNistP384, SigningAlgorithmSpec::EcdsaSha384).await;
    signs(KeySpec::EccNistP521, SigningAlgorithmSpec::EcdsaSha512).await;
    signs(KeySpec::EccSecgP256K1, SigningAlgorithmSpec::EcdsaSha256).await;
}

#[tokio::test]
async fn edwards_25519_signs() {
    signs(KeySpec::EccNistEdwards25519, SigningAlgorithmSpec::Ed25519Sha512).await;
}

#[tokio::test]
async fn ml_dsa_signs() {
    for spec in [KeySpec::MlDsa44, KeySpec::MlDsa65, KeySpec::MlDsa87] {
        signs(spec, SigningAlgorithmSpec::MlDsaShake256).await;
    }
}

#[tokio::test]
async fn macs_verify_and_others_are_refused() {
    let client = home().await;
    for (spec, algorithm) in [
        (KeySpec::Hmac224, MacAlgorithmSpec::HmacSha224),
        (KeySpec::Hmac256, MacAlgorithmSpec::HmacSha256),
        (KeySpec::Hmac384, MacAlgorithmSpec::HmacSha384),
        (KeySpec::Hmac512, MacAlgorithmSpec::HmacSha512),
    ] {
        let key = key(&client, spec, KeyUsageType::GenerateVerifyMac).await;
        let made =
            client.generate_mac().key_id(&key).message(Blob::new("m")).mac_algorithm(algorithm.clone());
        let mac = made.send().await.unwrap().mac.unwrap();
        let verify = |message: &str| {
            let call = client.verify_mac().key_id(&key).message(Blob::new(message)).mac(mac.clone());
            call.mac_algorithm(algorithm.clone()).send()
        };
        assert!(verify("m").await.unwrap().mac_valid);
        let error = verify("n").await.unwrap_err().into_service_error();
        assert!(error.is_kms_invalid_mac_exception(), "{error:?}");
    }
}

#[tokio::test]
async fn rsa_encrypts_and_decrypts() {
    let client = home().await;
    let key = key(&client, KeySpec::Rsa2048, KeyUsageType::EncryptDecrypt).await;
    for algorithm in [EncryptionAlgorithmSpec::RsaesOaepSha1, EncryptionAlgorithmSpec::RsaesOaepSha256] {
        let sealed = client.encrypt().key_id(&key).plaintext(Blob::new("short"));
        let sealed = sealed.encryption_algorithm(algorithm.clone()).send().await.unwrap();
        let opened = client.decrypt().key_id(&key).encryption_algorithm(algorithm);
        let opened = opened.ciphertext_blob(sealed.ciphertext_blob.unwrap()).send().await.unwrap();
        assert_eq!(opened.plaintext.unwrap().as_ref(), b"short");
    }
}

async fn public_key(client: &Client, key: &str) -> Blob {
    client.get_public_key().key_id(key).send().await.unwrap().public_key.unwrap()
}

#[tokio::test]
async fn two_keys_agree_on_a_secret() {
    let client = home().await;
    let make = || key(&client, KeySpec::EccNistP384, KeyUsageType::KeyAgreement);
    let (ours, theirs) = (make().await, make().await);
    let mut secrets = Vec::new();
    for (private, public) in [(&ours, &theirs), (&theirs, &ours)] {
        let derived = client.derive_shared_secret().key_id(private);
        let derived = derived.key_agreement_algorithm(KeyAgreementAlgorithmSpec::Ecdh);
        let derived = derived.public_key(public_key(&client, public).await).send().await.unwrap();
        secrets.push(derived.shared_secret.unwrap().into_inner());
    }
    assert_eq!(secrets[0].len(), 48);
    assert_eq!(secrets[0], secrets[1]);
}
