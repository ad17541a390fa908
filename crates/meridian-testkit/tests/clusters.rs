//! The testkit itself: what it starts serves, what it breaks is broken, and nothing outlives a test, however it ends.

#![expect(clippy::unwrap_used, reason = "a test whose cluster fails is to fail")]

use aws_sdk_kms::{primitives::Blob, types::KeyState};
use meridian_testkit::{Cluster, Error, wait_until};
use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

const GONE_LIMIT: Duration = Duration::from_secs(20);

/// One Region of one node: enough for questions about processes.
async fn small() -> Cluster {
    Cluster::builder().regions(["us-east-1"]).start().await.unwrap()
}

/// The supervisor and every node.
async fn processes(cluster: &Cluster) -> Vec<u32> {
    let status = cluster.status().await.unwrap();
    let nodes = status.regions.iter().flat_map(|region| &region.nodes).filter_map(|node| node.pid);
    nodes.chain([cluster.supervisor_pid()]).collect()
}

fn runs(pid: u32) -> bool {
    // A zombie that its parent has not waited for yet has an empty command line.
    std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| !line.is_empty())
}

#[tokio::test]
async fn dropping_a_cluster_ends_its_processes_and_deletes_its_data() {
    let cluster = small().await;
    let (processes, dir) = (processes(&cluster).await, cluster.data_dir().to_owned());
    assert!(processes.len() == 2 && processes.iter().all(|pid| runs(*pid)) && dir.exists());
    drop(cluster);
    assert!(processes.iter().all(|pid| !runs(*pid)), "left: {processes:?}");
    assert!(!dir.exists());
}

#[tokio::test]
async fn a_panic_ends_even_a_paused_cluster() {
    let (tell, told) = tokio::sync::oneshot::channel();
    let test = tokio::spawn(async {
        let cluster = small().await;
        let found = processes(&cluster).await;
        cluster.pause("us-east-1").await.unwrap();
        tell.send(found).unwrap();
        panic!("as a failed assertion would");
    });
    let processes = told.await.unwrap();
    assert!(test.await.unwrap_err().is_panic());
    assert!(processes.iter().all(|pid| !runs(*pid)), "left: {processes:?}");
}

/// Not a test of its own: what `a_killed_test_takes_its_cluster_along` runs in a process to be killed.
#[tokio::test]
async fn victim() {
    if std::env::var_os("MERIDIAN_TESTKIT_VICTIM").is_none() {
        return;
    }
    let cluster = small().await;
    let pids: Vec<String> = processes(&cluster).await.iter().map(ToString::to_string).collect();
    println!("\nvictim {} {}", cluster.data_dir().display(), pids.join(" "));
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_test_takes_its_cluster_along() {
    let mut test = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "victim", "--nocapture"])
        .env("MERIDIAN_TESTKIT_VICTIM", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(test.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|line| line.starts_with("victim ")).unwrap();
    let mut words = line.split(' ').skip(1);
    let dir = PathBuf::from(words.next().unwrap());
    let processes: Vec<u32> = words.map(|pid| pid.parse().unwrap()).collect();
    assert!(processes.len() == 2 && processes.iter().all(|pid| runs(*pid)));

    test.kill().unwrap();
    test.wait().unwrap();
    let gone = || processes.iter().all(|pid| !runs(*pid)) && !dir.exists();
    wait_until("nothing is left", GONE_LIMIT, || async { gone().then_some(()) }).await.unwrap();
}

#[tokio::test]
async fn a_cluster_that_cannot_start_says_why_and_leaves_nothing() {
    let error = Cluster::builder().regions(["Not A Region"]).start().await.unwrap_err();
    assert!(matches!(&error, Error::NotStarted { output } if output.contains("Not A Region")), "{error}");
    let error = Cluster::builder().binary(Path::new("/nowhere")).start().await.unwrap_err();
    assert!(matches!(error, Error::NoBinary { .. }), "{error}");
}

#[tokio::test]
async fn a_region_survives_the_loss_of_its_leader() {
    let cluster = Cluster::builder().regions(["us-east-1"]).nodes(3).start().await.unwrap();
    let (client, leader) = (cluster.client("us-east-1"), "us-east-1/leader");
    let key = client.create_key().send().await.unwrap().key_metadata.unwrap().key_id;

    let before = cluster.status().await.unwrap().region("us-east-1").unwrap().leader.unwrap();
    let lost = cluster.node_client(leader).await.unwrap();
    cluster.kill(leader).await.unwrap();
    assert!(lost.list_keys().send().await.is_err(), "a killed node answers");
    client.encrypt().key_id(&key).plaintext(Blob::new("x")).send().await.unwrap();

    let node = format!("us-east-1/{before}");
    cluster.start(&node).await.unwrap();
    let back = cluster.node_client(&node).await.unwrap();
    back.encrypt().key_id(&key).plaintext(Blob::new("x")).send().await.unwrap();
}

#[tokio::test]
async fn a_paused_node_answers_nothing_until_it_is_resumed() {
    let cluster = small().await;
    let once = aws_sdk_kms::config::retry::RetryConfig::disabled();
    let limit = aws_sdk_kms::config::timeout::TimeoutConfig::builder()
        .operation_timeout(Duration::from_millis(500))
        .build();
    let config = cluster.config("us-east-1").retry_config(once).timeout_config(limit).build();
    let client = aws_sdk_kms::Client::from_conf(config);
    client.list_keys().send().await.unwrap();
    cluster.pause("us-east-1/1").await.unwrap();
    assert!(client.list_keys().send().await.is_err());
    cluster.resume("us-east-1/1").await.unwrap();
    client.list_keys().send().await.unwrap();
}

#[tokio::test]
async fn faults_that_cannot_be_are_refused_with_a_reason() {
    let cluster = small().await;
    let error = cluster.kill("mars-north-1").await.unwrap_err().to_string();
    assert!(error.contains("local kill mars-north-1") && error.contains("us-east-1"), "{error}");
    let clock = cluster.command(&["local", "clock", "show"]).await.unwrap();
    assert_eq!(clock["regions"][0]["offset_ms"], 0);
    assert!(matches!(cluster.node_client("us-east-1/7").await, Err(Error::NotOneNode(_))));
}

#[tokio::test]
async fn days_pass_in_a_moment() {
    let cluster = small().await;
    let client = cluster.client("us-east-1");
    let create = || async { client.create_key().send().await.unwrap().key_metadata.unwrap().key_id };
    let (doomed, rotating) = (create().await, create().await);
    client.schedule_key_deletion().key_id(&doomed).pending_window_in_days(7).send().await.unwrap();
    client.enable_key_rotation().key_id(&rotating).rotation_period_in_days(90).send().await.unwrap();
    cluster.advance_clock(91).await.unwrap();

    let gone = client.describe_key().key_id(&doomed).send().await.unwrap_err().into_service_error();
    assert!(gone.is_not_found_exception(), "{gone:?}");
    let rotations = client.list_key_rotations().key_id(&rotating).send().await.unwrap();
    assert_eq!(rotations.rotations().len(), 1);
}

#[tokio::test]
async fn another_region_takes_over_from_a_lost_primary() {
    let cluster = Cluster::builder().regions(["us-east-1", "eu-west-1"]).witness("eu-central-1");
    let cluster = cluster.start().await.unwrap();
    let key = cluster.multi_region_key("us-east-1", &["eu-west-1"]).await.unwrap();
    let europe = cluster.client("eu-west-1");
    let refused = europe.rotate_key_on_demand().key_id(&key).send().await;
    assert!(refused.is_err(), "a replica rotated");

    cluster.kill("us-east-1").await.unwrap();
    cluster.promote("us-east-1", "eu-west-1").await.unwrap();
    let primary = || async {
        let described = europe.describe_key().key_id(&key).send().await.ok()?.key_metadata?;
        (described.multi_region_configuration?.primary_key?.region? == "eu-west-1").then_some(())
    };
    wait_until("eu-west-1 is primary", Duration::from_secs(60), primary).await.unwrap();
    europe.update_key_description().key_id(&key).description("promoted").send().await.unwrap();

    cluster.start("us-east-1").await.unwrap();
    cluster.wait_key_state("us-east-1", &key, KeyState::Enabled).await.unwrap();
}

#[tokio::test]
async fn regions_come_and_go() {
    let mut cluster = Cluster::builder().regions(["us-east-1", "eu-west-1"]).start().await.unwrap();
    let key = cluster.multi_region_key("us-east-1", &["eu-west-1"]).await.unwrap();
    cluster.add_witness("eu-central-1").await.unwrap();
    cluster.add_region("sa-east-1").await.unwrap();
    assert_eq!(cluster.regions(), ["us-east-1", "eu-west-1", "sa-east-1"]);
    let (home, newcomer) = (cluster.client("us-east-1"), cluster.client("sa-east-1"));
    home.replicate_key().key_id(&key).replica_region("sa-east-1").send().await.unwrap();
    cluster.wait_key_state("sa-east-1", &key, KeyState::Enabled).await.unwrap();
    let sealed = home.encrypt().key_id(&key).plaintext(Blob::new("x")).send().await.unwrap();
    newcomer.decrypt().ciphertext_blob(sealed.ciphertext_blob.unwrap()).send().await.unwrap();

    let refused = cluster.remove_region("us-east-1").await.unwrap_err().to_string();
    assert!(refused.contains("primary of"), "{refused}");
    cluster.remove_region("sa-east-1").await.unwrap();
    assert_eq!(cluster.regions(), ["us-east-1", "eu-west-1"]);
    assert!(newcomer.list_keys().send().await.is_err());
}

/// One of two Regions asked for a second promotion cannot count itself twice: with the link cut there is no majority.
#[tokio::test]
async fn a_partition_holds_shared_changes_until_it_heals() {
    let cluster = Cluster::builder().regions(["us-east-1", "eu-west-1"]).start().await.unwrap();
    let key = cluster.multi_region_key("us-east-1", &["eu-west-1"]).await.unwrap();
    let (home, away) = (cluster.client("us-east-1"), cluster.client("eu-west-1"));
    let material = async |client: &aws_sdk_kms::Client| {
        let described = client.describe_key().key_id(&key).send().await.unwrap();
        described.key_metadata.unwrap().current_key_material_id.unwrap()
    };
    let first = material(&home).await;

    cluster.partition("us-east-1", "eu-west-1").await.unwrap();
    let once = aws_sdk_kms::config::retry::RetryConfig::disabled();
    let config = cluster.config("us-east-1").retry_config(once).build();
    let refused = aws_sdk_kms::Client::from_conf(config).rotate_key_on_demand().key_id(&key).send().await;
    let error = refused.unwrap_err().into_service_error();
    assert!(error.is_dependency_timeout_exception(), "{error:?}");
    for client in [&home, &away] {
        let sealed = client.encrypt().key_id(&key).plaintext(Blob::new("x")).send().await.unwrap();
        client.decrypt().ciphertext_blob(sealed.ciphertext_blob.unwrap()).send().await.unwrap();
    }
    assert_eq!(material(&away).await, first);

    cluster.heal().await.unwrap();
    let rotated = || async {
        let (here, there) = (material(&home).await, material(&away).await);
        (here == there && here != first).then_some(())
    };
    home.rotate_key_on_demand().key_id(&key).send().await.ok();
    wait_until("both Regions have rotated", Duration::from_secs(60), rotated).await.unwrap();
}

#[tokio::test]
async fn other_programs_find_the_cluster_by_its_environment() {
    let cluster = small().await;
    let env = cluster.env().await.unwrap();
    assert_eq!(env["AWS_ENDPOINT_URL_KMS"], cluster.endpoint());
    assert_eq!(env["AWS_REGION"], "us-east-1");
}
