//! What is known of each peer Region and of the link to all of them, for operators.

use kms_region::{Alarm, HeldUp, IdentityStatus, NotHeard, Status};
use kms_types::{KeyId, MaterialId, Region, Timestamp};
use std::{
    collections::{BTreeMap, VecDeque},
    sync::atomic::Ordering,
};
use tokio::time::{Duration, Instant};

use super::letter::{Counters, LetterError};

/// Newest alarms kept per peer, and of those about none.
const MOST_ALARMS: usize = 8;

/// What is known of a peer Region by the node that leads this one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PeerStatus {
    /// Time since its last valid message.
    pub last_heard_ms: Option<u64>,
    /// Its newest position minus what is known of it here, in entries of its log.
    pub lag: Option<u64>,
    /// Time since all that it had committed was known here.
    pub canary_age_ms: u64,
    /// The newest alarms about it, one sentence each, oldest first.
    pub alarms: Vec<String>,
    /// Keys whose rotation waits for it.
    pub rotations_held_up: Vec<KeyId>,
    /// Letters in its name that were refused by this leader, by reason.
    pub refused: BTreeMap<&'static str, u64>,
    /// Why the last of them was.
    pub last_refusal: Option<String>,
}

/// What the leader knows besides its peers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LinkStatus {
    /// Keys whose control record is being agreed on.
    pub unsettled_keys: u64,
    /// Rotations that wait for members.
    pub rotations: Vec<WaitingRotation>,
    /// Alarms since this node leads, by kind.
    pub alarm_counts: BTreeMap<&'static str, u64>,
    /// The newest alarms about no single peer, oldest first.
    pub alarms: Vec<String>,
    /// Letters taken and refused since the process began.
    pub letters: (u64, u64),
}

/// A rotation that is not complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingRotation {
    /// The key.
    pub key: KeyId,
    /// The new material.
    pub material: MaterialId,
    /// The members that have not acknowledged it.
    pub regions: Vec<Region>,
    /// For how long this leader has seen it.
    pub waiting_ms: u64,
}

/// The same with times that do not age.
#[derive(Debug, Clone, Default)]
pub(super) struct Peers {
    known: BTreeMap<Region, Known>,
    /// Present while this node leads.
    identity: Option<IdentityStatus>,
    link: Option<LinkStatus>,
}

#[derive(Debug, Clone)]
struct Known {
    heard_at: Option<Instant>,
    level_at: Instant,
    status: PeerStatus,
}

impl Peers {
    /// The machine's time was the second of `since` at the first of it.
    pub(super) fn new(
        machine: &Status,
        alarms: &Alarms,
        refusals: &Refusals,
        counters: &Counters,
        since: (Instant, Timestamp),
    ) -> Self {
        let (started, started_at) = since;
        let instant = |at: Timestamp| started + Duration::from_millis(at.millis_since(started_at));
        let known = |(region, peer): (&Region, &kms_region::PeerStatus)| {
            let held_up = machine.held_up.iter().filter(|h| h.regions.contains(region));
            let (refused, last_refusal) = refusals.of(region);
            let status = PeerStatus {
                last_heard_ms: None,
                lag: peer.last_heard.map(|_| peer.lag()),
                canary_age_ms: 0,
                alarms: alarms.about(region),
                rotations_held_up: held_up.map(|h| h.key).collect(),
                refused,
                last_refusal,
            };
            let heard_at = peer.last_heard.map(instant);
            (region.clone(), Known { heard_at, level_at: instant(peer.level_at), status })
        };
        let rotation = |held: &HeldUp| WaitingRotation {
            key: held.key,
            material: held.material,
            regions: held.regions.clone(),
            waiting_ms: elapsed_ms(Instant::now(), instant(held.since)),
        };
        let link = LinkStatus {
            unsettled_keys: u64::try_from(machine.unsettled_keys).unwrap_or(u64::MAX),
            rotations: machine.held_up.iter().map(rotation).collect(),
            alarm_counts: alarms.counts.clone(),
            alarms: alarms.general.iter().cloned().collect(),
            letters: (counters.taken.load(Ordering::Relaxed), counters.refused.load(Ordering::Relaxed)),
        };
        let known = machine.peers.iter().map(known).collect();
        Self { known, identity: Some(machine.identity.clone()), link: Some(link) }
    }

    pub(super) fn shown(&self, now: Instant) -> BTreeMap<Region, PeerStatus> {
        let shown = |(region, known): (&Region, &Known)| {
            let last_heard_ms = known.heard_at.map(|at| elapsed_ms(now, at));
            let canary_age_ms = elapsed_ms(now, known.level_at);
            (region.clone(), PeerStatus { last_heard_ms, canary_age_ms, ..known.status.clone() })
        };
        self.known.iter().map(shown).collect()
    }

    pub(super) fn identity(&self) -> Option<IdentityStatus> {
        self.identity.clone()
    }

    pub(super) fn link(&self) -> Option<LinkStatus> {
        self.link.clone()
    }
}

fn elapsed_ms(now: Instant, since: Instant) -> u64 {
    u64::try_from(now.saturating_duration_since(since).as_millis()).unwrap_or(u64::MAX)
}

/// The newest alarms by the Region that they are about, and how many there were of each kind.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    about: BTreeMap<Region, VecDeque<String>>,
    general: VecDeque<String>,
    counts: BTreeMap<&'static str, u64>,
}

impl Alarms {
    /// Remembers an alarm under every Region that it names.
    pub(super) fn add(&mut self, alarm: &Alarm, at: Timestamp) {
        *self.counts.entry(alarm.name()).or_default() += 1;
        let text = format!("{}: {alarm}", at.to_rfc3339());
        let regions = regions(alarm);
        if regions.is_empty() {
            keep(&mut self.general, text.clone());
        }
        for region in regions {
            keep(self.about.entry(region).or_default(), text.clone());
        }
    }

    fn about(&self, region: &Region) -> Vec<String> {
        self.about.get(region).into_iter().flatten().cloned().collect()
    }
}

fn keep(alarms: &mut VecDeque<String>, text: String) {
    alarms.push_back(text);
    if alarms.len() > MOST_ALARMS {
        alarms.pop_front();
    }
}

fn regions(alarm: &Alarm) -> Vec<Region> {
    match alarm {
        Alarm::RotationHeldUp { regions, .. } => regions.clone(),
        Alarm::MaterialRefused { from, .. }
        | Alarm::ForeignEpoch { from, .. }
        | Alarm::MaterialDenied { from, .. } => vec![from.clone()],
        Alarm::PeerBehind { region, .. } | Alarm::PromotionUnfinished { primary: region, .. } => {
            vec![region.clone()]
        }
        Alarm::RotationAborted { .. }
        | Alarm::ImportGivenUp { .. }
        | Alarm::KeyLost { .. }
        | Alarm::ForcedDirectory { .. }
        | Alarm::UnsafePromotion { .. } => Vec::new(),
    }
}

/// Letters that were refused, by the Region that they name as their sender. A name alone proves nothing, and names
/// nobody that is not known here.
#[derive(Debug, Default)]
pub(super) struct Refusals(BTreeMap<Region, Refused>);

#[derive(Debug, Default)]
struct Refused {
    by_reason: BTreeMap<&'static str, u64>,
    last: Option<String>,
}

impl Refusals {
    pub(super) fn add(&mut self, error: &LetterError, at: Timestamp) {
        let Some((region, reason)) = sender(error) else { return };
        let refused = self.0.entry(region.clone()).or_default();
        *refused.by_reason.entry(reason).or_default() += 1;
        refused.last = Some(format!("{}: {error}", at.to_rfc3339()));
    }

    fn of(&self, region: &Region) -> (BTreeMap<&'static str, u64>, Option<String>) {
        self.0
            .get(region)
            .map(|refused| (refused.by_reason.clone(), refused.last.clone()))
            .unwrap_or_default()
    }
}

/// None for letters that name nobody, for repeats, which a network makes, and for the first words of a new leader.
fn sender(error: &LetterError) -> Option<(&Region, &'static str)> {
    match error {
        LetterError::Forged(region) => Some((region, "forged")),
        LetterError::NotHeard(NotHeard::Removed { region, .. }) => Some((region, "removed")),
        LetterError::NotHeard(NotHeard::WrongIncarnation { region, .. }) => Some((region, "incarnation")),
        LetterError::NotHeard(NotHeard::WrongGeneration { region, .. }) => Some((region, "generation")),
        LetterError::NotHeard(NotHeard::Isolated(region)) => Some((region, "isolated")),
        LetterError::RolledBack { peer, .. } => Some((peer, "rolled-back-here")),
        LetterError::UnknownVersion { from, .. } => Some((from, "version")),
        LetterError::Message { from, .. } => Some((from, "message")),
        LetterError::Unconfirmed(region) => Some((region, "unconfirmed")),
        LetterError::Malformed(_)
        | LetterError::NotBootstrapped
        | LetterError::NotHeard(NotHeard::NotBootstrapped | NotHeard::Unknown(_))
        | LetterError::UnknownSender(_)
        | LetterError::WrongDeployment(_)
        | LetterError::WrongReceiver(_)
        | LetterError::Replayed(_) => None,
    }
}
