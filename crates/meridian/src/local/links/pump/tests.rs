use std::time::Duration;
use tokio::{
    io::{DuplexStream, duplex},
    sync::watch,
    time::timeout,
};

use super::*;
use crate::local::links::{
    LinkFault, Way,
    table::Table,
    tests::{node, sides},
};

const SOON: Duration = Duration::from_millis(100);

/// A pump between two pipes: what is written into the first comes out of the second.
fn pumped(pipe_bytes: usize) -> (DuplexStream, DuplexStream, watch::Sender<std::sync::Arc<Table>>) {
    let table = watch::Sender::<std::sync::Arc<Table>>::default();
    let view = View::new(table.subscribe(), Some((node("us-east-1/1"), node("eu-west-1/1"))));
    let (near, source) = duplex(pipe_bytes);
    let (sink, far) = duplex(pipe_bytes);
    tokio::spawn(pump(source, sink, view));
    (near, far, table)
}

fn cut(table: &watch::Sender<std::sync::Arc<Table>>) {
    table.send_modify(|table| {
        std::sync::Arc::make_mut(table).disturb(
            LinkFault::Partition,
            &sides("us-east-1/1", "eu-west-1/1"),
            Way::OneWay,
        );
    });
}

#[tokio::test]
async fn sender_is_not_read_without_bound() {
    let (mut near, _far, table) = pumped(4096);
    cut(&table);
    let flood = async {
        let mut sent = 0;
        while near.write(&[0; 4096]).await.is_ok_and(|length| {
            sent += length;
            length > 0
        }) {
            if sent > 64 << 20 {
                return;
            }
        }
    };
    assert!(timeout(SOON * 5, flood).await.is_err(), "64 MiB were swallowed by a cut way");
}

#[tokio::test]
async fn receiver_that_does_not_read_slows_the_sender_down() {
    let (mut near, _far, _table) = pumped(4096);
    let sending = async {
        for _ in 0..1024 {
            near.write_all(&[0; 4096]).await.unwrap();
        }
    };
    assert!(timeout(SOON, sending).await.is_err());
}

#[tokio::test]
async fn receiver_that_is_gone_ends_the_pump() {
    let (mut near, far, _table) = pumped(4096);
    drop(far);
    let ended = async { while near.write_all(&[0; 64]).await.is_ok() {} };
    timeout(Duration::from_secs(10), ended).await.expect("the pump goes on");
}
