//! One cluster for all tests of this folder. It ends with the process, whose death its supervisor notices.

use aws_sdk_kms::{
    Client,
    primitives::Blob,
    types::{KeySpec, KeyUsageType},
};
use meridian_testkit::Cluster;
use tokio::sync::OnceCell;

/// Where most tests make their keys.
pub(crate) const HOME: &str = "us-east-1";
/// Where replicas are.
pub(crate) const AWAY: &str = "eu-west-1";

static CLUSTER: OnceCell<Cluster> = OnceCell::const_new();

/// Three Regions of one node.
pub(crate) async fn cluster() -> &'static Cluster {
    CLUSTER.get_or_init(|| async { Cluster::builder().start().await.unwrap() }).await
}

/// A client of [`HOME`].
pub(crate) async fn home() -> Client {
    cluster().await.client(HOME)
}

/// The id of a new symmetric key.
pub(crate) async fn symmetric_key(client: &Client) -> String {
    client.create_key().send().await.unwrap().key_metadata.unwrap().key_id
}

/// The id of a new key of this spec.
pub(crate) async fn key(client: &Client, spec: KeySpec, usage: KeyUsageType) -> String {
    let created = client.create_key().key_spec(spec).key_usage(usage).send().await;
    created.unwrap().key_metadata.unwrap().key_id
}

/// `plaintext` under `key`.
pub(crate) async fn seal(client: &Client, key: &str, plaintext: &str) -> Blob {
    let sealed = client.encrypt().key_id(key).plaintext(Blob::new(plaintext)).send().await.unwrap();
    sealed.ciphertext_blob.unwrap()
}

/// What is in `sealed`.
pub(crate) async fn open(client: &Client, sealed: &Blob) -> Vec<u8> {
    let opened = client.decrypt().ciphertext_blob(sealed.clone()).send().await.unwrap();
    opened.plaintext.unwrap().into_inner()
}
