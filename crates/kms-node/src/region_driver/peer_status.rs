//! What is known of each peer Region, for operators.

use kms_region::{Alarm, IdentityStatus, Status};
use kms_types::{KeyId, Region, Timestamp};
use std::collections::BTreeMap;
use tokio::time::Instant;

/// Newest alarms kept per peer.
const MOST_ALARMS: usize = 8;

/// What is known of a peer Region by the node that leads this one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerStatus {
    /// Time since its last valid message.
    pub last_heard_ms: Option<u64>,
    /// Its newest position minus what is known of it here, in entries of its log.
    pub lag: Option<u64>,
    /// The newest alarms about it, one sentence each, oldest first.
    pub alarms: Vec<String>,
    /// Keys whose rotation waits for it.
    pub rotations_held_up: Vec<KeyId>,
}

/// The same with times that do not age.
#[derive(Debug, Clone, Default)]
pub(super) struct Peers {
    known: BTreeMap<Region, Known>,
    /// Present while this node leads.
    identity: Option<IdentityStatus>,
}

#[derive(Debug, Clone, Default)]
struct Known {
    heard_at: Option<Instant>,
    status: PeerStatus,
}

impl Peers {
    /// `started` is when the machine's time was `started_at`.
    pub(super) fn new(machine: &Status, alarms: &Alarms, started: Instant, started_at: Timestamp) -> Self {
        let known = |(region, peer): (&Region, &kms_region::PeerStatus)| {
            let since_start = |at: Timestamp| std::time::Duration::from_millis(at.millis_since(started_at));
            let held_up = machine.held_up.iter().filter(|h| h.regions.contains(region));
            let status = PeerStatus {
                last_heard_ms: None,
                lag: peer.last_heard.map(|_| peer.lag()),
                alarms: alarms.about(region),
                rotations_held_up: held_up.map(|h| h.key).collect(),
            };
            let heard_at = peer.last_heard.map(|at| started + since_start(at));
            (region.clone(), Known { heard_at, status })
        };
        let known = machine.peers.iter().map(known).collect();
        Self { known, identity: Some(machine.identity.clone()) }
    }

    pub(super) fn shown(&self, now: Instant) -> BTreeMap<Region, PeerStatus> {
        let shown = |(region, known): (&Region, &Known)| {
            let silent = known.heard_at.map(|at| now.saturating_duration_since(at).as_millis());
            let last_heard_ms = silent.map(|ms| u64::try_from(ms).unwrap_or(u64::MAX));
            (region.clone(), PeerStatus { last_heard_ms, ..known.status.clone() })
        };
        self.known.iter().map(shown).collect()
    }

    pub(super) fn identity(&self) -> Option<IdentityStatus> {
        self.identity.clone()
    }
}

/// The newest alarms by the Region that they are about.
#[derive(Debug, Default)]
pub(super) struct Alarms(BTreeMap<Region, Vec<String>>);

impl Alarms {
    /// Remembers an alarm under every Region that it names.
    pub(super) fn add(&mut self, alarm: &Alarm, at: Timestamp) {
        for region in regions(alarm) {
            let alarms = self.0.entry(region).or_default();
            alarms.push(format!("{}: {alarm}", at.to_rfc3339()));
            if alarms.len() > MOST_ALARMS {
                alarms.remove(0);
            }
        }
    }

    fn about(&self, region: &Region) -> Vec<String> {
        self.0.get(region).cloned().unwrap_or_default()
    }
}

fn regions(alarm: &Alarm) -> Vec<Region> {
    match alarm {
        Alarm::RotationHeldUp { regions, .. } => regions.clone(),
        Alarm::MaterialRefused { from, .. }
        | Alarm::ForeignEpoch { from, .. }
        | Alarm::MaterialDenied { from, .. } => vec![from.clone()],
        Alarm::RotationAborted { .. } | Alarm::ImportGivenUp { .. } | Alarm::UnsafePromotion { .. } => {
            Vec::new()
        }
    }
}
