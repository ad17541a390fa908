//! What goes wrong, and how it ends: drawn while the simulation runs, so that a seed tries combinations that nobody wrote
//! down.

use crate::address::{Address, RegionNumber};
use crate::deployment::{Deployment, STEP_MS, region_name};
use crate::draw::Draw;
use crate::host::{Host, StartError};
use crate::invariants::{Violation, broken};
use crate::overtaken::{Overtaken, Stopped};
use crate::rebuild::{self, Cause, Rebuild};
use crate::regions::{Earlier, has_settled};
use crate::repair::Repair;
use crate::rollback::{Attempt, Rollbacks};

use kms_node::simulation::SimulatedNode;
use kms_region::{EvictScope, Force, PromoteScope};
use kms_types::{KeyId, Region};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::atomic::Ordering;

/// At most so many at a time.
const AT_A_TIME: usize = 4;
/// How often it is looked at what nodes remember of each other.
const OBSERVE_MS: u64 = 50;
/// Between two.
const PAUSE_MS: (u64, u64) = (150, 1_400);

/// A kind of fault, for counting and for choosing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// A process is killed.
    Kill,
    /// A machine loses power.
    PowerCut,
    /// A machine loses power in the middle of a disk operation.
    TornWrite,
    /// All machines of a Region lose power at once.
    RegionPowerCut,
    /// A process is stopped for a while and does not notice.
    Pause,
    /// A node is cut off.
    Isolate,
    /// The nodes of a Region are cut in two.
    Split,
    /// Nothing gets from one node to another; the other way works.
    OneWay,
    /// Two nodes do not hear each other; both hear the third.
    Partial,
    /// A Region is cut off from the others.
    RegionIsolation,
    /// Two Regions do not hear each other, or one does not hear the other.
    RegionCut,
    /// Messages are lost.
    Loss,
    /// Requests arrive twice.
    Duplication,
    /// Messages come late, after others that were sent later.
    Reordering,
    /// Messages between two nodes or two Regions take longer.
    Delay,
    /// A clock is wrong for a while.
    ClockSkew,
    /// A clock jumps by days.
    ClockJump,
    /// All clocks have moved on by days.
    DaysPass,
    /// A disk is full.
    DiskFull,
    /// A disk is slow.
    SlowDisk,
    /// All nodes of a Region are gone for long; another Region takes over its keys.
    RegionLoss,
    /// A Region is promoted although nothing is wrong.
    Promotion,
    /// Two Regions are promoted at nearly the same time for the keys of a third.
    Contest,
    /// A Region is evicted.
    Eviction,
    /// A bit of a log changes while its node is down; the node must notice, and is replaced.
    Rot,
    /// A Region is lost for ever, and its name comes back with a new incarnation on empty disks.
    RegionReplaced,
    /// All disks of a Region are set back to an earlier state; it must be found out, and is rebuilt.
    RegionSetBack,
    /// A Region, a witness too, is removed while it lives, and added again as a new incarnation.
    RegionMoved,
    /// A leader writes on alone, is overtaken, and stops once entries of another leader have taken the place of its own.
    Overtaken,
    /// A node is set back to an earlier state of its disk; the others must notice, and it is replaced.
    Rollback,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Self; 30] = [
        Self::Kill,
        Self::PowerCut,
        Self::TornWrite,
        Self::RegionPowerCut,
        Self::Pause,
        Self::Isolate,
        Self::Split,
        Self::OneWay,
        Self::Partial,
        Self::RegionIsolation,
        Self::RegionCut,
        Self::Loss,
        Self::Duplication,
        Self::Reordering,
        Self::Delay,
        Self::ClockSkew,
        Self::ClockJump,
        Self::DaysPass,
        Self::DiskFull,
        Self::SlowDisk,
        Self::RegionLoss,
        Self::Promotion,
        Self::Contest,
        Self::Eviction,
        Self::Rot,
        Self::RegionReplaced,
        Self::RegionSetBack,
        Self::RegionMoved,
        Self::Overtaken,
        Self::Rollback,
    ];

    /// How often it is drawn.
    fn weight(self) -> u64 {
        match self {
            Self::Kill | Self::PowerCut | Self::TornWrite | Self::Isolate => 10,
            Self::Split | Self::OneWay | Self::Partial | Self::Pause => 7,
            Self::RegionIsolation | Self::RegionCut | Self::Delay | Self::SlowDisk => 6,
            Self::Loss | Self::Duplication | Self::Reordering | Self::ClockSkew => 6,
            Self::RegionPowerCut | Self::RegionLoss | Self::Promotion => 4,
            Self::ClockJump | Self::DiskFull => 4,
            Self::DaysPass
            | Self::Eviction
            | Self::Contest
            | Self::Rot
            | Self::Overtaken
            | Self::Rollback
            | Self::RegionReplaced
            | Self::RegionSetBack
            | Self::RegionMoved => 2,
        }
    }
}

/// How a fault ends.
enum End {
    Start(Address),
    Resume(Address),
    Reconnect(BTreeSet<(Address, Address)>),
    Hasten(BTreeSet<(Address, Address)>),
    LossEnds,
    DuplicationEnds,
    ReorderingEnds,
    SetClock(Address),
    Free(Address),
    Quicken(Address),
    Takeover {
        lost: RegionNumber,
    },
    /// Of a contest.
    Candidate {
        by: RegionNumber,
        lost: RegionNumber,
    },
    Replace(Address),
}

/// Draws faults and ends them.
pub(crate) struct Faults {
    draw: Draw,
    weights: Vec<u64>,
    next_ms: u64,
    ends: Vec<(u64, End)>,
    repairs: Vec<Repair>,
    rollbacks: Rollbacks,
    rebuilds: Vec<Rebuild>,
    /// All disks of a Region at one moment, and what it had applied then.
    earlier: Option<Earlier>,
    overtaken: Option<Overtaken>,
    pub(crate) counts: BTreeMap<Fault, u64>,
}

impl Faults {
    pub(crate) fn new(shape_regions: usize, favour: Option<Fault>, draw: Draw) -> Self {
        let alone = shape_regions < 2;
        let between = |fault: &Fault| {
            use Fault::{Contest, RegionMoved, RegionReplaced, RegionSetBack};
            use Fault::{Eviction, Promotion, RegionCut, RegionIsolation, RegionLoss};
            matches!(fault, Eviction | Promotion | RegionCut | RegionIsolation | RegionLoss)
                || matches!(fault, Contest | RegionMoved | RegionReplaced | RegionSetBack)
        };
        let weight = |fault: &Fault| if alone && between(fault) { 0 } else { fault.weight() };
        let mut faults = Self {
            draw,
            weights: Vec::new(),
            next_ms: 0,
            ends: Vec::new(),
            repairs: Vec::new(),
            rollbacks: Rollbacks::default(),
            rebuilds: Vec::new(),
            earlier: None,
            overtaken: None,
            counts: BTreeMap::new(),
        };
        // Each run has favourites, so that some runs are all of one kind.
        faults.weights = Fault::ALL
            .iter()
            .map(|fault| {
                weight(fault) * [0, 1, 1, 2, 6].get(faults.draw.below(5) as usize).copied().unwrap_or(1)
            })
            .collect();
        let place = favour.and_then(|fault| Fault::ALL.iter().position(|other| *other == fault));
        let all: u64 = faults.weights.iter().sum();
        if let Some(weight) = place.and_then(|at| faults.weights.get_mut(at)) {
            *weight = all.max(1);
        }
        faults
    }

    /// Nodes whose disk was damaged are on their way back, and Regions that were lost. Returns the deletions that operators
    /// want cancelled, so that a key can get another primary.
    pub(crate) fn mend(
        &mut self,
        deployment: &mut Deployment,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) -> Vec<(RegionNumber, KeyId)> {
        self.repairs.iter_mut().for_each(|repair| repair.advance(deployment, say));
        self.rollbacks.forget(&self.repairs);
        if deployment.world.now_ms() % OBSERVE_MS < STEP_MS {
            self.rollbacks.observe(deployment);
        }
        self.repairs.retain(|repair| !repair.is_done());
        self.rebuilds.iter_mut().for_each(|rebuild| rebuild.advance(deployment, say));
        let cancels = self.rebuilds.iter_mut().flat_map(Rebuild::take_cancels).collect();
        self.rebuilds.retain(|rebuild| !rebuild.is_done());
        cancels
    }

    /// Who went back takes no part, and who did not is not refused (A5). Nothing that arrives ends a node (H1).
    pub(crate) fn check(&self, deployment: &Deployment) -> Result<(), Violation> {
        if let Some((address, why)) =
            deployment.hosts.iter().find_map(|(address, host)| Some((address, host.consensus_end()?)))
        {
            return broken("H1", format!("consensus of {address} has ended: {why}"));
        }
        self.rollbacks.check(deployment, &self.repairs)
    }

    /// Who is on the way back.
    pub(crate) fn mending(&self) -> Option<String> {
        let repairs = self.repairs.iter().map(|repair| format!("{} is being replaced", repair.address));
        repairs.chain(self.rebuilds.iter().map(Rebuild::waits_for)).next()
    }

    /// Begins and ends what is due.
    pub(crate) fn advance(
        &mut self,
        deployment: &mut Deployment,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) -> Result<(), Violation> {
        let now_ms = deployment.world.now_ms();
        self.bury(deployment, say);
        self.end_due(now_ms, deployment, say)?;
        self.overtake(deployment, say);
        if now_ms >= self.next_ms {
            self.next_ms = now_ms + self.draw.between(PAUSE_MS.0, PAUSE_MS.1);
            if self.ends.len() < AT_A_TIME {
                self.begin(now_ms, deployment, say)?;
            }
        }
        Ok(())
    }

    /// Ends everything.
    pub(crate) fn end_all(
        &mut self,
        deployment: &mut Deployment,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) -> Result<(), Violation> {
        self.bury(deployment, say);
        self.ends.retain(|(_, end)| !matches!(end, End::Takeover { .. } | End::Candidate { .. }));
        self.overtaken = None;
        self.end_due(u64::MAX, deployment, say)?;
        deployment.net.change_rules(|rules| *rules = Default::default());
        deployment.paused.clear();
        for host in deployment.hosts.values_mut() {
            host.disk.disarm();
            host.disk.set_full(false);
            host.disk.set_slow(false);
            host.skew_ms.store(0, Ordering::Relaxed);
            start(host, say)?;
        }
        Ok(())
    }

    fn overtake(&mut self, deployment: &mut Deployment, say: &mut dyn FnMut(fmt::Arguments<'_>)) {
        let Some(course) = &mut self.overtaken else { return };
        let Stopped(nodes) = course.advance(deployment, say);
        if course.is_done() {
            self.overtaken = None;
        }
        let now_ms = deployment.world.now_ms();
        for at in nodes {
            let how = if self.draw.chance(500) { Host::kill } else { Host::cut_power };
            if let Some(host) = deployment.hosts.get_mut(&at).filter(|host| host.is_up()) {
                how(host);
                self.ends.push((now_ms + self.draw.between(10, 400), End::Start(at)));
            }
        }
    }

    /// Processes whose storage failed have ended; they come back after a while.
    pub(crate) fn bury(&mut self, deployment: &mut Deployment, say: &mut dyn FnMut(fmt::Arguments<'_>)) {
        for (address, host) in &mut deployment.hosts {
            if host.has_failed() {
                say(format_args!("{address}: the process ended, its storage failed"));
                host.cut_power();
                let at = deployment.world.now_ms() + self.draw.between(100, 2_500);
                self.ends.push((at, End::Start(*address)));
            }
        }
    }

    fn end_due(
        &mut self,
        now_ms: u64,
        deployment: &mut Deployment,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) -> Result<(), Violation> {
        let (due, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.ends).into_iter().partition(|(at, _)| *at <= now_ms);
        self.ends = left;
        due.into_iter().try_for_each(|(_, end)| self.end(end, deployment, say))
    }

    fn end(
        &mut self,
        end: End,
        deployment: &mut Deployment,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) -> Result<(), Violation> {
        let net = deployment.net.clone();
        match end {
            End::Start(address) => {
                if let Some(host) = deployment.hosts.get_mut(&address) {
                    start(host, say)?;
                }
            }
            End::Resume(address) => {
                deployment.paused.remove(&address);
                say(format_args!("{address} goes on"));
            }
            End::Reconnect(pairs) => {
                net.change_rules(|rules| rules.cut.retain(|pair| !pairs.contains(pair)));
                say(format_args!("{} links are whole again", pairs.len()));
            }
            End::Hasten(pairs) => {
                net.change_rules(|rules| rules.slow_ms.retain(|pair, _| !pairs.contains(pair)));
            }
            End::LossEnds => net.change_rules(|rules| rules.loss_permille = 0),
            End::DuplicationEnds => net.change_rules(|rules| rules.twice_permille = 0),
            End::ReorderingEnds => net.change_rules(|rules| rules.late_permille = 0),
            End::SetClock(address) => {
                if let Some(host) = deployment.hosts.get(&address) {
                    host.skew_ms.store(0, Ordering::Relaxed);
                }
                say(format_args!("{address} has the right time"));
            }
            End::Free(address) => {
                if let Some(host) = deployment.hosts.get(&address) {
                    host.disk.set_full(false);
                }
                say(format_args!("{address} has room on its disk"));
            }
            End::Quicken(address) => {
                if let Some(host) = deployment.hosts.get(&address) {
                    host.disk.set_slow(false);
                }
            }
            End::Takeover { lost } => self.promote(deployment, Some(lost), say),
            End::Replace(address) => {
                say(format_args!("{address} is to be replaced"));
                self.repairs.push(Repair::new(address));
            }
            End::Candidate { by, lost } => promote(deployment, by, lost, say),
        }
        Ok(())
    }

    fn begin(
        &mut self,
        now_ms: u64,
        deployment: &mut Deployment,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) -> Result<(), Violation> {
        let Some(fault) = Fault::ALL.get(self.draw.weighted(&self.weights)).copied() else { return Ok(()) };
        *self.counts.entry(fault).or_default() += 1;
        let all: Vec<Address> = deployment.hosts.keys().copied().collect();
        let up: Vec<Address> = all.iter().copied().filter(|a| is_up(deployment, *a)).collect();
        let Some(victim) = self.victim(deployment, &up) else { return Ok(()) };
        let regions = deployment.regions();
        let until = now_ms + self.draw.between(300, 4_000);
        match fault {
            Fault::Kill => {
                say(format_args!("kill {victim}"));
                self.stop(deployment, victim, now_ms, Host::kill);
            }
            Fault::PowerCut => {
                say(format_args!("power cut at {victim}"));
                self.stop(deployment, victim, now_ms, Host::cut_power);
            }
            Fault::TornWrite => {
                let after = self.draw.below(12);
                say(format_args!("power cut at {victim} after {after} disk operations"));
                if let Some(host) = deployment.hosts.get(&victim) {
                    host.disk.cut_after(after);
                }
            }
            Fault::RegionPowerCut => {
                say(format_args!("power cut of all {}", region_name(victim.region)));
                for address in all.into_iter().filter(|a| a.region == victim.region) {
                    self.stop(deployment, address, now_ms, Host::cut_power);
                }
            }
            Fault::Pause => {
                say(format_args!("{victim} stands still for {} ms", until - now_ms));
                deployment.paused.insert(victim);
                self.ends.push((until, End::Resume(victim)));
            }
            Fault::Isolate => {
                say(format_args!("{victim} is cut off"));
                self.cut(deployment, until, pairs(&all, |a, b| (a == victim) != (b == victim)));
            }
            Fault::Split => {
                say(format_args!("{} is cut in two at {victim}", region_name(victim.region)));
                let inside = |a: Address, b: Address| a.region == victim.region && b.region == victim.region;
                self.cut(
                    deployment,
                    until,
                    pairs(&all, |a, b| inside(a, b) && (a == victim) != (b == victim)),
                );
            }
            Fault::OneWay => {
                let Some(to) = self.draw.pick(&all).copied() else { return Ok(()) };
                say(format_args!("nothing gets from {victim} to {to}"));
                self.cut(deployment, until, pairs(&all, |a, b| a == victim && b == to));
            }
            Fault::Partial => {
                let near: Vec<Address> =
                    all.iter().copied().filter(|a| a.region == victim.region && *a != victim).collect();
                let Some(to) = self.draw.pick(&near).copied() else { return Ok(()) };
                say(format_args!("{victim} and {to} do not hear each other"));
                self.cut(
                    deployment,
                    until,
                    pairs(&all, |a, b| (a, b) == (victim, to) || (b, a) == (victim, to)),
                );
            }
            Fault::RegionIsolation => {
                let region = victim.region;
                say(format_args!("{} is cut off from the other Regions", region_name(region)));
                let until = until + self.draw.below(6_000);
                self.cut(deployment, until, pairs(&all, |a, b| (a.region == region) != (b.region == region)));
                self.maybe_take_over(region, until);
            }
            Fault::RegionCut => {
                let (one, other) = (victim.region, self.other(victim.region, regions));
                let both = self.draw.chance(500);
                say(format_args!(
                    "{} does not reach {}{}",
                    region_name(one),
                    region_name(other),
                    if both { ", and back" } else { "" }
                ));
                let crosses = |a: Address, b: Address| {
                    (a.region, b.region) == (one, other) || (both && (b.region, a.region) == (one, other))
                };
                self.cut(deployment, until, pairs(&all, crosses));
            }
            Fault::Loss => {
                let permille = self.draw.between(10, 250);
                say(format_args!("{permille} of 1000 messages are lost"));
                deployment.net.change_rules(|rules| rules.loss_permille = permille);
                self.ends.push((until, End::LossEnds));
            }
            Fault::Duplication => {
                let permille = self.draw.between(50, 400);
                say(format_args!("{permille} of 1000 requests come twice"));
                deployment.net.change_rules(|rules| rules.twice_permille = permille);
                self.ends.push((until, End::DuplicationEnds));
            }
            Fault::Reordering => {
                let permille = self.draw.between(10, 200);
                say(format_args!("{permille} of 1000 messages come late"));
                deployment.net.change_rules(|rules| rules.late_permille = permille);
                self.ends.push((until, End::ReorderingEnds));
            }
            Fault::Delay => {
                let (Some(to), ms) = (self.draw.pick(&all).copied(), self.draw.between(20, 700)) else {
                    return Ok(());
                };
                let wide = self.draw.chance(500);
                say(format_args!(
                    "{ms} ms more between {victim} and {to}{}",
                    if wide { ", whole Regions" } else { "" }
                ));
                let slow = |a: Address, b: Address| match wide {
                    true => a.region == victim.region && b.region == to.region,
                    false => a == victim && b == to,
                };
                let slow = pairs(&all, |a, b| slow(a, b) || slow(b, a));
                deployment
                    .net
                    .change_rules(|rules| rules.slow_ms.extend(slow.iter().map(|pair| (*pair, ms))));
                self.ends.push((until, End::Hasten(slow)));
            }
            Fault::ClockSkew => self.skew(deployment, victim, until, 90_000, say),
            Fault::ClockJump => self.skew(deployment, victim, until, 40 * 86_400_000, say),
            Fault::DaysPass => {
                let days = self.draw.between(1, 9);
                say(format_args!("{days} days pass"));
                deployment.world.skip(days * 86_400_000);
            }
            Fault::DiskFull => {
                say(format_args!("the disk of {victim} is full"));
                if let Some(host) = deployment.hosts.get(&victim) {
                    host.disk.set_full(true);
                }
                self.ends.push((until, End::Free(victim)));
            }
            Fault::SlowDisk => {
                say(format_args!("the disk of {victim} is slow"));
                if let Some(host) = deployment.hosts.get(&victim) {
                    host.disk.set_slow(true);
                }
                self.ends.push((until, End::Quicken(victim)));
            }
            Fault::RegionLoss => {
                let region = victim.region;
                say(format_args!("{} is lost", region_name(region)));
                let until = until + self.draw.between(2_000, 12_000);
                for address in all.into_iter().filter(|a| a.region == region) {
                    if let Some(host) = deployment.hosts.get_mut(&address).filter(|host| host.is_up()) {
                        host.cut_power();
                        self.ends.push((until, End::Start(address)));
                    }
                }
                self.maybe_take_over(region, until);
            }
            Fault::Promotion => self.promote(deployment, None, say),
            Fault::Contest => self.contest(deployment, now_ms),
            Fault::Eviction => self.evict(deployment, victim.region, say),
            Fault::Rot if deployment.standings.is_living(victim.region) => {
                self.rot(deployment, victim, say)?
            }
            Fault::RegionReplaced => self.replace_region(deployment, victim.region, say),
            Fault::RegionSetBack => self.set_region_back(deployment, victim.region, now_ms, say),
            Fault::RegionMoved => self.move_region(deployment, victim.region, say),
            Fault::Overtaken if self.overtaken.is_none() => {
                self.overtaken = Overtaken::begin(deployment, victim.region, &mut self.draw, say);
            }
            Fault::Overtaken | Fault::Rot => {}
            Fault::Rollback => self.roll_back(deployment, victim, until, say)?,
        }
        Ok(())
    }

    /// Some node that runs; the leader of its Region half of the time.
    fn victim(&mut self, deployment: &Deployment, up: &[Address]) -> Option<Address> {
        let chosen = *self.draw.pick(up)?;
        let leads = |a: &&Address| {
            a.region == chosen.region
                && deployment.hosts.get(a).and_then(Host::node).is_some_and(|node| node.group.is_leader())
        };
        match self.draw.chance(500) {
            true => Some(up.iter().find(leads).copied().unwrap_or(chosen)),
            false => Some(chosen),
        }
    }

    fn stop(&mut self, deployment: &mut Deployment, at: Address, now_ms: u64, how: impl FnOnce(&mut Host)) {
        if let Some(host) = deployment.hosts.get_mut(&at).filter(|host| host.is_up()) {
            how(host);
            self.ends.push((now_ms + self.draw.between(50, 4_000), End::Start(at)));
        }
    }

    /// A node that finds its log damaged must not start (A4).
    fn rot(
        &mut self,
        deployment: &mut Deployment,
        victim: Address,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) -> Result<(), Violation> {
        let mending = |address: Address| {
            let repaired = self.repairs.iter().any(|repair| repair.address == address);
            repaired || self.rollbacks.is_back(address)
        };
        let whole = |host: &&Host| !host.broken && !mending(host.address);
        let others = deployment.of_region(victim.region).filter(whole).count();
        let Some(host) = deployment.hosts.get_mut(&victim).filter(|_| others >= 3) else { return Ok(()) };
        host.kill();
        let started = if host.disk.rot() { host.start() } else { return Ok(()) };
        match started {
            Ok(()) => broken("A4", format!("{victim} starts although a bit of its log has changed")),
            Err(error) => {
                say(format_args!("{victim} refuses to start on a damaged log: {error}"));
                host.broken = true;
                self.repairs.push(Repair::new(victim));
                Ok(())
            }
        }
    }

    fn replace_region(
        &mut self,
        deployment: &mut Deployment,
        region: RegionNumber,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) {
        if self.rebuilds.is_empty() && has_settled(deployment) {
            say(format_args!("{} is lost for ever", region_name(region)));
            rebuild::lose(deployment, region);
            self.rebuild(deployment, region, Cause::Gone);
        }
    }

    fn move_region(
        &mut self,
        deployment: &mut Deployment,
        region: RegionNumber,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) {
        if self.rebuilds.is_empty() && has_settled(deployment) {
            say(format_args!("{} is to be replaced", region_name(region)));
            self.rebuild(deployment, region, Cause::Planned);
        }
    }

    /// The first time remembers all its disks; later ones set it back to that, once others have heard more of it.
    fn set_region_back(
        &mut self,
        deployment: &mut Deployment,
        region: RegionNumber,
        now_ms: u64,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) {
        if !self.rebuilds.is_empty() {
            return;
        }
        let due = self.earlier.as_ref().filter(|earlier| earlier.is_of_present(deployment));
        match due {
            None => self.earlier = Earlier::take(deployment, region),
            Some(earlier) if earlier.is_missed(deployment) && has_settled(deployment) => {
                let region = earlier.region;
                say(format_args!("all disks of {} are set back", region_name(region)));
                for address in earlier.restore(deployment) {
                    self.ends.push((now_ms + self.draw.between(100, 1_500), End::Start(address)));
                }
                self.earlier = None;
                self.rebuild(deployment, region, Cause::SetBack);
            }
            Some(_) => {}
        }
    }

    fn rebuild(&mut self, deployment: &Deployment, region: RegionNumber, cause: Cause) {
        self.repairs.retain(|repair| repair.address.region != region);
        let draw = self.draw.branch();
        self.rebuilds.push(Rebuild::new(region, cause, deployment, draw));
    }

    /// A node that was set back takes no part until it was removed and added again (A5).
    fn roll_back(
        &mut self,
        deployment: &mut Deployment,
        victim: Address,
        until: u64,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) -> Result<(), Violation> {
        let repairs = &self.repairs;
        let mending = |address| repairs.iter().any(|repair| repair.address == address);
        match self.rollbacks.attempt(deployment, victim, mending, &mut |host| start(host, &mut *say))? {
            Attempt::SetBack => {
                say(format_args!("{victim} is set back to an earlier state of its disk"));
                self.ends.push((until, End::Replace(victim)));
            }
            Attempt::Undone => say(format_args!("{victim} is not set back: not everybody would notice")),
            Attempt::Kept | Attempt::Passed => {}
        }
        Ok(())
    }

    fn cut(&mut self, deployment: &Deployment, until: u64, pairs: BTreeSet<(Address, Address)>) {
        deployment.net.change_rules(|rules| rules.cut.extend(pairs.iter().copied()));
        self.ends.push((until, End::Reconnect(pairs)));
    }

    /// One wrong clock per Region at most, and only where there are three: a majority stays right.
    fn skew(
        &mut self,
        deployment: &Deployment,
        victim: Address,
        until: u64,
        most_ms: u64,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) {
        let wrong = |host: &Host| host.skew_ms.load(Ordering::Relaxed) != 0;
        let mut near = deployment.of_region(victim.region);
        if near.any(wrong) || deployment.of_region(victim.region).count() < 3 {
            return;
        }
        let ms = i64::try_from(self.draw.between(1, most_ms)).unwrap_or(0);
        let ms = if self.draw.chance(500) { ms } else { -ms };
        say(format_args!("the clock of {victim} is {ms} ms ahead"));
        if let Some(host) = deployment.hosts.get(&victim) {
            host.skew_ms.store(ms, Ordering::Relaxed);
        }
        self.ends.push((until, End::SetClock(victim)));
    }

    fn other(&mut self, region: RegionNumber, regions: usize) -> RegionNumber {
        let others: Vec<RegionNumber> = (0..regions).filter(|other| *other != region).collect();
        self.draw.pick(&others).copied().unwrap_or(region)
    }

    fn maybe_take_over(&mut self, lost: RegionNumber, until: u64) {
        if self.draw.chance(600) {
            let at = until.saturating_sub(self.draw.between(500, 4_000));
            self.ends.push((at, End::Takeover { lost }));
        }
    }

    /// An operator makes a Region the primary of every key of another.
    fn promote(
        &mut self,
        deployment: &Deployment,
        lost: Option<RegionNumber>,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) {
        let data = deployment.shape.data_regions;
        let lost = lost.filter(|lost| *lost < data).unwrap_or_else(|| self.draw.below(data as u64) as usize);
        let by = self.other(lost, data);
        promote(deployment, by, lost, say);
    }

    /// All other data Regions, each when it likes.
    fn contest(&mut self, deployment: &Deployment, now_ms: u64) {
        let data = deployment.shape.data_regions;
        let lost = self.draw.below(data as u64) as usize;
        for by in (0..data).filter(|by| *by != lost) {
            self.ends.push((now_ms + self.draw.between(0, 120), End::Candidate { by, lost }));
        }
    }

    fn evict(
        &mut self,
        deployment: &Deployment,
        evicted: RegionNumber,
        say: &mut dyn FnMut(fmt::Arguments<'_>),
    ) {
        let data = deployment.shape.data_regions;
        if evicted >= data {
            return;
        }
        let by = self.other(evicted, data);
        let Some((leader, evicted)) = deployment.leader(by).zip(region(evicted)) else { return };
        say(format_args!("{} evicts {evicted} from all its keys", region_name(by)));
        leader.spawn(|node: SimulatedNode| async move {
            let gone = node.region.evict(evicted, EvictScope::All).await;
            tracing::info!(?gone, "eviction");
        });
    }
}

fn promote(
    deployment: &Deployment,
    by: RegionNumber,
    lost: RegionNumber,
    say: &mut dyn FnMut(fmt::Arguments<'_>),
) {
    let Some((leader, from)) = deployment.leader(by).zip(region(lost)) else { return };
    say(format_args!("promote {} for all keys of {}", region_name(by), region_name(lost)));
    leader.spawn(|node: SimulatedNode| async move {
        let promoted = node.region.promote(PromoteScope::AllOf(from), Force::Safe).await;
        tracing::info!(?promoted, "promotion");
    });
}

fn region(number: RegionNumber) -> Option<Region> {
    region_name(number).parse().ok()
}

fn is_up(deployment: &Deployment, address: Address) -> bool {
    deployment.hosts.get(&address).is_some_and(Host::is_up)
}

fn pairs(all: &[Address], cut: impl Fn(Address, Address) -> bool) -> BTreeSet<(Address, Address)> {
    let every = all.iter().flat_map(|a| all.iter().map(|b| (*a, *b)));
    every.filter(|(a, b)| a != b && cut(*a, *b)).collect()
}

/// Starts a process that does not run. Whatever the power cuts left, its storage opens (A1, A4).
fn start(host: &mut Host, say: &mut dyn FnMut(fmt::Arguments<'_>)) -> Result<(), Violation> {
    if host.is_up() || host.broken {
        return Ok(());
    }
    let address = host.address;
    match host.start() {
        Ok(()) => {
            say(format_args!("{address} starts"));
            Ok(())
        }
        // A full disk: tried again when everything ends.
        Err(StartError::Storage(error)) if is_refusal_of_disk(&error) => {
            say(format_args!("{address} does not start: {error}"));
            Ok(())
        }
        Err(error) => {
            let mut text = format!("{address} does not start: {error}");
            let mut source = std::error::Error::source(&error);
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            broken("A4", text)
        }
    }
}

fn is_refusal_of_disk(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<std::io::Error>();
        if io.is_some_and(|error| error.kind() == std::io::ErrorKind::StorageFull) {
            return true;
        }
        cause = error.source();
    }
    false
}
