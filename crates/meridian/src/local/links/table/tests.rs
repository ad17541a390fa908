use super::*;
use crate::local::links::tests::{cluster, node, sides};

fn lines(table: &Table) -> Vec<String> {
    table.report(&cluster()).iter().map(ToString::to_string).collect()
}

const US: &str = "us-east-1/1,us-east-1/2";
const EU: &str = "eu-west-1/1,eu-west-1/2";
const DELAY: LinkFault = LinkFault::Delay { delay_us: 80_000, jitter_us: 10_000 };

#[test]
fn region_to_region_is_one_line() {
    let mut table = Table::default();
    table.disturb(LinkFault::Partition, &sides(US, EU), Way::Both);
    assert_eq!(lines(&table), ["partition  us-east-1 <-> eu-west-1"]);
    table.heal(Some(&sides("us-east-1/1", "eu-west-1/1")));
    assert_eq!(
        lines(&table),
        ["partition  us-east-1 <-> eu-west-1/2", "partition  us-east-1/2 <-> eu-west-1/1"],
        "a part of it is healed"
    );
    table.heal(None);
    assert!(lines(&table).is_empty());
}

#[test]
fn one_way_is_shown_as_such() {
    let mut table = Table::default();
    table.disturb(LinkFault::Partition, &sides(US, EU), Way::OneWay);
    assert_eq!(lines(&table), ["partition  us-east-1 --> eu-west-1"]);
    assert!(table.rule(&node("us-east-1/2"), &node("eu-west-1/1")).cut);
    assert!(!table.rule(&node("eu-west-1/1"), &node("us-east-1/2")).cut);
}

#[test]
fn node_against_its_own_region() {
    let mut table = Table::default();
    table.disturb(LinkFault::Partition, &sides("us-east-1/1", US), Way::Both);
    assert_eq!(lines(&table).len(), 1, "{:?}", lines(&table));
    assert!(table.rule(&node("us-east-1/1"), &node("us-east-1/2")).cut);
}

#[test]
fn faults_add_up_and_the_last_of_a_kind_counts() {
    let mut table = Table::default();
    table.disturb(DELAY, &sides(US, EU), Way::Both);
    table.disturb(LinkFault::Loss { ppm: 50_000 }, &sides(US, EU), Way::OneWay);
    table.disturb(LinkFault::Delay { delay_us: 1_000, jitter_us: 0 }, &sides(US, EU), Way::OneWay);
    assert_eq!(
        lines(&table),
        [
            "delay 1ms  us-east-1 --> eu-west-1",
            "delay 80ms ± 10ms  eu-west-1 --> us-east-1",
            "loss 5%  us-east-1 --> eu-west-1"
        ]
    );
    table.disturb(LinkFault::Delay { delay_us: 0, jitter_us: 0 }, &sides(US, EU), Way::Both);
    assert_eq!(lines(&table), ["loss 5%  us-east-1 --> eu-west-1"], "a delay of nothing is none");
}

#[test]
fn rate_is_shared_by_all_nodes_of_a_way_and_not_by_the_other_way() {
    let mut table = Table::default();
    table.disturb(LinkFault::Rate { bits_per_s: 1_000_000 }, &sides(US, EU), Way::Both);
    let rate = |from, to| table.rule(&node(from), &node(to)).rate.unwrap();
    assert!(rate("us-east-1/1", "eu-west-1/1") == rate("us-east-1/2", "eu-west-1/2"));
    assert!(rate("us-east-1/1", "eu-west-1/1") != rate("eu-west-1/1", "us-east-1/1"));
    assert_eq!(lines(&table), ["rate 1mbit  us-east-1 <-> eu-west-1"]);
}

#[test]
fn slow_replication_is_told_to_the_nodes_and_holds_no_bytes() {
    let mut table = Table::default();
    let slow = |us| LinkFault::SlowReplication { delay_us: us };
    table.disturb(slow(20_000_000), &sides(US, EU), Way::Both);
    table.disturb(slow(5_000_000), &sides("us-east-1/1", US), Way::Both);
    let told = table.slowness(&node("eu-west-1/2"));
    assert_eq!(told, BTreeMap::from([("us-east-1".parse().unwrap(), 20_000)]));
    let own = table.slowness(&node("us-east-1/2"));
    assert_eq!(own.len(), 1, "keys do not travel between nodes of a Region: {own:?}");
    assert!(!table.rule(&node("us-east-1/1"), &node("eu-west-1/1")).cut);
    assert_eq!(lines(&table).last().unwrap(), "slow-replication 20s  us-east-1 <-> eu-west-1");
    table.heal(None);
    assert!(table.slowness(&node("eu-west-1/2")).is_empty());
}
