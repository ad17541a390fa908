//! The table: persistent maps, so that a read view is O(1) to take, and the indexes beside them.

use imbl::{OrdMap, Vector};
use kms_types::{AccountId, limits};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::{
    AccessKey, Group, IdentityChange, IdentityCopy, IdentityEntry, IdentityKey, IdentityRecord,
    ManagedPolicy, Position, Role, User,
};
use crate::{Change, DecodeError, Refusal, decode, encode};

/// A record and when it was last changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The sequence of the last change.
    pub changed: u64,
    /// The record.
    pub record: IdentityRecord,
}

/// All identity records of the deployment as this Region knows them. `clone` is O(1).
#[derive(Debug, Clone, Default)]
pub struct Identity {
    position: Position,
    records: OrdMap<IdentityKey, Arc<Stored>>,
    /// The newest entries by sequence, for the Regions that pull.
    tail: OrdMap<u64, Arc<IdentityEntry>>,
    /// The parts of a copy that is not complete yet.
    incoming: Vector<Arc<IdentityCopy>>,
    // Derived.
    by_id: OrdMap<String, IdentityKey>,
}

/// The second byte of a stored key.
mod part {
    pub(super) const INCOMING: u8 = b'i';
    pub(super) const POSITION: u8 = b'p';
    pub(super) const RECORD: u8 = b'r';
    pub(super) const TAIL: u8 = b't';
}

/// The table's byte in stored keys.
pub(crate) const TABLE: u8 = b'I';

impl Identity {
    /// Where this copy stands.
    pub fn position(&self) -> &Position {
        &self.position
    }

    /// A record with its last change.
    pub fn stored(&self, key: &IdentityKey) -> Option<&Arc<Stored>> {
        self.records.get(key)
    }

    /// The record, without its place in history.
    pub fn record(&self, key: &IdentityKey) -> Option<&IdentityRecord> {
        self.stored(key).map(|stored| &stored.record)
    }

    /// The record with this unique id.
    pub fn by_id(&self, id: &str) -> Option<&IdentityRecord> {
        self.record(self.by_id.get(id)?)
    }

    /// A user by name.
    pub fn user(&self, account: AccountId, name: &str) -> Option<&User> {
        match self.record(&IdentityKey::user(account, name)) {
            Some(IdentityRecord::User(user)) => Some(user),
            _ => None,
        }
    }

    /// A user by unique id.
    pub fn user_by_id(&self, id: &str) -> Option<&User> {
        match self.by_id(id) {
            Some(IdentityRecord::User(user)) => Some(user),
            _ => None,
        }
    }

    /// A group by name.
    pub fn group(&self, account: AccountId, name: &str) -> Option<&Group> {
        match self.record(&IdentityKey::group(account, name)) {
            Some(IdentityRecord::Group(group)) => Some(group),
            _ => None,
        }
    }

    /// A role by name.
    pub fn role(&self, account: AccountId, name: &str) -> Option<&Role> {
        match self.record(&IdentityKey::role(account, name)) {
            Some(IdentityRecord::Role(role)) => Some(role),
            _ => None,
        }
    }

    /// A role by unique id.
    pub fn role_by_id(&self, id: &str) -> Option<&Role> {
        match self.by_id(id) {
            Some(IdentityRecord::Role(role)) => Some(role),
            _ => None,
        }
    }

    /// A managed policy by its whole ARN: path and name must be those of the record.
    pub fn policy(&self, arn: &str) -> Option<&ManagedPolicy> {
        let (account, name) = policy_name(arn)?;
        match self.record(&IdentityKey::policy(account, name)) {
            Some(IdentityRecord::Policy(policy)) if policy.arn() == arn => Some(policy),
            _ => None,
        }
    }

    /// An access key by its id.
    pub fn access_key(&self, id: &str) -> Option<&AccessKey> {
        match self.record(&IdentityKey::AccessKey(id.to_owned())) {
            Some(IdentityRecord::AccessKey(key)) => Some(key),
            _ => None,
        }
    }

    /// The records from `first` on that are of its kind and account, in order of their lower-case names.
    pub fn from(&self, first: &IdentityKey) -> impl Iterator<Item = &IdentityRecord> + '_ {
        let end = first.clone();
        self.records
            .range(first.clone()..)
            .take_while(move |(key, _)| same_kind(key, &end))
            .map(|(_, stored)| &stored.record)
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True when nothing was ever written.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The entries that follow `position`, oldest first; none when that position is not on this history, or too old.
    pub fn entries_after(
        &self,
        position: &Position,
    ) -> Option<impl Iterator<Item = &Arc<IdentityEntry>> + '_> {
        let next = position.sequence.saturating_add(1);
        let known = match self.tail.get(&next) {
            Some(entry) => entry.previous == *position,
            None => self.position == *position,
        };
        known.then(|| self.tail.range(next..).map(|(_, entry)| entry))
    }

    /// The whole copy that is being taken: its position, and the next part.
    pub fn incoming(&self) -> Option<(Position, u32)> {
        self.incoming.last().map(|copy| (copy.position.clone(), copy.part.saturating_add(1)))
    }

    /// Every record with its place, for a whole copy.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Stored>> {
        self.records.values()
    }
}

fn policy_name(arn: &str) -> Option<(AccountId, &str)> {
    let mut fields = arn.splitn(6, ':');
    let (account, resource) = (fields.nth(4)?, fields.next()?);
    let name = resource.strip_prefix("policy/")?.rsplit('/').next()?;
    Some((account.parse().ok()?, name))
}

fn same_kind(key: &IdentityKey, first: &IdentityKey) -> bool {
    use IdentityKey::{AccessKey, Group, Policy, Role, User};
    match (key, first) {
        (User(a, _), User(b, _)) | (Group(a, _), Group(b, _)) | (Role(a, _), Role(b, _)) => a == b,
        (Policy(a, _), Policy(b, _)) => a == b,
        (AccessKey(_), AccessKey(_)) => true,
        _ => false,
    }
}

// Writing. Every function returns what the store has to write.
impl Identity {
    /// A change by the home, in `epoch`. Refused when a guarded record moved meanwhile.
    pub(crate) fn change(
        &mut self,
        change: &IdentityChange,
        epoch: &kms_types::Epoch,
        out: &mut Vec<Change>,
    ) -> Result<(), Refusal> {
        let moved = |guard: &&super::Guard| self.records.get(&guard.key).map(|s| s.changed) != guard.changed;
        if change.guards.iter().any(|guard| moved(&guard)) || self.takes_an_id(change) {
            return Err(Refusal::IdentityMoved);
        }
        let previous = self.position.clone();
        let position = Position { epoch: Some(epoch.clone()), sequence: previous.sequence.saturating_add(1) };
        let (puts, deletes) = (change.puts.clone(), change.deletes.clone());
        self.take(IdentityEntry { previous, position, puts, deletes }, out);
        Ok(())
    }

    /// True when a new record has the unique id of another that stays: drawn by chance, or a defect. Whoever decides
    /// again draws another.
    fn takes_an_id(&self, change: &IdentityChange) -> bool {
        change.puts.iter().any(|record| {
            let holder = record.unique_id().and_then(|id| self.by_id.get(id));
            holder.is_some_and(|key| *key != record.key() && !change.deletes.contains(key))
        })
    }

    /// Entries of the home, in order. What came before is skipped; a gap or another history ends it.
    pub(crate) fn follow(&mut self, entries: &[IdentityEntry], out: &mut Vec<Change>) -> Result<(), Refusal> {
        for entry in entries {
            if entry.position <= self.position {
                continue;
            }
            if entry.previous != self.position {
                return Err(Refusal::IdentityGap);
            }
            self.take(entry.clone(), out);
        }
        Ok(())
    }

    /// One part of a whole copy. Parts of an older copy than this one are refused; the first part of a newer copy begins
    /// afresh.
    pub(crate) fn replace(&mut self, copy: &IdentityCopy, out: &mut Vec<Change>) -> Result<(), Refusal> {
        if copy.position <= self.position {
            return Err(Refusal::IdentityGap);
        }
        if copy.part == 0 {
            self.drop_incoming(out);
        }
        let fits = self.incoming.last().is_none_or(|last| {
            last.position == copy.position
                && last.parts == copy.parts
                && last.part.checked_add(1) == Some(copy.part)
        });
        if !fits || (self.incoming.is_empty() && copy.part != 0) || copy.part >= copy.parts {
            return Err(Refusal::IdentityGap);
        }
        out.push(Change { key: incoming_key(copy.part), value: Some(encode(copy)) });
        self.incoming.push_back(Arc::new(copy.clone()));
        if copy.part.checked_add(1) == Some(copy.parts) {
            self.install(copy.position.clone(), out);
        }
        Ok(())
    }

    fn install(&mut self, position: Position, out: &mut Vec<Change>) {
        let parts = std::mem::take(&mut self.incoming);
        out.extend(parts.iter().map(|part| Change { key: incoming_key(part.part), value: None }));
        let old: Vec<IdentityKey> = self.records.keys().cloned().collect();
        for key in old {
            self.remove(&key, out);
        }
        for stored in parts.iter().flat_map(|part| &part.records) {
            self.put(stored.clone(), out);
        }
        let tail: Vec<u64> = self.tail.keys().copied().collect();
        for sequence in tail {
            self.tail.remove(&sequence);
            out.push(Change { key: tail_key(sequence), value: None });
        }
        self.move_to(position, out);
    }

    fn drop_incoming(&mut self, out: &mut Vec<Change>) {
        for part in std::mem::take(&mut self.incoming) {
            out.push(Change { key: incoming_key(part.part), value: None });
        }
    }

    fn take(&mut self, entry: IdentityEntry, out: &mut Vec<Change>) {
        let sequence = entry.position.sequence;
        // Removals first, so that a rename may free an index entry that the new record takes.
        for key in &entry.deletes {
            self.remove(key, out);
        }
        for record in &entry.puts {
            self.put(Stored { changed: sequence, record: record.clone() }, out);
        }
        self.move_to(entry.position.clone(), out);
        out.push(Change { key: tail_key(sequence), value: Some(encode(&entry)) });
        self.tail.insert(sequence, Arc::new(entry));
        while self.tail.len() > limits::IDENTITY_TAIL {
            let Some((oldest, _)) = self.tail.get_min() else { break };
            let oldest = *oldest;
            self.tail.remove(&oldest);
            out.push(Change { key: tail_key(oldest), value: None });
        }
    }

    fn move_to(&mut self, position: Position, out: &mut Vec<Change>) {
        out.push(Change { key: vec![TABLE, part::POSITION], value: Some(encode(&position)) });
        self.position = position;
    }

    fn put(&mut self, stored: Stored, out: &mut Vec<Change>) {
        let key = stored.record.key();
        out.push(Change { key: record_key(&key), value: Some(encode(&stored)) });
        self.unindex(&key);
        if let Some(old) = self.records.get(&key) {
            stored.record.adopt_compiled(&old.record);
        }
        if let Some(id) = stored.record.unique_id() {
            self.by_id.insert(id.to_owned(), key.clone());
        }
        self.records.insert(key, Arc::new(stored));
    }

    fn remove(&mut self, key: &IdentityKey, out: &mut Vec<Change>) {
        self.unindex(key);
        if self.records.remove(key).is_some() {
            out.push(Change { key: record_key(key), value: None });
        }
    }

    fn unindex(&mut self, key: &IdentityKey) {
        let id = self.records.get(key).and_then(|old| old.record.unique_id()).map(str::to_owned);
        if let Some(id) = id {
            self.by_id.remove(&id);
        }
    }
}

// Storing.
impl Identity {
    /// Every stored record in key order.
    pub(crate) fn stored_records(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
        let incoming = self.incoming.iter().map(|part| (incoming_key(part.part), encode(&**part)));
        let written = self.position != Position::default();
        let position = written.then(|| (vec![TABLE, part::POSITION], encode(&self.position)));
        let mut records: Vec<(Vec<u8>, Vec<u8>)> =
            self.records.iter().map(|(key, stored)| (record_key(key), encode(&**stored))).collect();
        records.sort_unstable();
        let tail = self.tail.iter().map(|(sequence, entry)| (tail_key(*sequence), encode(&**entry)));
        incoming.chain(position).chain(records).chain(tail)
    }

    pub(crate) fn restore(&mut self, key: &[u8], value: &[u8]) -> Result<(), DecodeError> {
        match key.get(1).copied().unwrap_or_default() {
            part::INCOMING => {
                let copy: IdentityCopy = decode(value)?;
                let at = self.incoming.iter().position(|other| other.part > copy.part);
                self.incoming.insert(at.unwrap_or(self.incoming.len()), Arc::new(copy));
            }
            part::POSITION => self.position = decode(value)?,
            part::RECORD => {
                let stored: Stored = decode(value)?;
                if record_key(&stored.record.key()) != key {
                    return Err(DecodeError::KeyMismatch);
                }
                self.put(stored, &mut Vec::new());
            }
            part::TAIL => {
                let entry: IdentityEntry = decode(value)?;
                self.tail.insert(entry.position.sequence, Arc::new(entry));
            }
            other => return Err(DecodeError::UnknownTable(other)),
        }
        Ok(())
    }
}

fn record_key(key: &IdentityKey) -> Vec<u8> {
    let (kind, account, name) = match key {
        IdentityKey::User(account, name) => (b'u', account.to_string(), name),
        IdentityKey::Group(account, name) => (b'g', account.to_string(), name),
        IdentityKey::Role(account, name) => (b'r', account.to_string(), name),
        IdentityKey::Policy(account, name) => (b'p', account.to_string(), name),
        IdentityKey::AccessKey(id) => (b'k', String::new(), id),
    };
    let mut bytes = vec![TABLE, part::RECORD, kind];
    bytes.extend_from_slice(account.as_bytes());
    bytes.extend_from_slice(name.as_bytes());
    bytes
}

fn tail_key(sequence: u64) -> Vec<u8> {
    let mut bytes = vec![TABLE, part::TAIL];
    bytes.extend_from_slice(&sequence.to_be_bytes());
    bytes
}

fn incoming_key(part: u32) -> Vec<u8> {
    let mut bytes = vec![TABLE, part::INCOMING];
    bytes.extend_from_slice(&part.to_be_bytes());
    bytes
}
