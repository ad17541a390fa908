//! What one log entry did, as far as the invariants ask; and the rules that one entry can break by itself.

use kms_state::{Command, ControlRecord, Directory, Key, Lifecycle, MaterialStatus, Register, State};
use kms_types::{MaterialId, Timestamp};
use std::sync::Arc;

use crate::{Rule, names};

/// Something that the history of a deployment remembers.
#[derive(Debug, Clone)]
pub enum Event {
    /// The Region accepted a record because it proposed it or was asked to.
    Voted {
        /// The record.
        record: Arc<ControlRecord>,
        /// Region time then.
        at: Timestamp,
        /// The directory that the Region went by.
        generation: u64,
    },
    /// The Region accepted a directory, or began with it.
    AcceptedDirectory(Box<Directory>),
    /// A directory came into force in the Region.
    Directory(Box<Directory>),
    /// The Region learned that a record is committed.
    Learned(Arc<ControlRecord>),
    /// CancelKeyDeletion was answered, of this deadline.
    Cancelled(Timestamp),
    /// The entry broke a rule.
    Broke(Rule),
}

/// What happened between two states.
pub(crate) fn events(before: &State, after: &State, command: &Command) -> Vec<Event> {
    let key = names::key_id();
    let old = before.register(&key).map(|r| (**r).clone()).unwrap_or_default();
    let new = after.register(&key).map(|r| (**r).clone()).unwrap_or_default();
    let (old_key, new_key) = (before.key(&key).map(|k| &**k), after.key(&key).map(|k| &**k));
    let mut events = Vec::new();
    if let Some(record) = voted(&old, &new, command) {
        let generation = after.directory().map_or(0, |directory| directory.generation);
        events.push(Event::Voted { record, at: after.region_time(), generation });
    }
    if let Some(record) = new.committed.clone().filter(|_| new.committed != old.committed) {
        events.push(Event::Learned(record));
    }
    if let (Command::CancelDeletion { .. }, Some(Lifecycle::PendingDeletion { delete_at, .. })) =
        (command, old_key.map(|k| k.lifecycle))
        && new_key.map(|k| k.lifecycle) != old_key.map(|k| k.lifecycle)
    {
        events.push(Event::Cancelled(delete_at));
    }
    events.extend(directories(before, after));
    let region = after.region().filter(|_| before.region().is_some());
    if let Some(region) = region {
        let broken = [
            (Rule::D3, returns(&old, &new)),
            (Rule::D4, loses_material(&old, &new, old_key, new_key, region)),
            (Rule::D1, vanishes_early(old_key, new_key, after.region_time())),
            (Rule::C8, changes_independent(old_key, new_key, command)),
        ];
        events.extend(broken.into_iter().filter(|(_, broke)| *broke).map(|(rule, _)| Event::Broke(rule)));
    }
    events
}

fn voted(old: &Register, new: &Register, command: &Command) -> Option<Arc<ControlRecord>> {
    let accepted = new.accepted.clone()?;
    let fresh = new.accepted != old.accepted;
    let votes = match command {
        Command::ProposeRecord { .. } | Command::ProposeImport { .. } | Command::ProposePromotion { .. } => {
            fresh
        }
        // Asked about a record that it had read from another voter, it accepts it now.
        Command::AcceptRecords { records } => {
            let asked = records.iter().any(|record| record.version == accepted.version);
            fresh || asked && new.promised.as_ref() == Some(&accepted.version.epoch)
        }
        // What is read from another voter counts as accepted as far as nothing higher is promised.
        Command::MergeRegisters { .. } => {
            fresh && new.promised.as_ref() == Some(&accepted.version.epoch) && !accepted.is_destroyed()
        }
        _ => false,
    };
    votes.then_some(accepted)
}

fn directories(before: &State, after: &State) -> Vec<Event> {
    let mut events = Vec::new();
    if let Some(next) = after.next_directory().filter(|_| after.next_directory() != before.next_directory()) {
        events.push(Event::AcceptedDirectory(Box::new(next.directory.clone())));
    }
    if let (Some(was), Some(is)) = (before.directory(), after.directory())
        && was != is
    {
        events.push(Event::AcceptedDirectory(Box::new(is.clone())));
        events.push(Event::Directory(Box::new(is.clone())));
    }
    events
}

fn returns(old: &Register, new: &Register) -> bool {
    old.is_destroyed() && !new.is_destroyed()
}

/// A member before and after that has lost a material which is active in its committed record.
fn loses_material(
    old: &Register,
    new: &Register,
    old_key: Option<&Key>,
    new_key: Option<&Key>,
    region: &kms_types::Region,
) -> bool {
    let (Some(was), Some(is), Some(old_key)) = (&old.committed, &new.committed, old_key) else {
        return false;
    };
    let member = was.is_member(region) && is.is_member(region);
    let kept = |id: &MaterialId| new_key.is_some_and(|k| k.held.contains_key(id));
    let active = is.materials.iter().filter(|m| m.status == MaterialStatus::Active);
    member && active.filter(|m| old_key.held.contains_key(&m.id)).any(|m| !kept(&m.id))
}

fn vanishes_early(old: Option<&Key>, new: Option<&Key>, now: Timestamp) -> bool {
    let due =
        |key: &Key| matches!(key.lifecycle, Lifecycle::PendingDeletion { delete_at, .. } if delete_at <= now);
    new.is_none() && old.is_some_and(|key| !due(key))
}

/// Entries of the Region protocol leave alone what belongs to this Region; only deadlines follow the membership.
fn changes_independent(old: Option<&Key>, new: Option<&Key>, command: &Command) -> bool {
    let (Some(old), Some(new)) = (old, new) else { return false };
    let own = matches!(command, Command::ScheduleDeletion { .. } | Command::CancelDeletion { .. });
    let texts = |k: &Key| (k.policy.clone(), k.description.clone(), k.tags.clone(), k.created_at);
    let revived = is_leaving(old) && !is_leaving(new);
    let buried = !is_leaving(old) && is_leaving(new);
    let destroyed = new.multi_region.as_ref().is_some_and(|m| m.phase == kms_state::Phase::Destroyed);
    texts(old) != texts(new) || (!own && (revived || (buried && !destroyed)))
}

fn is_leaving(key: &Key) -> bool {
    matches!(key.lifecycle, Lifecycle::PendingDeletion { .. } | Lifecycle::PendingReplicaDeletion { .. })
}
