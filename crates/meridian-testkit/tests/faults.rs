//! Every fault of the testkit: that it does what it says, and that nothing is left of it. Times are lower bounds, which a busy
//! machine only exceeds; that they come from the fault and not from the machine is seen by waiting for a call that takes less.

#![expect(clippy::unwrap_used, reason = "a test whose cluster fails is to fail")]

use aws_sdk_kms::{primitives::Blob, types::KeyState};
use meridian_testkit::{Cluster, wait_until};
use std::time::{Duration, Instant};

const US: &str = "us-east-1";
const EU: &str = "eu-west-1";
const AP: &str = "ap-southeast-2";
const LIMIT: Duration = Duration::from_secs(60);

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

async fn cluster(regions: &[&str]) -> Cluster {
    Cluster::builder().regions(regions.iter().copied()).start().await.unwrap()
}

async fn multi_region_key(cluster: &Cluster) -> String {
    let created = cluster.client(US).create_key().multi_region(true).send().await.unwrap();
    created.key_metadata.unwrap().key_id
}

/// How long it takes until us-east-1 and eu-west-1 have agreed on something.
async fn agreement(cluster: &Cluster) -> Duration {
    let (home, key) = (cluster.client(US), multi_region_key(cluster).await);
    let begin = Instant::now();
    home.replicate_key().key_id(&key).replica_region(EU).send().await.unwrap();
    begin.elapsed()
}

async fn agreement_is(cluster: &Cluster, what: &str, holds: impl Fn(Duration) -> bool) {
    let seen = || async { holds(agreement(cluster).await).then_some(()) };
    wait_until(format!("an agreement takes {what}"), LIMIT, seen).await.unwrap();
}

/// Every agreement takes at least `time` under the fault, and less without it.
async fn costs(cluster: &Cluster, time: Duration, fault: impl Future<Output = ()>, line: &str) {
    agreement_is(cluster, "less before the fault", |took| took < time).await;
    fault.await;
    assert_eq!(cluster.faults().await.unwrap(), [line]);
    for _ in 0..3 {
        let took = agreement(cluster).await;
        assert!(took >= time, "{took:?} under `{line}`");
    }
    cluster.heal().await.unwrap();
    assert!(cluster.faults().await.unwrap().is_empty());
    agreement_is(cluster, "less after it", |took| took < time).await;
}

#[tokio::test]
async fn a_delay_costs_a_round_trip() {
    let cluster = cluster(&[US, EU]).await;
    let delay = async { cluster.delay(US, EU, ms(120)).await.unwrap() };
    costs(&cluster, ms(240), delay, "delay 120ms  us-east-1 <-> eu-west-1").await;
}

#[tokio::test]
async fn jitter_varies_a_delay_within_its_bounds() {
    let cluster = cluster(&[US, EU]).await;
    let delay = async { cluster.delay_with_jitter(US, EU, ms(140), ms(20)).await.unwrap() };
    costs(&cluster, ms(240), delay, "delay 140ms ± 20ms  us-east-1 <-> eu-west-1").await;
}

#[tokio::test]
async fn a_matrix_of_latencies_is_of_round_trips() {
    let cluster = cluster(&[US, EU]).await;
    let matrix = async { cluster.latency(&[(US, EU, ms(240))]).await.unwrap() };
    costs(&cluster, ms(240), matrix, "delay 120ms  us-east-1 <-> eu-west-1").await;
}

/// To agree, two Regions say some 2 kB, TLS and HTTP/2 included. Below 100 kbit/s what they say anyway fills the link.
#[tokio::test]
async fn a_rate_costs_time_for_every_byte() {
    let cluster = cluster(&[US, EU]).await;
    let rate = async { cluster.rate(US, EU, 200_000).await.unwrap() };
    costs(&cluster, ms(60), rate, "rate 200kbit  us-east-1 <-> eu-west-1").await;
}

#[tokio::test]
async fn a_lost_segment_arrives_after_a_retransmission_timeout() {
    let (cluster, timeout) = (cluster(&[US, EU]).await, ms(200));
    agreement_is(&cluster, "less than a timeout", |took| took < timeout).await;
    cluster.loss(US, EU, 30).await.unwrap();
    assert_eq!(cluster.faults().await.unwrap(), ["loss 30%  us-east-1 <-> eu-west-1"]);
    agreement_is(&cluster, "a timeout", |took| took >= timeout).await;
    cluster.heal_between(US, EU).await.unwrap();
    assert!(cluster.faults().await.unwrap().is_empty());
    agreement_is(&cluster, "less than a timeout", |took| took < timeout).await;
}

/// Milliseconds since `region` last heard of `peer`.
async fn unheard_ms(cluster: &Cluster, region: &str, peer: &str) -> u64 {
    let status = cluster.command(&["local", "status"]).await.unwrap();
    let named = |list: Option<&serde_json::Value>, field: &str, name: &str| {
        let list = list.unwrap().as_array().unwrap();
        list.iter().find(|entry| entry[field] == name).cloned().unwrap()
    };
    let region = named(status.get("regions"), "name", region);
    let peer = named(region.get("peers"), "region", peer);
    peer.get("last_heard_ms").and_then(serde_json::Value::as_u64).unwrap_or(u64::MAX)
}

#[tokio::test]
async fn an_isolated_region_hears_nobody_and_is_not_heard() {
    let cluster = cluster(&[US, EU, AP]).await;
    let heard = async |region: &str, peer: &str, holds: fn(u64) -> bool, what: &str| {
        let seen = || async { holds(unheard_ms(&cluster, region, peer).await).then_some(()) };
        wait_until(format!("{region} {what} {peer}"), LIMIT, seen).await.unwrap();
    };
    heard(US, EU, |ms| ms < 2_000, "hears").await;
    cluster.isolate(EU).await.unwrap();
    heard(US, EU, |ms| ms > 3_000, "misses").await;
    heard(EU, AP, |ms| ms > 3_000, "misses").await;
    heard(US, AP, |ms| ms < 2_000, "hears").await;
    cluster.client(EU).list_keys().send().await.unwrap();
    cluster.heal().await.unwrap();
    heard(US, EU, |ms| ms < 2_000, "hears").await;
    heard(EU, AP, |ms| ms < 2_000, "hears").await;
}

#[tokio::test]
async fn slow_replication_keeps_a_replica_creating() {
    let (cluster, wait) = (cluster(&[US, EU]).await, Duration::from_secs(3));
    let key = multi_region_key(&cluster).await;
    cluster.slow_replication(US, EU, wait).await.unwrap();
    let begin = Instant::now();
    cluster.client(US).replicate_key().key_id(&key).replica_region(EU).send().await.unwrap();
    cluster.wait_key_state(EU, &key, KeyState::Creating).await.unwrap();
    cluster.wait_key_state(EU, &key, KeyState::Enabled).await.unwrap();
    assert!(begin.elapsed() >= wait);
    cluster.heal().await.unwrap();
    assert!(cluster.faults().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_full_disk_ends_a_node_that_writes_and_room_brings_it_back() {
    let cluster = cluster(&[US]).await;
    let client = cluster.client(US);
    let key = client.create_key().send().await.unwrap().key_metadata.unwrap().key_id;
    let sealed = client.encrypt().key_id(&key).plaintext(Blob::new("kept")).send().await.unwrap();
    cluster.disk_full(US).await.unwrap();
    assert_eq!(cluster.faults().await.unwrap(), ["disk full  us-east-1/1"]);
    let ended = || async {
        let _ = client.create_key().send().await;
        (cluster.status().await.unwrap().nodes("us-east-1/1")[0].state == "exited").then_some(())
    };
    wait_until("the node ends rather than answer", LIMIT, ended).await.unwrap();
    cluster.disk_free(US).await.unwrap();
    let opened = client.decrypt().ciphertext_blob(sealed.ciphertext_blob.unwrap()).send().await.unwrap();
    assert_eq!(opened.plaintext.unwrap().as_ref(), b"kept");
    client.create_key().send().await.unwrap();
}

#[tokio::test]
async fn region_time_follows_a_clock_that_is_wrong_everywhere() {
    let cluster = cluster(&[US, EU]).await;
    let ahead_ms = || async {
        let clocks = cluster.command(&["local", "clock", "show"]).await.unwrap();
        let time = |name: &str| {
            let clocks = clocks["regions"].as_array().unwrap();
            clocks.iter().find(|clock| clock["region"] == name).unwrap()["time_ms"].as_i64().unwrap()
        };
        time(EU) - time(US)
    };
    cluster.skew(EU, 90).await.unwrap();
    assert_eq!(cluster.faults().await.unwrap(), ["clock +1m30s  eu-west-1/1"]);
    let follows = || async { (ahead_ms().await > 80_000).then_some(()) };
    wait_until("Region time is ahead", LIMIT, follows).await.unwrap();
    cluster.client(EU).list_keys().send().await.unwrap();
    cluster.skew(EU, -60).await.unwrap();
    assert_eq!(cluster.faults().await.unwrap(), ["clock -1m  eu-west-1/1"]);
    cluster.skew(EU, 0).await.unwrap();
    assert!(cluster.faults().await.unwrap().is_empty());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_reason() {
    let cluster = cluster(&[US, EU]).await;
    for (refused, why) in [
        (cluster.loss(US, EU, 100).await, "partition"),
        (cluster.rate(US, EU, 1).await, "8 bits"),
        (cluster.delay_with_jitter(US, EU, ms(1), ms(2)).await, "jitter"),
        (cluster.latency(&[(US, "mars-north-1", ms(1))]).await, "no two Regions"),
        (cluster.disk_full("us-east-1/9").await, "us-east-1/9"),
    ] {
        let error = refused.unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
    assert!(cluster.faults().await.unwrap().is_empty());
}
