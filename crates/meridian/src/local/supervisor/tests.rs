use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use super::*;
use crate::{
    entropy::OsEntropy,
    local::{
        control,
        generate::{self, Wish},
        layout::DataDir,
        node_config,
        process::end_leftover,
    },
};

struct Rig {
    _temp: tempfile::TempDir,
    dir: DataDir,
    events: mpsc::UnboundedSender<Event>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
    node: NodeKey,
}

/// A cluster of one node, in which `script` plays the server.
fn rig(script: &str, restart: Restart) -> Rig {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::new(&temp.path().join("cluster")).unwrap();
    let region: kms_types::Region = "us-east-1".parse().unwrap();
    let wish = Wish { regions: vec![region.clone()], witness: None, nodes: 1, port: None, gateway: None };
    let cluster = Arc::new(generate::create(&dir, &wish, &mut OsEntropy).unwrap());
    node_config::write_all(&dir, &cluster, &Default::default()).unwrap();
    let program = temp.path().join("server.sh");
    fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let (events, inbox) = mpsc::unbounded_channel();
    let (stop, health) = (CancellationToken::new(), Arc::new(HealthTable::new(&cluster)));
    let launcher = Launcher { program, dir: dir.clone() };
    let links = Links::new(cluster.clone(), crate::local::links::Carriage::Supervisor);
    let (gateway, attendants) = (Gateway::new(&cluster, &health), Attendants::default());
    let parts = Parts { cluster, launcher, restart, health, links, gateway, attendants };
    let mut supervisor = Supervisor::new(parts, events.clone(), stop.clone());
    supervisor.start_all().unwrap();
    Rig {
        _temp: temp,
        dir,
        events,
        stop,
        task: tokio::spawn(supervisor.run(inbox)),
        node: NodeKey { region, id: 1 },
    }
}

impl Rig {
    async fn fault(&self, action: Action) -> Reply {
        control::ask(&self.events, Request::Fault { action, nodes: vec![self.node.clone()] }).await
    }

    async fn node(&self) -> NodeReport {
        match control::ask(&self.events, Request::Status).await {
            Reply::Status(report) => report.regions[0].nodes[0].clone(),
            other => panic!("{other:?}"),
        }
    }

    async fn until(&self, what: impl Fn(&NodeReport) -> bool) -> NodeReport {
        for _ in 0..400 {
            let node = self.node().await;
            if what(&node) {
                return node;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("never seen; now {:?}", self.node().await);
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(15), self.task).await.unwrap().unwrap();
    }
}

fn runs(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Lives until its standard input ends, as a node does.
const PATIENT: &str = "exec cat";

#[tokio::test]
async fn killed_node_stays_down_until_it_is_started() {
    let rig = rig(PATIENT, Restart::Backoff);
    let first = rig.node().await.pid.unwrap();
    assert_eq!(rig.fault(Action::Kill).await, Reply::Done);
    rig.until(|node| node.process == ProcessState::Killed && node.pid.is_none()).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(rig.node().await.restarts, 0);
    assert_eq!(rig.fault(Action::Start).await, Reply::Done);
    let second = rig.until(|node| node.process == ProcessState::Running).await.pid.unwrap();
    assert!(first != second && runs(second));
    rig.end().await;
    assert!(!runs(second));
}

#[tokio::test]
async fn stopped_node_hears_sigterm_and_stays_down() {
    let rig = rig("trap 'touch $0.heard; exit 0' TERM\nwhile :; do sleep 0.05; done", Restart::Backoff);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let pid = rig.node().await.pid.unwrap();
    rig.fault(Action::Stop).await;
    let heard = rig._temp.path().join("server.sh.heard");
    for _ in 0..400 {
        if heard.exists() && !runs(pid) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    assert!(heard.exists() && !runs(pid));
    assert_eq!(rig.node().await.process, ProcessState::Killed);
    rig.end().await;
}

#[tokio::test]
async fn start_right_after_kill_gives_a_new_process() {
    let rig = rig(PATIENT, Restart::Never);
    let first = rig.node().await.pid.unwrap();
    rig.fault(Action::Kill).await;
    rig.fault(Action::Start).await;
    rig.until(|node| node.process == ProcessState::Running && node.pid.is_some_and(|pid| pid != first)).await;
    rig.end().await;
}

#[tokio::test]
async fn node_that_dies_is_reported_and_stays_down() {
    let rig = rig("exit 3", Restart::Never);
    let node = rig.until(|node| matches!(node.process, ProcessState::Exited { .. })).await;
    assert_eq!(node.process, ProcessState::Exited { how: "exit code 3".into() });
    assert!(matches!(rig.fault(Action::Pause).await, Reply::Refused { .. }));
    rig.end().await;
}

#[tokio::test]
async fn node_that_dies_is_started_again_where_asked() {
    let rig = rig("exit 3", Restart::Backoff);
    assert!(rig.until(|node| node.restarts >= 2).await.restarts >= 2);
    rig.end().await;
}

#[tokio::test]
async fn paused_node_stops_with_the_cluster() {
    let rig = rig(PATIENT, Restart::Never);
    let pid = rig.node().await.pid.unwrap();
    rig.fault(Action::Pause).await;
    assert_eq!(rig.node().await.process, ProcessState::Paused);
    rig.end().await;
    assert!(!runs(pid));
}

impl Rig {
    async fn disturb(&self, fault: NodeFault) -> Reply {
        control::ask(&self.events, Request::Node { fault, nodes: vec![self.node.clone()] }).await
    }

    fn log(&self) -> String {
        fs::read_to_string(self.dir.node_log(&self.node)).unwrap_or_default()
    }

    async fn until_log(&self, what: impl Fn(&str) -> bool) {
        for _ in 0..400 {
            if what(&self.log()) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(25)).await;
        }
        panic!("never logged; there is {}", self.log());
    }
}

/// Says what it was started with, then every line that it is told.
const TALKATIVE: &str = r#"echo "args $*" >&2; exec cat >&2"#;

#[tokio::test]
async fn node_is_told_what_is_wrong_with_it_and_its_next_process_is_too() {
    let rig = rig(TALKATIVE, Restart::Never);
    let skewed = r#"{"skew_ms":-90000,"disk_full":false,"slow_replication_ms":{}}"#;
    assert_eq!(rig.disturb(NodeFault::Skew { skew_ms: -90_000 }).await, Reply::Done);
    rig.until_log(|log| log.lines().any(|line| line == skewed)).await;
    assert_eq!(rig.node().await.faults(), ["clock -1m30s"]);
    rig.fault(Action::Kill).await;
    rig.fault(Action::Start).await;
    rig.until_log(|log| log.contains(&format!("--disturbance {skewed}"))).await;
    assert_eq!(control::ask(&rig.events, Request::Heal { sides: None }).await, Reply::Done);
    rig.until_log(|log| log.contains(r#"{"skew_ms":0,"disk_full":false,"slow_replication_ms":{}}"#)).await;
    assert!(rig.node().await.faults().is_empty());
    rig.end().await;
}

/// Ends as soon as it is told that its disk is full, or if it is so at the start.
const DIES_OF_FULL_DISK: &str = r#"case "$*" in *'"disk_full":true'*) exit 70;; esac
while read -r line; do case "$line" in *'"disk_full":true'*) exit 70;; esac; done"#;

#[tokio::test]
async fn node_that_died_of_a_full_disk_is_started_once_there_is_room() {
    let rig = rig(DIES_OF_FULL_DISK, Restart::Never);
    let exited = |node: &NodeReport| matches!(node.process, ProcessState::Exited { .. });
    rig.disturb(NodeFault::DiskFull).await;
    rig.until(exited).await;
    rig.fault(Action::Start).await;
    let node = rig.until(exited).await;
    assert_eq!((node.disk_full, node.faults()), (true, vec!["disk full".to_owned()]));
    rig.disturb(NodeFault::DiskFree).await;
    rig.until(|node| node.process == ProcessState::Running && !node.disk_full).await;
    // Room again before the news of the death has come: started all the same.
    rig.disturb(NodeFault::DiskFull).await;
    rig.disturb(NodeFault::DiskFree).await;
    let dead = rig.node().await.pid;
    rig.until(|node| node.process == ProcessState::Running && node.pid != dead).await;
    rig.end().await;
}

#[tokio::test]
async fn process_of_somebody_else_is_not_taken_for_a_leftover() {
    let rig = rig(PATIENT, Restart::Never);
    fs::write(rig.dir.node_pid(&rig.node), std::process::id().to_string()).unwrap();
    end_leftover(&rig.dir, &rig.node);
    assert!(!rig.dir.node_pid(&rig.node).exists());
    rig.end().await;
}
