//! What comes after the last fault: everything that is under way arrives, time passes, and live Regions must agree.

use kms_state::{ControlRecord, MaterialStatus};
use std::collections::VecDeque;
use std::sync::Arc;

use crate::{Letter, Pause, Site, Step, names};

/// Enough for every timer to end several times.
const ROUNDS: usize = 24;
/// More letters than this in one round are a storm.
const MOST_LETTERS: usize = 2_000;

/// True when these Regions, which all hear each other, come to go by the same record and hold what it asks of them.
pub(crate) fn converges(sites: &[Arc<Site>], letters: Vec<Arc<Letter>>) -> bool {
    let mut sites: Vec<Site> = sites.iter().map(|site| (**site).clone()).collect();
    let mut letters: VecDeque<Letter> = letters.iter().map(|letter| (**letter).clone()).collect();
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
    are_equal(&sites)
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

fn are_equal(sites: &[Site]) -> bool {
    let Some(sites) = &voters(sites) else { return false };
    let committed = |site: &Site| site.state.register(&names::key_id()).and_then(|r| r.committed.clone());
    let first = sites.first().and_then(committed);
    let equal = sites.iter().all(|site| committed(site) == first);
    equal && first.is_none_or(|record| sites.iter().all(|site| holds_what_it_can(site, &record, sites)))
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
