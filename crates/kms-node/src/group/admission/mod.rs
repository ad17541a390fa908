//! Admission: a node that starts takes part once a majority of its Region has nothing against it, and not while any node
//! has seen it further than its disk is now (invariant A5, docs/adr/0021-admission.md).
//!
//! ```text
//! asking ──── a majority agrees, nobody remembers more ───► admitted ──── a node remembers more, or a newer start ──┐
//!   ▲ └────── a node remembers more ──────► refused                                                              ▼
//!   └──────── removed and added again ─────────┘                                                          refused, stops
//! ```
//!
//! Everybody is answered from what is durable, by nodes that are not admitted themselves as well: a Region that lost power
//! starts with any majority.

mod judge;

use super::{Group, GroupParts, READ_DEADLINE};
use futures::future::join_all;
use judge::{Refusal, Starting, Verdict, Wait};
use kms_raft::{Boot, LogId, NodeIncarnation, Peer, Seen};
use kms_transport::{Found, MembersOpinion, Opinion};
use kms_types::{NodeId, Region};
use openraft::async_runtime::watch::WatchReceiver;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::{Instant, sleep, timeout};

/// Longest wait for a node's opinion; it looks at the address meanwhile.
const OPINION_TIMEOUT: Duration = Duration::from_millis(500);
/// Longest wait for whoever answers at a node's address.
const ADDRESS_TIMEOUT: Duration = Duration::from_millis(250);
/// Pauses between two rounds of asking: the first, the longest, and that of a node that was refused.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(10), Duration::from_millis(160), Duration::from_millis(1_000)];
/// How often a node says where it stands.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(200);
/// How often it says so although nothing has changed: it may learn that another start replaced it.
const REPEAT_EVERY: Duration = Duration::from_millis(1_000);
/// Longest wait for an announcement to be stored.
const ANNOUNCE_TIMEOUT: Duration = Duration::from_millis(250);

/// Where a node is on its way into its Region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// It asks the others; why it is not admitted yet.
    Asking(Arc<str>),
    /// It takes part. True when its Region had no members that it could find: it may be the first.
    Admitted {
        /// Whether nobody knew of any members.
        founding: bool,
    },
    /// It takes no part; why, and what to do.
    Refused(Arc<str>),
}

impl Stage {
    pub(super) fn begin() -> Self {
        Self::Asking("it has just started".into())
    }

    /// Why it takes no part, if it does not.
    pub fn why_not(&self) -> Option<&Arc<str>> {
        match self {
            Self::Admitted { .. } => None,
            Self::Asking(why) | Self::Refused(why) => Some(why),
        }
    }
}

impl Group {
    /// Where this node is on its way into its Region.
    pub fn stage(&self) -> Stage {
        self.stage.borrow().clone()
    }

    /// True while this node takes part in its Region.
    pub fn is_admitted(&self) -> bool {
        self.core.standings.is_admitted()
    }

    /// Waits for admission as long as a call waits for a leader; a node that was refused says so at once.
    pub async fn takes_part(&self) -> bool {
        let mut stages = self.stage.subscribe();
        let decided = stages.wait_for(|stage| !matches!(stage, Stage::Asking(_)));
        let decided = timeout(READ_DEADLINE, decided).await;
        matches!(decided, Ok(Ok(stage)) if matches!(*stage, Stage::Admitted { .. }))
    }

    /// Completes when this node takes part; true when nobody knew of any members.
    pub async fn until_admitted(&self) -> bool {
        let mut stages = self.stage.subscribe();
        let admitted = stages.wait_for(|stage| matches!(stage, Stage::Admitted { .. })).await;
        admitted.is_ok_and(|stage| matches!(*stage, Stage::Admitted { founding: true }))
    }
}

/// Asks for admission, then announces where this node stands, until it is dropped. `configured` are the Region's nodes by
/// configuration: whom to ask while the log names nobody.
pub async fn run_admission(group: Group, region: Region, configured: BTreeMap<NodeId, Peer>) {
    let admission = Admission { group, region, configured };
    if admission.ask().await {
        admission.announce().await;
    }
}

struct Admission {
    group: Group,
    region: Region,
    configured: BTreeMap<NodeId, Peer>,
}

impl Admission {
    /// Returns once this node is admitted; false when its storage has failed. Who was refused stays so until somebody says
    /// otherwise: silence is no answer.
    async fn ask(&self) -> bool {
        let [first, longest, rarely] = PAUSES;
        let (mut pause, mut refused) = (first, None);
        loop {
            match (self.round().await, refused) {
                (Verdict::Admitted(life), _) => return self.admit(life.is_none()).await,
                (Verdict::Refused(refusal), before) => {
                    if before.is_none_or(|before| !same_kind(before, refusal)) {
                        self.refuse(refusal);
                    }
                    (refused, pause) = (Some(refusal), rarely);
                }
                (Verdict::Waits(Wait::Answers { .. }), Some(_)) => {}
                (Verdict::Waits(wait), _) => {
                    self.group.stage.send_replace(Stage::Asking(wait.to_string().into()));
                    (refused, pause) = (None, (pause * 2).min(longest));
                }
            }
            sleep(pause).await;
        }
    }

    async fn admit(&self, founding: bool) -> bool {
        let (core, number) = (&self.group.core, self.group.core.standings.own().boot.number);
        if let Err(error) = core.standings.admit().await {
            tracing::error!(%error, "this start could not be stored");
            return false;
        }
        core.raft.runtime_config().elect(true);
        tracing::info!(node = core.node, start = number, "admitted to the Region");
        self.group.stage.send_replace(Stage::Admitted { founding });
        true
    }

    async fn round(&self) -> Verdict {
        let core = &self.group.core;
        let (standing, others) = (core.standings.own(), self.others());
        if others.is_empty() || seeded!(SkipAdmission) {
            return Verdict::Admitted(None);
        }
        let asked = others.iter().map(async |(node, peer)| {
            let answer = core.client.introduce(*node, peer, standing, OPINION_TIMEOUT).await;
            answer.ok().map(|opinion| (*node, opinion))
        });
        let opinions: BTreeMap<NodeId, Opinion> = join_all(asked).await.into_iter().flatten().collect();
        let own: BTreeSet<NodeId> = core.raft.voter_ids().collect();
        let voters = if own.is_empty() { self.configured.keys().copied().collect() } else { own };
        Starting { node: core.node, standing: &standing, life: core.own_life(), voters }.judge(&opinions)
    }

    /// The other nodes, by this node's log and by its configuration.
    fn others(&self) -> BTreeMap<NodeId, Peer> {
        let mut others = self.configured.clone();
        others.extend(self.group.core.members());
        others.remove(&self.group.core.node);
        others
    }

    /// Says why this node takes no part, and what to do about it.
    fn refuse(&self, refusal: Refusal) {
        let (node, region) = (self.group.core.node, &self.region);
        let advice = match refusal {
            Refusal::WentBack { .. } | Refusal::Removed => format!(
                "`meridian node remove {node} --in {region}`, empty its data directory, start it, \
                 `meridian node add {node} --in {region}`, `meridian node promote {node} --in {region}`"
            ),
            Refusal::Another => {
                "stop one of the two; a node moves to another address by being removed and added".into()
            }
        };
        let text: Arc<str> = format!("{refusal}. What to do: {advice}").into();
        tracing::error!(node, %region, "this node takes no part in its Region: {text}");
        self.group.stage.send_replace(Stage::Refused(text));
    }

    /// Says where this node stands, until it is told that it went back, or that another start of it was admitted.
    async fn announce(&self) {
        let core = &self.group.core;
        let mut told: BTreeMap<NodeId, (Seen, Instant)> = BTreeMap::new();
        loop {
            if let Some(refusal) = self.announce_once(&mut told).await {
                core.standings.dismiss();
                self.refuse(refusal);
                self.group.shutdown().await;
                return;
            }
            sleep(ANNOUNCE_EVERY).await;
        }
    }

    async fn announce_once(&self, told: &mut BTreeMap<NodeId, (Seen, Instant)>) -> Option<Refusal> {
        let core = &self.group.core;
        let mut members = core.members();
        let life = members.remove(&core.node)?.incarnation;
        let now = core.standings.own().seen_in(life);
        let fresh = |node: &NodeId| {
            told.get(node).is_some_and(|(seen, at)| *seen == now && at.elapsed() < REPEAT_EVERY)
        };
        let due: Vec<(NodeId, Peer)> = members.into_iter().filter(|(node, _)| !fresh(node)).collect();
        let sent = due.iter().map(async |(node, peer)| {
            let answer = core.client.announce(*node, peer, now, ANNOUNCE_TIMEOUT).await;
            answer.ok().map(|opinion| (*node, opinion))
        });
        for (node, opinion) in join_all(sent).await.into_iter().flatten() {
            told.insert(node, (now, Instant::now()));
            // Compared with where this node stands by now: the answer may be to what was said long ago.
            let of_this_life = opinion.members.is_some_and(|members| members.incarnation == Some(life));
            let seen = opinion.seen.filter(|_| of_this_life && !seeded!(SkipAdmission));
            if let Some(forgotten) = seen.and_then(|seen| core.standings.own().forgotten(&seen)) {
                return Some(Refusal::WentBack { by: node, forgotten });
            }
        }
        None
    }
}

fn same_kind(one: Refusal, other: Refusal) -> bool {
    std::mem::discriminant(&one) == std::mem::discriminant(&other)
}

impl GroupParts {
    fn members(&self) -> BTreeMap<NodeId, Peer> {
        let metrics = self.raft.server_metrics();
        let members = metrics.borrow_watched().membership_config.clone();
        members.nodes().map(|(node, peer)| (*node, peer.clone())).collect()
    }

    /// This node's life as a member, and the entry that set the members.
    fn own_life(&self) -> Option<(Option<LogId>, NodeIncarnation)> {
        let metrics = self.raft.server_metrics();
        let members = metrics.borrow_watched().membership_config.clone();
        let own = members.nodes().find(|(node, _)| **node == self.node);
        own.map(|(_, peer)| (*members.log_id(), peer.incarnation))
    }

    /// What this node says of another, from what it has seen.
    fn opinion(&self, node: NodeId) -> Opinion {
        let metrics = self.raft.server_metrics();
        let members = metrics.borrow_watched().membership_config.clone();
        let incarnation = members.nodes().find(|(id, _)| **id == node).map(|(_, peer)| peer.incarnation);
        let has_members = members.nodes().next().is_some();
        Opinion {
            members: has_members.then(|| MembersOpinion {
                set_by: *members.log_id(),
                voters: members.voter_ids().collect(),
                incarnation,
                found: Found::Unasked,
            }),
            seen: incarnation.and_then(|life| self.standings.seen(node, life)),
        }
    }

    /// The same, with whom this node finds at the other's address: a copy of a node's disk that runs elsewhere is not it.
    pub(super) async fn opinion_with_address(&self, node: NodeId, boot: Boot) -> Opinion {
        self.client.came_back(node);
        let mut opinion = self.opinion(node);
        if let (Some(members), Some(peer)) = (&mut opinion.members, self.peer(node)) {
            members.found = match self.client.boot(node, &peer, ADDRESS_TIMEOUT).await {
                Ok(there) if there == boot => Found::It,
                Ok(_) => Found::Another,
                Err(_) => Found::Nobody,
            };
        }
        opinion
    }

    /// Stores what another node says of itself, if it speaks of the life that this node knows of.
    pub(super) async fn note_announcement(&self, node: NodeId, seen: Seen) -> Option<Opinion> {
        if self.peer(node).map(|peer| peer.incarnation) == Some(seen.incarnation) {
            let before = match self.standings.announced(node, seen).await {
                Ok(before) => before,
                Err(error) => {
                    tracing::error!(%error, node, "where a node stands could not be stored");
                    return None;
                }
            };
            if before.is_none_or(|before| before.boot != seen.boot) {
                self.client.came_back(node);
            }
        }
        Some(self.opinion(node))
    }
}
