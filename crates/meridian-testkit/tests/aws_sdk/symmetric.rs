//! Encrypt, Decrypt, ReEncrypt, data keys and random bytes.

use aws_sdk_kms::{
    primitives::Blob,
    types::{DataKeyPairSpec, DataKeySpec},
};

use crate::fixture::{home, open, seal, symmetric_key};

#[tokio::test]
async fn the_context_binds_a_ciphertext() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    let sealed = client.encrypt().key_id(&key).plaintext(Blob::new("salary"));
    let sealed = sealed.encryption_context("table", "people").encryption_context("row", "7").send().await;
    let sealed = sealed.unwrap().ciphertext_blob.unwrap();
    let opened = client.decrypt().ciphertext_blob(sealed.clone());
    let opened = opened.encryption_context("row", "7").encryption_context("table", "people").send().await;
    assert_eq!(opened.unwrap().plaintext.unwrap().as_ref(), b"salary");
    let other = client.decrypt().ciphertext_blob(sealed).encryption_context("row", "8").send().await;
    assert!(other.unwrap_err().into_service_error().is_invalid_ciphertext_exception());
}

#[tokio::test]
async fn a_ciphertext_moves_to_another_key_without_its_plaintext() {
    let client = home().await;
    let (from, to) = (symmetric_key(&client).await, symmetric_key(&client).await);
    let sealed = seal(&client, &from, "moving").await;
    let moved = client.re_encrypt().ciphertext_blob(sealed).destination_key_id(&to).send().await.unwrap();
    assert!(moved.source_key_id.unwrap().ends_with(&from) && moved.key_id.unwrap().ends_with(&to));
    assert_eq!(open(&client, &moved.ciphertext_blob.unwrap()).await, b"moving");
}

#[tokio::test]
async fn a_data_key_comes_plain_and_sealed_and_both_are_the_same() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    let made = client.generate_data_key().key_id(&key).key_spec(DataKeySpec::Aes256).send().await.unwrap();
    let plain = made.plaintext.unwrap().into_inner();
    assert_eq!(plain.len(), 32);
    assert_eq!(open(&client, &made.ciphertext_blob.unwrap()).await, plain);

    let made = client.generate_data_key_without_plaintext().key_id(&key).number_of_bytes(24).send().await;
    assert_eq!(open(&client, &made.unwrap().ciphertext_blob.unwrap()).await.len(), 24);
}

#[tokio::test]
async fn a_data_key_pair_comes_with_its_private_key_sealed() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    let pair = client.generate_data_key_pair().key_id(&key).key_pair_spec(DataKeyPairSpec::EccNistP256);
    let pair = pair.send().await.unwrap();
    let private = pair.private_key_plaintext.unwrap().into_inner();
    assert_eq!(open(&client, &pair.private_key_ciphertext_blob.unwrap()).await, private);
    assert!(!pair.public_key.unwrap().as_ref().is_empty());

    let spec = DataKeyPairSpec::EccNistEdwards25519;
    let sealed = client.generate_data_key_pair_without_plaintext().key_id(&key).key_pair_spec(spec);
    assert!(sealed.send().await.unwrap().private_key_ciphertext_blob.is_some());
}

#[tokio::test]
async fn random_bytes_have_the_asked_length_and_differ() {
    let client = home().await;
    let random = || async {
        let answer = client.generate_random().number_of_bytes(64).send().await.unwrap();
        answer.plaintext.unwrap().into_inner()
    };
    let (one, two) = (random().await, random().await);
    assert_eq!((one.len(), two.len()), (64, 64));
    assert_ne!(one, two);
}

#[tokio::test]
async fn a_plaintext_of_every_byte_and_the_greatest_length_returns() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    let plaintext: Vec<u8> = (0..4096_usize).map(|at| at.to_le_bytes()[0]).collect();
    let sealed = client.encrypt().key_id(&key).plaintext(Blob::new(plaintext.clone())).send().await;
    assert_eq!(open(&client, &sealed.unwrap().ciphertext_blob.unwrap()).await, plaintext);
}

#[tokio::test]
async fn a_key_answers_to_its_alias_and_its_arn() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    client.create_alias().alias_name("alias/rust-sdk").target_key_id(&key).send().await.unwrap();
    let arn = client.describe_key().key_id("alias/rust-sdk").send().await.unwrap();
    let arn = arn.key_metadata.unwrap().arn.unwrap();
    for name in ["alias/rust-sdk", arn.as_str()] {
        assert_eq!(open(&client, &seal(&client, name, "named").await).await, b"named");
    }
    client.delete_alias().alias_name("alias/rust-sdk").send().await.unwrap();
}
