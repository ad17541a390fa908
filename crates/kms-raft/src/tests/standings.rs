//! What a node remembers of itself and of others, over restarts.

use super::fixture::{blank, log_id};
use crate::{AppendResponse, NodeIncarnation, Seen, Standing, Storage, Vote};
use openraft::RaftLogReader;
use openraft::storage::{IOFlushed, RaftLogStorage};
use std::path::Path;

const LIFE: NodeIncarnation = NodeIncarnation([3; 16]);

fn open(dir: &Path) -> Storage {
    Storage::open(dir, 1).unwrap()
}

fn standings(storage: &Storage, nonce: u8) -> std::sync::Arc<crate::Standings> {
    let covered = storage.applied.borrow().log_id;
    storage.log.standings(covered, [nonce; 16])
}

async fn append(storage: &mut Storage, indexes: std::ops::RangeInclusive<u64>) {
    let entries: Vec<_> = indexes.map(|index| blank(2, index)).collect();
    storage.log.append(entries, IOFlushed::noop()).await.unwrap();
    // The vote is written behind the entries, so they are durable once it is.
    storage.log.save_vote(&Vote::new_committed(2, 1)).await.unwrap();
}

#[tokio::test]
async fn a_start_counts_once_it_is_admitted() {
    let dir = tempfile::tempdir().unwrap();
    let first = standings(&open(dir.path()), 1);
    assert_eq!((first.own().boot.number, first.is_admitted()), (1, false));
    drop(first);
    let again = standings(&open(dir.path()), 2);
    assert_eq!(again.own().boot.number, 1, "the first start was never admitted");
    again.admit().await.unwrap();
    assert!(again.is_admitted());
    drop(again);
    assert_eq!(standings(&open(dir.path()), 3).own().boot.number, 2);
}

#[tokio::test]
async fn a_node_stands_where_its_disk_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut storage = open(dir.path());
    let own = standings(&storage, 1);
    assert_eq!((own.own().voted, own.own().last), (None, None));
    append(&mut storage, 0..=4).await;
    let Standing { voted, last, .. } = own.own();
    assert_eq!((voted, last), (Some(log_id(2, 0).leader_id), Some(log_id(2, 4))));
    storage.log.purge(log_id(2, 4)).await.unwrap();
    assert_eq!(own.own().last, Some(log_id(2, 4)));
}

#[tokio::test]
async fn what_was_announced_survives_and_answers_do_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut storage = open(dir.path());
    let own = standings(&storage, 1);
    let peer = crate::Peer { incarnation: LIFE, ..crate::Peer::default() };
    let announced = Standing { last: Some(log_id(2, 7)), voted: Some(log_id(2, 0).leader_id), ..own.own() };
    assert_eq!(own.announced(2, announced.seen_in(LIFE)).await.unwrap(), None);
    own.acknowledged(2, &peer, &Vote::new_committed(2, 1), Some(log_id(2, 9)), &AppendResponse::Success);
    own.acknowledged(2, &peer, &Vote::new_committed(2, 1), Some(log_id(2, 11)), &AppendResponse::Conflict);
    let seen = |last| Seen { last, ..announced.seen_in(LIFE) };
    assert_eq!(own.seen(2, LIFE), Some(seen(Some(log_id(2, 9)))));
    assert_eq!(own.seen(2, NodeIncarnation::default()), None, "another life");
    // Files roll, and every one repeats what was seen.
    append(&mut storage, 0..=0).await;
    assert_eq!(storage.log.read_vote().await.unwrap(), Some(Vote::new_committed(2, 1)));
    drop((own, storage));
    let own = standings(&open(dir.path()), 2);
    assert_eq!(own.seen(2, LIFE), Some(seen(Some(log_id(2, 7)))));
    let late = Standing { last: Some(log_id(2, 5)), ..announced }.seen_in(LIFE);
    assert_eq!(own.announced(2, late).await.unwrap(), Some(seen(Some(log_id(2, 7)))));
    assert_eq!(own.stored(2), Some(seen(Some(log_id(2, 7)))));
}
