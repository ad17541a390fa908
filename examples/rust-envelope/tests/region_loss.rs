//! The application against real Regions, one of which is lost.

use envelope::{Envelopes, Error};
use meridian_testkit::{Cluster, wait_until};
use std::time::Duration;

const REGIONS: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-2"];

/// Three Regions, a key in all of them, and the application.
async fn application() -> (Cluster, String, Envelopes) {
    let cluster = Cluster::builder().regions(REGIONS).start().await.unwrap();
    let key = cluster.multi_region_key("us-east-1", &["eu-west-1", "ap-southeast-2"]).await.unwrap();
    let envelopes = Envelopes::new(&key, REGIONS.map(|region| cluster.client(region)).to_vec());
    (cluster, key, envelopes)
}

#[tokio::test]
async fn a_record_comes_back_and_a_changed_one_is_refused() {
    let (_cluster, _, envelopes) = application().await;
    let mut sealed = envelopes.seal("plan", b"meet at noon").await.unwrap();
    assert_eq!(envelopes.open("plan", &sealed).await.unwrap(), b"meet at noon");
    assert!(matches!(envelopes.open("other", &sealed).await, Err(Error::Damaged)));
    *sealed.last_mut().unwrap() ^= 1;
    assert!(matches!(envelopes.open("plan", &sealed).await, Err(Error::Damaged)));
}

#[tokio::test]
async fn records_outlive_the_primary_region() {
    let (cluster, key, envelopes) = application().await;
    let before = envelopes.seal("before", b"sealed in us-east-1").await.unwrap();
    cluster.kill("us-east-1").await.unwrap();
    assert_eq!(envelopes.open("before", &before).await.unwrap(), b"sealed in us-east-1");
    let during = envelopes.seal("during", b"sealed elsewhere").await.unwrap();

    cluster.promote("us-east-1", "eu-west-1").await.unwrap();
    cluster.start("us-east-1").await.unwrap();
    cluster.client("eu-west-1").rotate_key_on_demand().key_id(&key).send().await.unwrap();
    let returned = Envelopes::new(&key, vec![cluster.client("us-east-1")]);
    let rotated = || async {
        let rotations = cluster.client("us-east-1").list_key_rotations().key_id(&key).send().await.ok()?;
        (!rotations.rotations().is_empty()).then_some(())
    };
    wait_until("the Region that was lost has rotated", Duration::from_secs(60), rotated).await.unwrap();
    assert_eq!(returned.open("before", &before).await.unwrap(), b"sealed in us-east-1");
    assert_eq!(returned.open("during", &during).await.unwrap(), b"sealed elsewhere");
}

#[tokio::test]
async fn without_any_region_the_application_says_so() {
    let (cluster, _, envelopes) = application().await;
    let sealed = envelopes.seal("plan", b"meet at noon").await.unwrap();
    for region in REGIONS {
        cluster.kill(region).await.unwrap();
    }
    assert!(matches!(envelopes.open("plan", &sealed).await, Err(Error::NoRegion(_))));
}
