//! Replication, rotation and promotion through the whole driver.

use kms_region::{Force, KeyResult, PromoteScope};
use kms_types::KeyState;

use super::{
    super::DriverError,
    deployment::{Deployment, key_id, region},
};

const ALL: [&str; 3] = ["a", "b", "w"];

#[tokio::test]
async fn a_key_is_replicated_and_rotated_with_real_envelopes() {
    let world = Deployment::new(&ALL).start();
    let key = key_id(1);
    world.create_key("a", key);
    world.replicate("a", "b", key);
    let usable =
        |w: &Deployment| w.state("b").key(&key).is_some_and(|k| k.state(&region("b")) == KeyState::Enabled);
    world.until("b has joined", usable).await;
    world.until("a knows", |w| w.committed("a", key).unwrap().is_active_member(&region("b"))).await;
    let material = world.rotate("a", key);
    let current = |w: &Deployment, name| w.state(name).key(&key).unwrap().current == Some(material.id);
    world.until("both use it", |w| current(w, "a") && current(w, "b")).await;
    for id in world.state("a").key(&key).unwrap().held.keys() {
        let opened = |name: &str| {
            let (site, state) = (world.site(name), world.state(name));
            let wrapped = state.key(&key).unwrap().held[id].clone();
            let material = site
                .ring
                .0
                .as_ref()
                .unwrap()
                .unwrap_key(&key, kms_types::KeySpec::SymmetricDefault, id, &wrapped)
                .unwrap();
            (kms_crypto::material_id(&key, &material), wrapped)
        };
        let ((id_a, wrapped_a), (id_b, wrapped_b)) = (opened("a"), opened("b"));
        assert!(id_a == *id && id_b == *id, "C4");
        assert_ne!(wrapped_a, wrapped_b, "each Region wraps under its own domain key");
    }
    assert!(world.state("w").key(&key).is_none());
    let heard = |w: &Deployment| {
        let peers = w.site("a").handle.as_ref().unwrap().peers();
        peers.len() == 2 && peers[&region("b")].last_heard_ms.is_some_and(|ms| ms < 5_000)
    };
    world.until("a has heard of its peers", heard).await;
}

#[tokio::test]
async fn promotion_and_eviction_answer_with_a_result_per_key() {
    let world = Deployment::new(&ALL).start();
    let key = key_id(1);
    world.create_key("a", key);
    world.replicate("a", "b", key);
    let joined = |w: &Deployment| w.committed("b", key).is_some_and(|c| c.is_active_member(&region("b")));
    world.until("b has joined", joined).await;
    world.site("a").log.lead(false);
    let a = world.site("a").handle.clone().unwrap();
    let b = world.site("b").handle.clone().unwrap();
    let scope = PromoteScope::AllOf(region("a"));
    assert_eq!(a.promote(scope.clone(), Force::Safe).await, Err(DriverError::NotLeader));
    let results = b.promote(scope, Force::Safe).await.unwrap();
    assert!(matches!(results[&key], KeyResult::Promoted { .. }), "{results:?}");
    let results = b.evict(region("a"), kms_region::EvictScope::All).await.unwrap();
    assert!(matches!(results[&key], KeyResult::Removed { .. }), "{results:?}");
    world.site("a").log.lead(true);
    world.until("a has learned", |w| !w.committed("a", key).unwrap().is_member(&region("a"))).await;
    assert!(world.state("a").key(&key).unwrap().held.is_empty(), "C8");
}

#[tokio::test]
async fn garbage_in_the_inbox_is_counted_and_harms_nothing() {
    let world = Deployment::new(&ALL).start();
    let key = key_id(1);
    world.create_key("a", key);
    let inbox = world.site("b").inbox.clone().unwrap();
    for length in 0..200_usize {
        inbox.send(vec![0xa5; length * 7].into()).await.unwrap();
    }
    let old: Vec<_> = world.post.sent.lock().unwrap().clone();
    for (_, letter) in old {
        inbox.send(letter.into()).await.unwrap();
    }
    world.replicate("a", "b", key);
    world
        .until("b has joined", |w| w.committed("b", key).is_some_and(|c| c.is_active_member(&region("b"))))
        .await;
}
