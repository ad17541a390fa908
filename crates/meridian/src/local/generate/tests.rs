use std::collections::BTreeSet;

use super::*;
use crate::{entropy::OsEntropy, local::node_config};

fn wish() -> Wish {
    Wish {
        regions: ["us-east-1", "eu-west-1"].map(|r| r.parse().unwrap()).to_vec(),
        witness: Some("ap-southeast-2".parse().unwrap()),
        nodes: 3,
        port: None,
        gateway: None,
    }
}

fn created() -> (tempfile::TempDir, DataDir, Cluster) {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::new(&temp.path().join("cluster")).unwrap();
    let cluster = create(&dir, &wish(), &mut OsEntropy).unwrap();
    (temp, dir, cluster)
}

#[test]
fn new_cluster_has_distinct_ports_and_is_remembered() {
    let (_temp, dir, cluster) = created();
    let mut ports = BTreeSet::from([cluster.gateway]);
    ports.extend(cluster.regions.iter().filter_map(|r| r.gateway));
    ports.extend(cluster.nodes().flat_map(|(_, n)| [n.api, n.cluster]));
    assert_eq!(ports.len(), usize::from(wish().port_count()));
    assert_eq!(Cluster::open(&dir).unwrap(), cluster);
}

#[test]
fn every_node_file_is_a_configuration_that_the_server_accepts() {
    let (_temp, dir, cluster) = created();
    node_config::write_all(&dir, &cluster, &Default::default()).unwrap();
    for (key, _) in cluster.nodes() {
        let text = fs::read_to_string(dir.node_config(&key)).unwrap();
        let config: kms_node::config::NodeConfig = toml::from_str(&text).unwrap();
        assert_eq!(config.check(), Ok(()), "{key}");
        assert_eq!((config.node, &config.region, config.bootstrap), (key.id, &key.region, key.id == 1));
        assert!(config.tls.cert.is_file() && config.tls.key.is_file() && config.signing_key.is_file());
    }
}

#[test]
fn directory_with_other_content_is_left_alone() {
    let temp = tempfile::tempdir().unwrap();
    fs::write(temp.path().join("thesis.txt"), "text").unwrap();
    let dir = DataDir::new(temp.path()).unwrap();
    assert!(matches!(create(&dir, &wish(), &mut OsEntropy), Err(Failure::NotACluster(_))));
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1);
}

#[test]
fn wishes_that_make_no_cluster_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    let dir = DataDir::new(temp.path()).unwrap();
    let twice = Wish { witness: Some("us-east-1".parse().unwrap()), ..wish() };
    for wish in [Wish { regions: vec![], ..wish() }, Wish { nodes: 0, ..wish() }, twice] {
        assert!(matches!(create(&dir, &wish, &mut OsEntropy), Err(Failure::Usage(_))));
    }
}

#[test]
fn cluster_file_of_a_later_version_is_named_as_such() {
    let (_temp, dir, _) = created();
    fs::write(dir.cluster_file(), r#"{"version":9,"new":1}"#).unwrap();
    assert!(matches!(Cluster::load(&dir), Err(Failure::UnknownVersion { found: 9, .. })));
}
