//! Multi-Region keys: encrypt in one Region, decrypt in another, rotate, move the primary.

use aws_sdk_kms::{
    Client,
    primitives::Blob,
    types::{KeyState, MultiRegionKeyType},
};
use meridian_testkit::wait_until;
use std::time::Duration;

use crate::fixture::{AWAY, HOME, cluster, open, seal};

const SHARED_LIMIT: Duration = Duration::from_secs(60);

async fn material(client: &Client, key: &str) -> Option<String> {
    client.describe_key().key_id(key).send().await.ok()?.key_metadata?.current_key_material_id
}

#[tokio::test]
async fn a_ciphertext_opens_in_the_other_region_before_and_after_a_rotation() {
    let cluster = cluster().await;
    let key = cluster.multi_region_key(HOME, &[AWAY]).await.unwrap();
    let (home, away) = (cluster.client(HOME), cluster.client(AWAY));
    let before = seal(&home, &key, "before").await;
    assert_eq!(open(&away, &before).await, b"before");

    let first = material(&home, &key).await.unwrap();
    home.rotate_key_on_demand().key_id(&key).send().await.unwrap();
    let rotated = || async {
        let (here, there) = (material(&home, &key).await?, material(&away, &key).await?);
        (here == there && here != first).then_some(here)
    };
    let second = wait_until("both Regions use the new material", SHARED_LIMIT, rotated).await.unwrap();

    let after = away.encrypt().key_id(&key).plaintext(Blob::new("after")).send().await.unwrap();
    let after = after.ciphertext_blob.unwrap();
    assert_eq!(open(&home, &after).await, b"after");
    let opened = home.decrypt().ciphertext_blob(after).send().await.unwrap();
    assert_eq!(opened.key_material_id.as_deref(), Some(second.as_str()));
    let opened = away.decrypt().ciphertext_blob(before).send().await.unwrap();
    assert_eq!(opened.plaintext.unwrap().as_ref(), b"before");
    assert_eq!(opened.key_material_id.as_deref(), Some(first.as_str()));
}

#[tokio::test]
async fn the_configuration_names_primary_and_replicas_and_the_primary_moves() {
    let cluster = cluster().await;
    let key = cluster.multi_region_key(HOME, &[AWAY]).await.unwrap();
    let (home, away) = (cluster.client(HOME), cluster.client(AWAY));
    let described = away.describe_key().key_id(&key).send().await.unwrap().key_metadata.unwrap();
    assert_eq!(described.multi_region, Some(true));
    let configuration = described.multi_region_configuration.unwrap();
    assert_eq!(configuration.multi_region_key_type, Some(MultiRegionKeyType::Replica));
    assert_eq!(configuration.primary_key.unwrap().region.as_deref(), Some(HOME));
    assert_eq!(configuration.replica_keys.unwrap()[0].region.as_deref(), Some(AWAY));

    home.update_primary_region().key_id(&key).primary_region(AWAY).send().await.unwrap();
    let moved = || async {
        let described = away.describe_key().key_id(&key).send().await.ok()?.key_metadata?;
        let kind = described.multi_region_configuration?.multi_region_key_type?;
        (kind == MultiRegionKeyType::Primary && described.key_state? == KeyState::Enabled).then_some(())
    };
    wait_until("the replica is primary", SHARED_LIMIT, moved).await.unwrap();
}

#[tokio::test]
async fn a_second_replica_in_a_region_is_refused() {
    let cluster = cluster().await;
    let key = cluster.multi_region_key(HOME, &[AWAY]).await.unwrap();
    let again = cluster.client(HOME).replicate_key().key_id(key).replica_region(AWAY).send().await;
    let error = again.unwrap_err().into_service_error();
    assert!(error.is_already_exists_exception(), "{error:?}");
}

#[tokio::test]
async fn a_key_of_one_region_is_unknown_in_another() {
    let cluster = cluster().await;
    let key = crate::fixture::symmetric_key(&cluster.client(HOME)).await;
    let error = cluster.client(AWAY).describe_key().key_id(key).send().await.unwrap_err();
    assert!(error.into_service_error().is_not_found_exception());
}
