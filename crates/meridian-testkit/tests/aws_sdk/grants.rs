//! Grants, and what a caller may not do without one.

use aws_credential_types::Credentials;
use aws_sdk_kms::{Client, error::ProvideErrorMetadata, primitives::Blob, types::GrantOperation};

use crate::fixture::{HOME, cluster, home, symmetric_key};

const OTHER_ACCOUNT: &str = "arn:aws:iam::111111111111:root";

/// A client of account 111111111111.
async fn stranger() -> Client {
    let credentials = Credentials::new("second", "second", None, None, "test");
    Client::from_conf(cluster().await.config(HOME).credentials_provider(credentials).build())
}

#[tokio::test]
async fn a_grant_lets_a_stranger_in_until_it_is_revoked() {
    let (client, stranger) = (home().await, stranger().await);
    let key = symmetric_key(&client).await;
    let arn = client.describe_key().key_id(&key).send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let encrypt = || stranger.encrypt().key_id(&arn).plaintext(Blob::new("x")).send();
    assert_eq!(encrypt().await.unwrap_err().code(), Some("AccessDeniedException"));

    let grant = client.create_grant().key_id(&key).grantee_principal(OTHER_ACCOUNT);
    let grant = grant.operations(GrantOperation::Encrypt).send().await.unwrap();
    encrypt().await.unwrap();
    let decrypt = stranger.decrypt().key_id(&arn);
    let sealed = encrypt().await.unwrap().ciphertext_blob.unwrap();
    let denied = decrypt.ciphertext_blob(sealed).send().await.unwrap_err();
    assert_eq!(denied.code(), Some("AccessDeniedException"));

    let grants = client.list_grants().key_id(&key).send().await.unwrap();
    assert_eq!(grants.grants().len(), 1);
    assert_eq!(grants.grants()[0].grant_id, grant.grant_id);
    client.revoke_grant().key_id(&key).grant_id(grant.grant_id.unwrap()).send().await.unwrap();
    assert_eq!(encrypt().await.unwrap_err().code(), Some("AccessDeniedException"));
}

#[tokio::test]
async fn a_grant_token_is_taken_and_a_false_one_is_a_typed_error() {
    let (client, stranger) = (home().await, stranger().await);
    let key = symmetric_key(&client).await;
    let arn = client.describe_key().key_id(&key).send().await.unwrap().key_metadata.unwrap().arn.unwrap();
    let grant = client.create_grant().key_id(&key).grantee_principal(OTHER_ACCOUNT).name("for-the-test");
    let grant = grant.operations(GrantOperation::GenerateDataKey).send().await.unwrap();
    let call = |token: String| {
        stranger.generate_data_key().key_id(&arn).number_of_bytes(32).grant_tokens(token).send()
    };
    call(grant.grant_token.unwrap()).await.unwrap();
    let error = call("bm90IGEgdG9rZW4=".to_owned()).await.unwrap_err().into_service_error();
    assert!(error.is_invalid_grant_token_exception(), "{error:?}");
}

#[tokio::test]
async fn the_grantee_retires_its_grant() {
    let (client, stranger) = (home().await, stranger().await);
    let key = symmetric_key(&client).await;
    let grant = client.create_grant().key_id(&key).grantee_principal(OTHER_ACCOUNT);
    let grant = grant.retiring_principal(OTHER_ACCOUNT).operations(GrantOperation::Encrypt);
    let token = grant.send().await.unwrap().grant_token.unwrap();
    stranger.retire_grant().grant_token(token).send().await.unwrap();
    assert!(client.list_grants().key_id(&key).send().await.unwrap().grants().is_empty());
}
