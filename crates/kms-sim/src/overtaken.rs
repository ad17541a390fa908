//! A leader that writes on alone is overtaken. Its entries are made void, entries of the new leader take their place, and
//! then it stops; the new leader stops as well, and the third node is left with less (A1).
//!
//! ```text
//!            alone            electing        returning                 left
//! old     writes, no quorum    hears      void, then entries of new     stops, comes back
//! new     apart                leads      commits with old              stops
//! third   apart                follows    apart                         heard again
//! ```
//!
//! Whoever forgets that entries were made void has a longer log with an older end, and gives its vote to the third node,
//! which lacks what the other two have committed.

use crate::address::{Address, RegionNumber};
use crate::deployment::{Deployment, region_name};
use crate::draw::Draw;
use crate::host::Host;
use std::collections::BTreeSet;
use std::fmt;

/// How long the old leader writes alone: least and most.
const ALONE_MS: (u64, u64) = (1_500, 5_000);
/// Longest wait for the next stage.
const PATIENCE_MS: u64 = 4_000;

/// One such course of events.
pub(crate) struct Overtaken {
    old: Address,
    stage: Stage,
    /// The stage ends by then, whatever happened.
    until_ms: u64,
    cut: BTreeSet<(Address, Address)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Alone,
    Electing { void_from: u64 },
    Returning { new: Address, third: Address, void_from: u64 },
    Done,
}

/// What the old and the new leader are to suffer now.
pub(crate) struct Stopped(pub(crate) Vec<Address>);

impl Overtaken {
    /// In a Region of three nodes that has a leader.
    pub(crate) fn begin(
        deployment: &Deployment,
        region: RegionNumber,
        draw: &mut Draw,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) -> Option<Self> {
        let nodes: Vec<Address> =
            deployment.of_region(region).filter(|h| h.is_up()).map(|h| h.address).collect();
        let old = deployment.leader(region).filter(|_| nodes.len() == 3)?.address;
        say(format_args!("the nodes of {} are apart, {old} leads on alone", region_name(region)));
        let until_ms = deployment.world.now_ms() + draw.between(ALONE_MS.0, ALONE_MS.1);
        let mut course = Self { old, stage: Stage::Alone, until_ms, cut: BTreeSet::new() };
        course.cut_off(deployment, &nodes, |_, _| true);
        Some(course)
    }

    pub(crate) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// The next stage, if it is time; names the nodes that stop now.
    pub(crate) fn advance(
        &mut self,
        deployment: &Deployment,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) -> Stopped {
        let now_ms = deployment.world.now_ms();
        let over = now_ms >= self.until_ms;
        let mut stopped = Vec::new();
        match self.stage {
            Stage::Alone if over => {
                self.heal(deployment);
                let (nodes, old) = (self.nodes(deployment), self.old);
                // It hears the new leader from the first word on, and is not heard.
                self.cut_off(deployment, &nodes, |from, _| from == old);
                let void_from = last_index(deployment, old).unwrap_or_default();
                self.enter(Stage::Electing { void_from }, now_ms);
            }
            Stage::Electing { void_from } => match self.successor(deployment, void_from) {
                Some(stage) => {
                    say(format_args!("{} is overtaken and hears of it", self.old));
                    self.heal(deployment);
                    if let Stage::Returning { third, .. } = stage {
                        let nodes = self.nodes(deployment);
                        self.cut_off(deployment, &nodes, |a, b| (a == third) != (b == third));
                    }
                    self.enter(stage, now_ms);
                }
                None if over => self.end(deployment),
                None => {}
            },
            Stage::Returning { new, third, void_from } => {
                if self.has_replaced(deployment, new, third, void_from) {
                    say(format_args!("{} and {new} stop, {third} is heard again", self.old));
                    stopped = vec![self.old, new];
                    self.end(deployment);
                } else if over {
                    self.end(deployment);
                }
            }
            Stage::Alone | Stage::Done => {}
        }
        Stopped(stopped)
    }

    fn enter(&mut self, stage: Stage, now_ms: u64) {
        (self.stage, self.until_ms) = (stage, now_ms + PATIENCE_MS);
    }

    /// Another node leads in a higher term, and the third one has followed it.
    fn successor(&self, deployment: &Deployment, void_from: u64) -> Option<Stage> {
        let new = deployment.leader(self.old.region).filter(|host| host.address != self.old)?.address;
        let third = self.nodes(deployment).into_iter().find(|at| *at != self.old && *at != new)?;
        let committed = committed(deployment, new)?;
        let follows =
            last_index(deployment, new)? == committed && last_index(deployment, third)? >= committed;
        follows.then_some(Stage::Returning { new, third, void_from })
    }

    /// The old leader has fewer entries than it had, some of them committed by the new one without the third.
    fn has_replaced(&self, deployment: &Deployment, new: Address, third: Address, void_from: u64) -> bool {
        let replaced = || {
            let (own, third) = (last_index(deployment, self.old)?, last_index(deployment, third)?);
            let committed = committed(deployment, new)?;
            Some(own < void_from && committed > third && own >= committed)
        };
        replaced().unwrap_or(false)
    }

    fn nodes(&self, deployment: &Deployment) -> Vec<Address> {
        deployment.of_region(self.old.region).map(|host| host.address).collect()
    }

    fn cut_off(
        &mut self,
        deployment: &Deployment,
        nodes: &[Address],
        cut: impl Fn(Address, Address) -> bool,
    ) {
        let every = nodes.iter().flat_map(|a| nodes.iter().map(|b| (*a, *b)));
        self.cut = every.filter(|(a, b)| a != b && cut(*a, *b)).collect();
        deployment.net.change_rules(|rules| rules.cut.extend(self.cut.iter().copied()));
    }

    fn heal(&mut self, deployment: &Deployment) {
        let healed = std::mem::take(&mut self.cut);
        deployment.net.change_rules(|rules| rules.cut.retain(|pair| !healed.contains(pair)));
    }

    fn end(&mut self, deployment: &Deployment) {
        self.heal(deployment);
        self.stage = Stage::Done;
    }
}

fn last_index(deployment: &Deployment, at: Address) -> Option<u64> {
    deployment.hosts.get(&at).and_then(Host::node)?.group.status().last_log_index
}

fn committed(deployment: &Deployment, at: Address) -> Option<u64> {
    deployment.hosts.get(&at).and_then(Host::node)?.group.status().committed_index
}
