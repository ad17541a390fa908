//! What comes after the last fault: everything that is under way arrives, or is lost; time passes; and live Regions must
//! agree, and have nothing left to agree on.

use kms_state::{Command, ControlRecord, MaterialStatus};
use std::collections::VecDeque;
use std::sync::Arc;

use crate::{Letter, Pause, Site, Step, names};

/// Enough for every timer to end several times.
const ROUNDS: usize = 24;
/// More letters than this in one round are a storm.
const MOST_LETTERS: usize = 2_000;

/// Whether Regions are among them that went back to an earlier state and are heard all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Votes {
    /// Everybody knows what it has promised and accepted.
    Kept,
    /// Nobody needs to bring an agreement to its end that its own proposer has forgotten.
    Forgotten,
}

/// True when these Regions, which all hear each other, come to go by the same record, hold what it asks of them, and wait
/// for no promotion.
pub(crate) fn converges(sites: &[Arc<Site>], letters: &[Arc<Letter>], votes: Votes) -> bool {
    let mut sites: Vec<Site> = sites.iter().map(|site| (**site).clone()).collect();
    let mut letters: VecDeque<Letter> = letters.iter().map(|letter| (**letter).clone()).collect();
    agree_on_time(&mut sites);
    let mut quiet = 0;
    for round in 0..ROUNDS {
        let before: Vec<u64> = sites.iter().map(Site::replicated).collect();
        if !deliver_all(&mut sites, &mut letters) {
            return false;
        }
        let pause = if round % 4 == 2 { Pause::Long } else { Pause::Short };
        for site in &mut sites {
            take(site, &Step::Pass(pause), None, &mut letters);
        }
        if !deliver_all(&mut sites, &mut letters) {
            return false;
        }
        let after: Vec<u64> = sites.iter().map(Site::replicated).collect();
        quiet = if before == after { quiet + 1 } else { 0 };
        if quiet > 4 {
            break;
        }
    }
    let Some(voters) = voters(&sites) else { return false };
    are_equal(&voters) && (votes == Votes::Forgotten || are_settled(&voters))
}

/// Region time goes on everywhere: a voter in whose Region a deadline has not passed refuses a tombstone until then (D1).
fn agree_on_time(sites: &mut [Site]) {
    let Some(now) = sites.iter().map(|site| site.state.region_time()).max() else { return };
    for site in sites.iter_mut().filter(|site| site.state.region_time() < now) {
        site.found(Command::Tick { now });
    }
}

fn deliver_all(sites: &mut [Site], letters: &mut VecDeque<Letter>) -> bool {
    for _ in 0..MOST_LETTERS {
        for site in &mut *sites {
            while site.has_backlog() {
                take(site, &Step::Apply, None, letters);
            }
        }
        let Some(letter) = letters.pop_front() else { return true };
        if let Some(site) = sites.iter_mut().find(|site| site.region == letter.to) {
            take(site, &Step::Receive(letter.fingerprint), Some(&letter), letters);
        }
    }
    false
}

fn take(site: &mut Site, step: &Step, letter: Option<&Letter>, letters: &mut VecDeque<Letter>) {
    let stepped = site.step(step, letter);
    *site = stepped.site;
    letters.extend(stepped.letters);
}

/// The Regions of the newest directory that any of them goes by, if they all go by it.
fn voters(sites: &[Site]) -> Option<Vec<Site>> {
    let newest = sites.iter().filter_map(|site| site.state.directory()).max_by_key(|d| d.generation)?;
    let listed = |site: &&Site| {
        newest.voters.get(&site.region).map(|voter| voter.incarnation) == site.state.incarnation()
    };
    let voters: Vec<Site> = sites.iter().filter(listed).cloned().collect();
    voters.iter().all(|site| site.state.directory() == Some(newest)).then_some(voters)
}

fn committed(site: &Site) -> Option<Arc<ControlRecord>> {
    site.state.register(&names::key_id())?.committed.clone()
}

fn are_equal(sites: &[Site]) -> bool {
    let first = sites.first().and_then(committed);
    let equal = sites.iter().all(|site| committed(site) == first);
    equal && first.is_none_or(|record| sites.iter().all(|site| holds_what_it_can(site, &record, sites)))
}

/// While the primary and a majority live, no voter waits for ever: for the end of a record, or of a candidate. With a
/// majority, a key that left the deployment with its last holder is given up (rule 12).
fn are_settled(sites: &[Site]) -> bool {
    let Some(record) = sites.first().and_then(committed) else { return true };
    let directory = sites.first().and_then(|site| site.state.directory());
    let majority = directory.is_some_and(|d| d.is_majority(sites.iter().map(|site| &site.region)));
    let primary = sites.iter().any(|site| site.region == record.primary);
    let left = directory.is_some_and(|directory| {
        !directory.voters.contains_key(&record.primary) && record.holders(directory).next().is_none()
    });
    if majority && left && !record.is_destroyed() {
        return false;
    }
    !(majority && primary) || sites.iter().all(|site| site.state.unsettled().next().is_none())
}

/// A member lacks an active material only when no active member that is left has it.
fn holds_what_it_can(site: &Site, record: &ControlRecord, sites: &[Site]) -> bool {
    let holds = |site: &Site, id| site.state.key(&names::key_id()).is_some_and(|k| k.held.contains_key(id));
    let mut active = record.materials.iter().filter(|m| m.status == MaterialStatus::Active);
    let held_somewhere =
        |id| sites.iter().any(|other| record.is_active_member(&other.region) && holds(other, id));
    record.is_destroyed()
        || !record.is_member(&site.region)
        || active.all(|m| holds(site, &m.id) || !held_somewhere(&m.id))
}
