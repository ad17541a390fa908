//! Imported material: wrapped here with another library, opened there.

use aws_lc_rs::rsa::{OAEP_SHA256_MGF1SHA256, OaepPublicEncryptingKey, PublicEncryptingKey};
use aws_sdk_kms::{
    Client,
    primitives::Blob,
    types::{AlgorithmSpec, ExpirationModelType, KeyState, OriginType, WrappingKeySpec},
};

use crate::fixture::{home, open, seal};

fn wrap(public_key: &Blob, material: &[u8]) -> Blob {
    let key = PublicEncryptingKey::from_der(public_key.as_ref()).unwrap();
    let key = OaepPublicEncryptingKey::new(key).unwrap();
    let mut wrapped = vec![0; key.ciphertext_size()];
    let wrapped = key.encrypt(&OAEP_SHA256_MGF1SHA256, material, &mut wrapped, None).unwrap();
    Blob::new(wrapped.to_vec())
}

async fn import(client: &Client, key: &str, material: &[u8]) {
    let parameters = client.get_parameters_for_import().key_id(key);
    let parameters = parameters.wrapping_algorithm(AlgorithmSpec::RsaesOaepSha256);
    let parameters = parameters.wrapping_key_spec(WrappingKeySpec::Rsa2048).send().await.unwrap();
    let wrapped = wrap(&parameters.public_key.unwrap(), material);
    let import = client.import_key_material().key_id(key).encrypted_key_material(wrapped);
    let import = import.import_token(parameters.import_token.unwrap());
    import.expiration_model(ExpirationModelType::KeyMaterialDoesNotExpire).send().await.unwrap();
}

#[tokio::test]
async fn the_same_bytes_imported_again_open_old_ciphertexts() {
    let client = home().await;
    let created = client.create_key().origin(OriginType::External).send().await.unwrap();
    let created = created.key_metadata.unwrap();
    assert_eq!(created.key_state, Some(KeyState::PendingImport));
    let key = created.key_id;
    import(&client, &key, &[7; 32]).await;
    let sealed = seal(&client, &key, "ours").await;

    client.delete_imported_key_material().key_id(&key).send().await.unwrap();
    let error = client.decrypt().ciphertext_blob(sealed.clone()).send().await.unwrap_err();
    assert!(error.into_service_error().is_kms_invalid_state_exception());
    import(&client, &key, &[7; 32]).await;
    assert_eq!(open(&client, &sealed).await, b"ours");
}

#[tokio::test]
async fn other_bytes_and_a_foreign_token_are_typed_errors() {
    let client = home().await;
    let created = client.create_key().origin(OriginType::External).send().await.unwrap();
    let key = created.key_metadata.unwrap().key_id;
    let call = client.import_key_material().key_id(&key).encrypted_key_material(Blob::new([0; 256]));
    let call = call.import_token(Blob::new([0; 64]));
    let error = call.expiration_model(ExpirationModelType::KeyMaterialDoesNotExpire).send().await;
    let error = error.unwrap_err().into_service_error();
    assert!(error.is_invalid_import_token_exception(), "{error:?}");
}
