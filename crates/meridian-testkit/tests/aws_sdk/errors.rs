//! Refusals come out as the SDK's typed errors; those that the API model does not list for any operation keep their code.

use aws_sdk_kms::{
    Client,
    error::{ProvideErrorMetadata, SdkError},
    operation::{RequestId, decrypt::DecryptError, encrypt::EncryptError},
    primitives::Blob,
    types::{KeySpec, KeyUsageType, Tag},
};
use std::fmt::Debug;

use crate::fixture::{home, key, seal, symmetric_key};

/// Asserts that `answer` is the service error for which `is` holds, with a message and a request id.
macro_rules! refused {
    ($answer:expr, $is:ident) => {{
        let error = $answer.await.unwrap_err();
        let status = error.raw_response().map(|response| response.status().as_u16());
        let error = error.into_service_error();
        assert!(error.$is(), "{error:?}");
        assert!(error.meta().request_id().is_some() && status == Some(400), "{error:?}, {status:?}");
        error
    }};
}

fn code<E: ProvideErrorMetadata + Debug, T: Debug>(answer: Result<T, SdkError<E>>) -> String {
    answer.unwrap_err().code().unwrap().to_owned()
}

async fn encrypt(client: &Client, key: &str) -> Result<Blob, SdkError<EncryptError>> {
    let sealed = client.encrypt().key_id(key).plaintext(Blob::new("x")).send().await?;
    Ok(sealed.ciphertext_blob.unwrap())
}

#[tokio::test]
async fn an_unknown_key() {
    let client = home().await;
    let unknown = "00000000-0000-4000-8000-000000000000";
    let error = refused!(encrypt(&client, unknown), is_not_found_exception);
    assert!(error.to_string().contains("NotFoundException"), "{error}");
    refused!(encrypt(&client, "alias/nobody"), is_not_found_exception);
    refused!(client.get_public_key().key_id(unknown).send(), is_not_found_exception);
}

#[tokio::test]
async fn a_disabled_key_until_it_is_enabled_again() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    let sealed = encrypt(&client, &key).await.unwrap();
    client.disable_key().key_id(&key).send().await.unwrap();
    refused!(encrypt(&client, &key), is_disabled_exception);
    refused!(client.decrypt().ciphertext_blob(sealed.clone()).send(), is_disabled_exception);
    client.enable_key().key_id(&key).send().await.unwrap();
    client.decrypt().ciphertext_blob(sealed).send().await.unwrap();
}

#[tokio::test]
async fn a_key_that_waits_for_its_deletion() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    client.schedule_key_deletion().key_id(&key).pending_window_in_days(7).send().await.unwrap();
    refused!(encrypt(&client, &key), is_kms_invalid_state_exception);
    refused!(client.enable_key().key_id(&key).send(), is_kms_invalid_state_exception);
    client.cancel_key_deletion().key_id(&key).send().await.unwrap();
    refused!(encrypt(&client, &key), is_disabled_exception);
}

#[tokio::test]
async fn a_ciphertext_that_is_none_or_belongs_to_another_key() {
    let client = home().await;
    let (one, two) = (symmetric_key(&client).await, symmetric_key(&client).await);
    let decrypt = |bytes: Vec<u8>| client.decrypt().ciphertext_blob(Blob::new(bytes)).send();
    refused!(decrypt(b"not a ciphertext".to_vec()), is_invalid_ciphertext_exception);
    let mut sealed = seal(&client, &one, "x").await.into_inner();
    let other = client.decrypt().ciphertext_blob(Blob::new(sealed.clone())).key_id(&two).send();
    refused!(other, is_incorrect_key_exception);
    *sealed.last_mut().unwrap() ^= 1;
    let error = refused!(decrypt(sealed), is_invalid_ciphertext_exception);
    assert!(matches!(error, DecryptError::InvalidCiphertextException(_)));
}

#[tokio::test]
async fn a_key_for_something_else() {
    let client = home().await;
    let signer = key(&client, KeySpec::EccNistP256, KeyUsageType::SignVerify).await;
    refused!(encrypt(&client, &signer), is_invalid_key_usage_exception);
    let symmetric = symmetric_key(&client).await;
    refused!(client.get_public_key().key_id(&symmetric).send(), is_unsupported_operation_exception);
    let call = client.generate_data_key().key_id(&signer).number_of_bytes(32).send();
    refused!(call, is_invalid_key_usage_exception);
}

#[tokio::test]
async fn names_policies_markers_and_tags_that_will_not_do() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    client.create_alias().alias_name("alias/taken").target_key_id(&key).send().await.unwrap();
    let again = client.create_alias().alias_name("alias/taken").target_key_id(&key).send();
    refused!(again, is_already_exists_exception);
    let reserved = client.create_alias().alias_name("alias/aws/mine").target_key_id(&key).send().await;
    assert_eq!(code(reserved), "NotAuthorizedException");
    let policy = client.put_key_policy().key_id(&key).policy("{\"Version\":\"2012-10-17\"}").send();
    refused!(policy, is_malformed_policy_document_exception);
    refused!(client.list_keys().marker("nonsense").send(), is_invalid_marker_exception);
    let tag = Tag::builder().tag_key("aws:mine").tag_value("x").build().unwrap();
    refused!(client.tag_resource().key_id(&key).tags(tag).send(), is_tag_exception);
}

#[tokio::test]
async fn a_dry_run_that_would_have_succeeded() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    let call = client.encrypt().key_id(&key).plaintext(Blob::new("x")).dry_run(true).send();
    refused!(call, is_dry_run_operation_exception);
}

#[tokio::test]
async fn what_the_model_does_not_list_keeps_its_code() {
    let client = home().await;
    let key = symmetric_key(&client).await;
    let long = client.encrypt().key_id(&key).plaintext(Blob::new(vec![0; 4097])).send().await;
    assert_eq!(code(long), "ValidationException");
    let cluster = crate::fixture::cluster().await;
    let wrong = aws_credential_types::Credentials::new("test", "wrong", None, None, "test");
    let config = cluster.config("us-east-1").credentials_provider(wrong).build();
    let unsigned = Client::from_conf(config).list_keys().send().await;
    assert_eq!(code(unsigned), "InvalidSignatureException");
    let nobody = aws_credential_types::Credentials::new("AKIANOBODY", "wrong", None, None, "test");
    let config = cluster.config("us-east-1").credentials_provider(nobody).build();
    let unknown = Client::from_conf(config).list_keys().send().await;
    assert_eq!(code(unknown), "UnrecognizedClientException");
}
