//! The state itself: persistent maps that share structure between versions, so that a read view is O(1) to take.

mod grants;

use imbl::{OrdMap, OrdSet};
use kms_crypto::WrappedDomainKey;
use kms_types::{
    AccountId, AliasName, CustomerKeyManager, DeploymentId, Epoch, GrantId, GrantPrincipal, Incarnation,
    KeyId, ProposalId, Region, Timestamp, limits,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeSet, sync::Arc};

use crate::{
    AccessKeyUsage, Alias, Change, DecodeError, Directory, Grant, GrantTerms, GrantUse, Identity,
    IdentityChange, IdentityCopy, IdentityEntry, IdentityKey, Key, LastUsage, Lifecycle, MOST_OFFICES, Mark,
    OfficeId, Outcome, PeerMark, Phase, ProposedDirectory, Refusal, RegionClock, Register, ServiceAct,
    ServiceEvent, ServiceEventId, decode, encode, identity,
};
use grants::Grants;

/// One Region's replicated state. `clone` is O(1).
#[derive(Debug, Clone, Default)]
pub struct State {
    meta: Option<Arc<Meta>>,
    domain_keys: OrdMap<(u32, [u8; 16]), WrappedDomainKey>,
    keys: OrdMap<KeyId, Arc<Key>>,
    aliases: OrdMap<(AccountId, AliasName), Arc<Alias>>,
    grants: Grants,
    registers: OrdMap<KeyId, Arc<Register>>,
    proposals: OrdMap<ProposalId, Arc<Remembered>>,
    retired: OrdSet<KeyId>,
    usage: OrdMap<KeyId, LastUsage>,
    access_key_usage: OrdMap<String, AccessKeyUsage>,
    service_events: OrdMap<ServiceEventId, Arc<ServiceEvent>>,
    identity: Identity,
    offices: OrdMap<u64, OfficeId>,
    peer_marks: OrdMap<Region, PeerMark>,
    // Derived; rebuilt when a state is restored.
    keys_by_account: OrdSet<(AccountId, KeyId)>,
    customer_keys: OrdMap<AccountId, usize>,
    aliases_by_key: OrdSet<(KeyId, AliasName)>,
    registers_by_sequence: OrdMap<(u64, KeyId), ()>,
    unsettled: OrdSet<KeyId>,
    due: OrdSet<(Timestamp, KeyId)>,
    proposals_by_index: OrdMap<u64, ProposalId>,
    changes: Vec<Change>,
    /// Log index of the entry that is applied at the moment.
    applying: u64,
}

/// What the Region is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Meta {
    pub(crate) deployment: DeploymentId,
    pub(crate) region: Region,
    pub(crate) incarnation: Incarnation,
    pub(crate) directory: Directory,
    pub(crate) region_time: Timestamp,
    pub(crate) clock: RegionClock,
    /// The agreement on the generation after `directory`.
    pub(crate) next: DirectoryRegister,
    /// What the voters of the generation before may have agreed on is being read from them.
    pub(crate) survey_open: bool,
    /// False in a Region that came in and has not read the others' registers yet.
    pub(crate) votes: bool,
    /// Regions that no letters are exchanged with; this one for all.
    pub(crate) isolated: BTreeSet<Region>,
    /// The peer that remembers more of this Region's history than there is.
    pub(crate) rolled_back: Option<Region>,
}

/// One voter's acceptor state for the next directory.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DirectoryRegister {
    pub(crate) promised: Option<Epoch>,
    pub(crate) accepted: Option<Box<ProposedDirectory>>,
}

/// The outcome of a recent proposal, kept for retries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Remembered {
    pub(crate) index: u64,
    pub(crate) at: Timestamp,
    pub(crate) outcome: Outcome,
}

/// The tables of the stored form; the first byte of a record's key.
mod table {
    pub(super) const META: u8 = b'M';
    pub(super) const DOMAIN_KEY: u8 = b'D';
    pub(super) const GRANT: u8 = b'G';
    pub(super) const KEY: u8 = b'K';
    pub(super) const ALIAS: u8 = b'A';
    pub(super) const REGISTER: u8 = b'R';
    pub(super) const PROPOSAL: u8 = b'P';
    pub(super) const RETIRED: u8 = b'T';
    pub(super) const USAGE: u8 = b'U';
    pub(super) const SERVICE_EVENT: u8 = b'V';
    pub(super) const ACCESS_KEY_USAGE: u8 = b'W';
    pub(super) const PEER_MARK: u8 = b'H';
    pub(super) const OFFICE: u8 = b'O';
}

impl State {
    /// The empty state, before the Region is bootstrapped.
    pub fn new() -> Self {
        Self::default()
    }

    /// True once Bootstrap was applied.
    pub fn is_bootstrapped(&self) -> bool {
        self.meta.is_some()
    }

    /// The deployment, once bootstrapped.
    pub fn deployment(&self) -> Option<DeploymentId> {
        self.meta.as_ref().map(|m| m.deployment)
    }

    /// This Region, once bootstrapped.
    pub fn region(&self) -> Option<&Region> {
        self.meta.as_ref().map(|m| &m.region)
    }

    /// The identity of this Region's history, once bootstrapped.
    pub fn incarnation(&self) -> Option<Incarnation> {
        self.meta.as_ref().map(|m| m.incarnation)
    }

    /// The voting Regions, once bootstrapped.
    pub fn directory(&self) -> Option<&Directory> {
        self.meta.as_ref().map(|m| &m.directory)
    }

    /// The next directory that this Region has accepted, while it is not known to be agreed on.
    pub fn next_directory(&self) -> Option<&ProposedDirectory> {
        self.meta.as_ref()?.next.accepted.as_deref()
    }

    /// The highest ballot promised for the next directory.
    pub fn next_directory_promise(&self) -> Option<&Epoch> {
        self.meta.as_ref()?.next.promised.as_ref()
    }

    /// True while what the voters of the generation before may have agreed on is being read from them (rule 12).
    pub fn is_survey_open(&self) -> bool {
        self.meta.as_ref().is_some_and(|m| m.survey_open)
    }

    /// False in a Region that came in and has not read the others' registers yet: it has no vote (rule 12).
    pub fn has_vote(&self) -> bool {
        self.meta.as_ref().is_some_and(|m| m.votes)
    }

    /// False for a Region whose incarnation is not in its own directory: it was removed.
    pub fn is_in_directory(&self) -> bool {
        self.meta.as_ref().is_some_and(|m| {
            m.directory.voters.get(&m.region).is_some_and(|voter| voter.incarnation == m.incarnation)
        })
    }

    /// The peer that found out that this Region went back to an earlier state (invariant A5).
    pub fn rolled_back(&self) -> Option<&Region> {
        self.meta.as_ref()?.rolled_back.as_ref()
    }

    /// False for a Region whose history does not count any more: it was removed, or went back to an earlier state. It
    /// neither votes nor serves (invariant A5).
    pub fn counts(&self) -> bool {
        self.rolled_back().is_none() && (!self.is_bootstrapped() || self.is_in_directory())
    }

    /// Regions that an operator has this one exchange no letters with; this one itself stands for all.
    pub fn isolated(&self) -> impl Iterator<Item = &Region> {
        self.meta.iter().flat_map(|m| &m.isolated)
    }

    /// True when letters to and from `peer` are stopped.
    pub fn is_isolated_from(&self, peer: &Region) -> bool {
        self.meta.as_ref().is_some_and(|m| m.isolated.contains(peer) || m.isolated.contains(&m.region))
    }

    /// The office of the leader that last began to speak to other Regions.
    pub fn office(&self) -> Option<OfficeId> {
        self.offices.get_max().map(|(_, office)| *office)
    }

    /// True when this Region's history goes through the point: its leader had this office and had applied this index.
    pub fn has_been_at(&self, mark: &Mark) -> bool {
        let began = self.offices.iter().rev().find(|(_, office)| **office == mark.office);
        let Some((start, _)) = began else { return false };
        let next = self.offices.range(start + 1..).next();
        *start <= mark.index && next.is_none_or(|(next, _)| mark.index < *next)
    }

    /// The last point that was heard of a peer, of its present incarnation.
    pub fn peer_mark(&self, peer: &Region) -> Option<&Mark> {
        self.peer_memory(peer).map(|known| &known.mark)
    }

    /// The same with the incarnation, which the directory here calls the present one.
    pub fn peer_memory(&self, peer: &Region) -> Option<&PeerMark> {
        let voter = self.directory()?.voters.get(peer)?;
        self.peer_marks.get(peer).filter(|known| known.incarnation == voter.incarnation)
    }

    /// Every register after `after` in key order.
    pub fn registers_after(&self, after: Option<KeyId>) -> impl Iterator<Item = (&KeyId, &Arc<Register>)> {
        use std::ops::Bound::{Excluded, Unbounded};
        self.registers.range((after.map_or(Unbounded, Excluded), Unbounded))
    }

    /// The replicated clock; zero before the first tick.
    pub fn region_time(&self) -> Timestamp {
        self.meta.as_ref().map(|m| m.region_time).unwrap_or_default()
    }

    /// Which clock Region time follows.
    pub fn clock(&self) -> RegionClock {
        self.meta.as_ref().map(|m| m.clock).unwrap_or_default()
    }

    /// Region time without the offset of a virtual clock: what right clocks outside the cluster show. Requests are
    /// dated by those (invariant B5); for a real clock it is Region time.
    pub fn outside_time(&self) -> Timestamp {
        self.clock().clocks(self.region_time())
    }

    /// The key with this id, if this Region holds one.
    pub fn key(&self, id: &KeyId) -> Option<&Arc<Key>> {
        self.keys.get(id)
    }

    /// Every key, in id order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<Key>> {
        self.keys.values()
    }

    /// The account's key ids after `after`, in order.
    pub fn keys_of(&self, account: AccountId, after: Option<KeyId>) -> impl Iterator<Item = KeyId> + '_ {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let from = match after {
            Some(key) => Excluded((account, key)),
            None => Included((account, KeyId::from_parts(kms_types::KeyIdKind::SingleRegion, [0; 16]))),
        };
        self.keys_by_account
            .range((from, Unbounded))
            .take_while(move |(a, _)| *a == account)
            .map(|(_, key)| *key)
    }

    /// How many customer managed keys the account has; those that AWS services manage do not count [KMS:limits].
    pub fn key_count(&self, account: AccountId) -> usize {
        self.customer_keys.get(&account).copied().unwrap_or(0)
    }

    /// The last recorded use of a key in this Region.
    pub fn last_usage(&self, key: &KeyId) -> Option<&LastUsage> {
        self.usage.get(key)
    }

    /// The last recorded use of an access key in this Region.
    pub fn access_key_usage(&self, id: &str) -> Option<&AccessKeyUsage> {
        self.access_key_usage.get(id)
    }

    /// What the service did to keys by itself and is not recorded yet, oldest first.
    pub fn service_events(&self) -> impl Iterator<Item = (&ServiceEventId, &Arc<ServiceEvent>)> {
        self.service_events.iter()
    }

    /// The alias, if it exists.
    pub fn alias(&self, account: AccountId, name: &AliasName) -> Option<&Arc<Alias>> {
        self.aliases.get(&(account, name.clone()))
    }

    /// All aliases of an account, in name order.
    pub fn aliases_of(&self, account: AccountId) -> impl Iterator<Item = &Arc<Alias>> + '_ {
        use std::ops::Bound::{Included, Unbounded};
        let all = self.aliases.range((Included((account, AliasName::first())), Unbounded));
        all.take_while(move |((a, _), _)| *a == account).map(|(_, alias)| alias)
    }

    /// The names of the aliases that point at a key.
    pub fn aliases_of_key(&self, key: KeyId) -> impl Iterator<Item = &AliasName> + '_ {
        use std::ops::Bound::{Included, Unbounded};
        let all = self.aliases_by_key.range((Included((key, AliasName::first())), Unbounded));
        all.take_while(move |(k, _)| *k == key).map(|(_, name)| name)
    }

    /// The grant, if the key has it.
    pub fn grant(&self, key: &KeyId, id: &GrantId) -> Option<&Arc<Grant>> {
        self.grants.get(key, id)
    }

    /// How many grants the key has.
    pub fn grant_count(&self, key: &KeyId) -> usize {
        self.grants.count(key)
    }

    /// The key's grants after `after`, in id order.
    pub fn grants_of(&self, key: KeyId, after: Option<GrantId>) -> impl Iterator<Item = &Arc<Grant>> + '_ {
        self.grants.of_key(key, after)
    }

    /// The key's grants that name this grantee, after `after`, in id order.
    pub fn grants_to<'a>(
        &'a self,
        key: KeyId,
        grantee: &'a str,
        after: Option<GrantId>,
    ) -> impl Iterator<Item = &'a Arc<Grant>> + 'a {
        self.grants.to_grantee(key, grantee, after)
    }

    /// The grants on any key of this Region that name this retiring principal, after `after`, in order of key and id.
    pub fn grants_retirable_by<'a>(
        &'a self,
        retiring: &'a str,
        after: Option<(KeyId, GrantId)>,
    ) -> impl Iterator<Item = &'a Arc<Grant>> + 'a {
        self.grants.retirable_by(retiring, after)
    }

    /// The key's grants to exactly this grantee that let the use through, found without looking at its other grants.
    /// For CreateGrant the caller still asks [`GrantTerms::may_pass_on`].
    pub fn grants_allowing<'a>(
        &'a self,
        key: KeyId,
        grantee: &'a GrantPrincipal,
        asked: &'a GrantUse<'a>,
    ) -> impl Iterator<Item = &'a Arc<Grant>> + 'a {
        self.grants.allowing(key, grantee, asked)
    }

    /// The key's grant of these terms, when they carry a name and it exists.
    pub fn named_grant(&self, key: KeyId, terms: &GrantTerms) -> Option<&Arc<Grant>> {
        self.grants.same(key, terms)
    }

    /// The acceptor state of a multi-Region key.
    pub fn register(&self, key: &KeyId) -> Option<&Arc<Register>> {
        self.registers.get(key)
    }

    /// Every register, in key order.
    pub fn registers(&self) -> impl Iterator<Item = (&KeyId, &Arc<Register>)> {
        self.registers.iter()
    }

    /// Registers whose committed record changed after log index `sequence`, oldest first.
    pub fn registers_since(&self, sequence: u64) -> impl Iterator<Item = (u64, KeyId)> + '_ {
        use std::ops::Bound::{Included, Unbounded};
        let first =
            (sequence.saturating_add(1), KeyId::from_parts(kms_types::KeyIdKind::SingleRegion, [0; 16]));
        self.registers_by_sequence.range((Included(first), Unbounded)).map(|((s, key), ())| (*s, *key))
    }

    /// The log index of the newest change of any committed record.
    pub fn register_sequence(&self) -> u64 {
        self.registers_by_sequence.get_max().map_or(0, |((s, _), ())| *s)
    }

    /// Keys whose register waits for the Region protocol to finish something ([`Register::is_unsettled`]).
    pub fn unsettled(&self) -> impl Iterator<Item = &KeyId> {
        self.unsettled.iter()
    }

    /// Keys with a deadline at or before `now`: deletion, automatic rotation where this Region is primary, or expiry of
    /// imported material.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = KeyId> + '_ {
        self.due.iter().take_while(move |(at, _)| *at <= now).map(|(_, key)| *key)
    }

    /// The users, roles, policies and access keys of the deployment, as this Region knows them.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The key that seals access key secrets and session tokens, as this Region holds it; none before it is replicated.
    pub fn identity_key(&self) -> Option<&Arc<Key>> {
        self.key(&identity::identity_key_id(self.deployment()?))
    }

    /// The Region that takes changes of identity records, with its epoch: the primary of the identity key. None while
    /// the primary changes, or before this Region knows of one.
    pub fn identity_home(&self) -> Option<(&Region, &Epoch)> {
        let register = self.register(&identity::identity_key_id(self.deployment()?))?;
        let record = register.committed.as_deref()?;
        let settled = register.promised.as_ref().is_none_or(|promised| *promised <= record.version.epoch);
        (settled && record.phase == Phase::Stable).then_some((&record.primary, &record.version.epoch))
    }

    /// Every enrolled wrapping of every domain key.
    pub fn domain_keys(&self) -> impl Iterator<Item = &WrappedDomainKey> {
        self.domain_keys.values()
    }

    /// The changes since the last call, for the store.
    pub fn take_changes(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Every record of the state in key order: the content of a snapshot.
    pub fn records(&self) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> + '_ {
        // Table bytes in ascending order, so that the whole sequence is sorted: A D G H I K M O P R T U V W.
        let aliases = self.aliases.values().map(|a| (alias_key(a.account, &a.name), encode(&**a)));
        let domain = self.domain_keys.values().map(|d| (domain_key(d), encode(d)));
        let grants = self.grants.all().map(|g| (grant_key(&g.key, &g.id), encode(&**g)));
        let keys = self.keys.values().map(|k| (key_key(table::KEY, &k.id), encode(&**k)));
        let meta = self.meta.iter().map(|m| (vec![table::META], encode(&**m)));
        let proposals = self.proposals.iter().map(|(id, r)| (proposal_key(id), encode(&**r)));
        let registers = self.registers.iter().map(|(id, r)| (key_key(table::REGISTER, id), encode(&**r)));
        let retired = self.retired.iter().map(|id| (key_key(table::RETIRED, id), encode(&())));
        let usage = self.usage.iter().map(|(id, last)| (key_key(table::USAGE, id), encode(last)));
        let events = self.service_events.iter().map(|(id, event)| (event_key(id), encode(&**event)));
        let access_keys = self.access_key_usage.iter();
        let access_keys = access_keys.map(|(id, last)| (access_key_usage_key(id), encode(last)));
        let marks = self.peer_marks.iter().map(|(region, mark)| (mark_key(region), encode(mark)));
        let offices = self.offices.iter().map(|(index, office)| (office_key(*index), encode(office)));
        let first = aliases.chain(domain).chain(grants).chain(marks);
        let first = first.chain(self.identity.stored_records()).chain(keys);
        first
            .chain(meta)
            .chain(offices)
            .chain(proposals)
            .chain(registers)
            .chain(retired)
            .chain(usage)
            .chain(events)
            .chain(access_keys)
    }

    /// SHA-256 over all records: equal applied index means equal hash (invariant A3).
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        for (key, value) in self.records() {
            for part in [&key, &value] {
                hash.update((part.len() as u64).to_be_bytes());
                hash.update(part);
            }
        }
        hash.finalize().into()
    }

    /// Rebuilds a state from its records, in any order.
    pub fn restore(records: impl IntoIterator<Item = (Vec<u8>, Vec<u8>)>) -> Result<Self, DecodeError> {
        let mut state = Self::new();
        for (key, value) in records {
            state.restore_record(&key, &value)?;
        }
        state.index_deadlines();
        let keys = state.keys.clone();
        state.grants.doom_all_without(|key| keys.contains_key(key));
        state.changes.clear();
        Ok(state)
    }

    fn restore_record(&mut self, key: &[u8], value: &[u8]) -> Result<(), DecodeError> {
        match key.first().copied().unwrap_or_default() {
            table::META => self.put_meta(decode(value)?),
            table::DOMAIN_KEY => self.put_domain_key(decode(value)?),
            table::GRANT => self.put_grant(decode(value)?),
            identity::TABLE => self.identity.restore(key, value)?,
            table::KEY => self.put_key(decode(value)?),
            table::ALIAS => self.put_alias(decode(value)?),
            table::REGISTER => {
                let id = parse_key_key(key).ok_or(DecodeError::KeyMismatch)?;
                self.put_register(id, decode(value)?);
            }
            table::PROPOSAL => {
                let id = key
                    .get(1..)
                    .and_then(|b| <[u8; 16]>::try_from(b).ok())
                    .ok_or(DecodeError::KeyMismatch)?;
                self.put_proposal(ProposalId::from_random(id), decode(value)?);
            }
            table::RETIRED => {
                decode::<()>(value)?;
                self.retire(parse_key_key(key).ok_or(DecodeError::KeyMismatch)?);
            }
            table::USAGE => {
                self.put_usage(parse_key_key(key).ok_or(DecodeError::KeyMismatch)?, decode(value)?);
            }
            table::SERVICE_EVENT => {
                self.put_service_event(parse_event_key(key).ok_or(DecodeError::KeyMismatch)?, decode(value)?);
            }
            table::ACCESS_KEY_USAGE => {
                let id = key.get(1..).and_then(|id| std::str::from_utf8(id).ok());
                self.put_access_key_usage(id.ok_or(DecodeError::KeyMismatch)?, decode(value)?);
            }
            table::PEER_MARK => {
                let region = key.get(1..).and_then(|b| std::str::from_utf8(b).ok()?.parse().ok());
                self.put_peer_mark(region.ok_or(DecodeError::KeyMismatch)?, decode(value)?);
            }
            table::OFFICE => {
                let index = key.get(1..).and_then(|b| b.try_into().ok()).ok_or(DecodeError::KeyMismatch)?;
                self.put_office(u64::from_be_bytes(index), decode(value)?);
            }
            other => return Err(DecodeError::UnknownTable(other)),
        }
        Ok(())
    }
}

// Writing: every change of a table goes through one of these, which keep the indexes and the change list in step.
impl State {
    pub(crate) fn meta(&self) -> Option<&Meta> {
        self.meta.as_deref()
    }

    pub(crate) fn put_meta(&mut self, meta: Meta) {
        self.changed(vec![table::META], Some(encode(&meta)));
        self.meta = Some(Arc::new(meta));
    }

    pub(crate) fn put_office(&mut self, index: u64, office: OfficeId) {
        self.changed(office_key(index), Some(encode(&office)));
        self.offices.insert(index, office);
        while self.offices.len() > MOST_OFFICES {
            let Some(oldest) = self.offices.get_min().map(|(index, _)| *index) else { return };
            self.offices.remove(&oldest);
            self.changed(office_key(oldest), None);
        }
    }

    pub(crate) fn put_peer_mark(&mut self, peer: Region, mark: PeerMark) {
        self.changed(mark_key(&peer), Some(encode(&mark)));
        self.peer_marks.insert(peer, mark);
    }

    /// Drops what was heard of histories that are not in the directory any more.
    pub(crate) fn forget_peer_marks(&mut self) {
        let peers: Vec<Region> = self.peer_marks.keys().cloned().collect();
        for peer in peers.into_iter().filter(|peer| self.peer_mark(peer).is_none()).collect::<Vec<_>>() {
            self.peer_marks.remove(&peer);
            self.changed(mark_key(&peer), None);
        }
    }

    pub(crate) fn put_domain_key(&mut self, wrapped: WrappedDomainKey) {
        self.changed(domain_key(&wrapped), Some(encode(&wrapped)));
        self.domain_keys.insert((wrapped.version, wrapped.recipient.0), wrapped);
    }

    pub(crate) fn put_key(&mut self, key: Key) {
        self.changed(key_key(table::KEY, &key.id), Some(encode(&key)));
        // A replica that comes back must not find the grants of the one that went.
        if self.grants.is_doomed(&key.id) {
            self.sweep_grants(Some(&key.id), usize::MAX);
        }
        self.unindex_key(&key.id);
        let counts = key.account != AccountId::SYSTEM;
        if counts && self.keys_by_account.insert((key.account, key.id)).is_none() {
            self.count_customer_key(&key, |count| count + 1);
        }
        for at in self.deadlines(&key) {
            self.due.insert((at, key.id));
        }
        self.keys.insert(key.id, Arc::new(key));
    }

    /// The key goes with its grants: they never outlive it, even if their records do for some entries.
    pub(crate) fn remove_key(&mut self, id: &KeyId) {
        self.unindex_key(id);
        self.grants.doom(id);
        if let Some(key) = self.keys.remove(id) {
            self.keys_by_account.remove(&(key.account, *id));
            self.count_customer_key(&key, |count| count.saturating_sub(1));
            self.changed(key_key(table::KEY, id), None);
        }
        if self.usage.remove(id).is_some() {
            self.changed(key_key(table::USAGE, id), None);
        }
    }

    fn count_customer_key(&mut self, key: &Key, change: fn(usize) -> usize) {
        if key.manager == CustomerKeyManager::Customer {
            let count = self.customer_keys.entry(key.account).or_insert(0);
            *count = change(*count);
        }
    }

    pub(crate) fn put_usage(&mut self, key: KeyId, last: LastUsage) {
        self.changed(key_key(table::USAGE, &key), Some(encode(&last)));
        self.usage.insert(key, last);
    }

    pub(crate) fn put_access_key_usage(&mut self, id: &str, last: AccessKeyUsage) {
        self.changed(access_key_usage_key(id), Some(encode(&last)));
        self.access_key_usage.insert(id.to_owned(), last);
    }

    /// What is known of the use of access keys that are gone goes with them.
    fn forget_access_keys<'a>(&mut self, deleted: impl IntoIterator<Item = &'a IdentityKey>) {
        for key in deleted {
            if let IdentityKey::AccessKey(id) = key
                && self.access_key_usage.remove(id).is_some()
            {
                self.changed(access_key_usage_key(id), None);
            }
        }
    }

    /// Entries from here on have this log index.
    pub(crate) fn begin(&mut self, index: u64) {
        self.applying = index;
    }

    /// Notes what the service did by itself, until its audit record is durable. The deployment's own key is nobody's.
    pub(crate) fn note(&mut self, account: AccountId, key: KeyId, act: ServiceAct) {
        if account == AccountId::SYSTEM {
            return;
        }
        let index = self.applying;
        let last = self.service_events.get_max().map(|(id, _)| *id).filter(|id| id.index == index);
        let id = ServiceEventId { index, number: last.map_or(0, |id| id.number + 1) };
        let event = ServiceEvent { at: self.region_time(), account, key, act };
        self.put_service_event(id, event);
    }

    fn put_service_event(&mut self, id: ServiceEventId, event: ServiceEvent) {
        self.changed(event_key(&id), Some(encode(&event)));
        self.service_events.insert(id, Arc::new(event));
    }

    pub(crate) fn forget_service_event(&mut self, id: &ServiceEventId) {
        if self.service_events.remove(id).is_some() {
            self.changed(event_key(id), None);
        }
    }

    pub(crate) fn change_identity(&mut self, change: &IdentityChange, epoch: &Epoch) -> Result<(), Refusal> {
        self.identity.change(change, epoch, &mut self.changes)?;
        self.forget_access_keys(&change.deletes);
        Ok(())
    }

    pub(crate) fn follow_identity(&mut self, entries: &[IdentityEntry]) -> Result<(), Refusal> {
        let followed = self.identity.follow(entries, &mut self.changes);
        let gone = entries.iter().flat_map(|entry| &entry.deletes);
        let gone: Vec<&IdentityKey> = gone.filter(|key| self.identity.stored(key).is_none()).collect();
        self.forget_access_keys(gone);
        followed
    }

    pub(crate) fn replace_identity(&mut self, copy: &IdentityCopy) -> Result<(), Refusal> {
        self.identity.replace(copy, &mut self.changes)?;
        let used = self.access_key_usage.keys().map(|id| IdentityKey::AccessKey(id.clone()));
        let gone: Vec<IdentityKey> = used.filter(|key| self.identity.stored(key).is_none()).collect();
        self.forget_access_keys(&gone);
        Ok(())
    }

    /// Remembers the id of a destroyed single-Region key for ever (invariant D3).
    pub(crate) fn retire(&mut self, id: KeyId) {
        self.changed(key_key(table::RETIRED, &id), Some(encode(&())));
        self.retired.insert(id);
    }

    /// True for the id of a key, of a register, or of a destroyed key.
    pub fn is_taken(&self, id: &KeyId) -> bool {
        self.keys.contains_key(id) || self.registers.contains_key(id) || self.retired.contains(id)
    }

    pub(crate) fn put_grant(&mut self, grant: Grant) {
        self.changed(grant_key(&grant.key, &grant.id), Some(encode(&grant)));
        self.grants.put(grant);
    }

    /// Takes away a part of what keys that went left behind.
    pub(crate) fn sweep(&mut self) {
        self.sweep_grants(None, grants::SWEPT_PER_ENTRY);
    }

    fn sweep_grants(&mut self, only: Option<&KeyId>, most: usize) {
        for grant in self.grants.sweep(only, most) {
            self.changed(grant_key(&grant.key, &grant.id), None);
        }
    }

    pub(crate) fn remove_grant(&mut self, key: &KeyId, id: &GrantId) {
        if self.grants.remove(key, id).is_some() {
            self.changed(grant_key(key, id), None);
        }
    }

    pub(crate) fn put_alias(&mut self, alias: Alias) {
        self.changed(alias_key(alias.account, &alias.name), Some(encode(&alias)));
        let place = (alias.account, alias.name.clone());
        if let Some(old) = self.aliases.get(&place) {
            self.aliases_by_key.remove(&(old.target, old.name.clone()));
        }
        self.aliases_by_key.insert((alias.target, alias.name.clone()));
        self.aliases.insert(place, Arc::new(alias));
    }

    pub(crate) fn remove_alias(&mut self, account: AccountId, name: &AliasName) {
        if let Some(old) = self.aliases.remove(&(account, name.clone())) {
            self.aliases_by_key.remove(&(old.target, old.name.clone()));
            self.changed(alias_key(account, name), None);
        }
    }

    pub(crate) fn put_register(&mut self, key: KeyId, register: Register) {
        self.changed(key_key(table::REGISTER, &key), Some(encode(&register)));
        if let Some(old) = self.registers.get(&key) {
            self.registers_by_sequence.remove(&(old.sequence, key));
        }
        if register.committed.is_some() {
            self.registers_by_sequence.insert((register.sequence, key), ());
        }
        if register.is_unsettled() {
            self.unsettled.insert(key);
        } else {
            self.unsettled.remove(&key);
        }
        self.registers.insert(key, Arc::new(register));
    }

    pub(crate) fn remembered(&self, id: &ProposalId) -> Option<&Outcome> {
        self.proposals.get(id).map(|r| &r.outcome)
    }

    pub(crate) fn put_proposal(&mut self, id: ProposalId, remembered: Remembered) {
        self.changed(proposal_key(&id), Some(encode(&remembered)));
        self.proposals_by_index.insert(remembered.index, id);
        self.proposals.insert(id, Arc::new(remembered));
    }

    /// Drops outcomes that nobody can ask for any more, oldest first.
    pub(crate) fn forget_proposals(&mut self) {
        while let Some((index, id)) = self.oldest_forgettable() {
            self.proposals_by_index.remove(&index);
            self.proposals.remove(&id);
            self.changed(proposal_key(&id), None);
        }
    }

    fn oldest_forgettable(&self) -> Option<(u64, ProposalId)> {
        let (always, at_most) = limits::REMEMBERED_PROPOSALS;
        let kept = self.proposals_by_index.len();
        let (index, id) = self.proposals_by_index.get_min()?;
        let age_ms = self.region_time().millis_since(self.proposals.get(id)?.at);
        (kept > at_most || kept > always && age_ms > limits::REMEMBERED_MS).then_some((*index, *id))
    }

    /// Deadlines depend on which Region this is, and a record's place says nothing of when that was restored.
    fn index_deadlines(&mut self) {
        let keys: Vec<Arc<Key>> = self.keys.values().cloned().collect();
        self.due =
            keys.iter().flat_map(|key| self.deadlines(key).into_iter().map(|at| (at, key.id))).collect();
    }

    fn unindex_key(&mut self, id: &KeyId) {
        if let Some(old) = self.keys.get(id).cloned() {
            for at in self.deadlines(&old) {
                self.due.remove(&(at, *id));
            }
        }
    }

    /// When something about the key falls due in Region time.
    fn deadlines(&self, key: &Key) -> Vec<Timestamp> {
        let deletion = match key.lifecycle {
            Lifecycle::PendingDeletion { delete_at, .. } => Some(delete_at),
            _ => None,
        };
        // Rotation is the primary's business; the copies in other Regions follow its record.
        let rotates = key.lifecycle == Lifecycle::Enabled
            && self.region().is_some_and(|region| key.is_primary_in(region));
        let rotation = key.rotation.automatic.filter(|_| rotates).map(|a| a.next_at);
        deletion.into_iter().chain(rotation).chain(key.expiries()).collect()
    }

    fn changed(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        self.changes.push(Change { key, value });
    }
}

fn key_key(table: u8, id: &KeyId) -> Vec<u8> {
    let mut bytes = vec![table, u8::from(id.is_multi_region())];
    bytes.extend_from_slice(id.bytes());
    bytes
}

fn grant_key(key: &KeyId, grant: &GrantId) -> Vec<u8> {
    let mut bytes = key_key(table::GRANT, key);
    bytes.extend_from_slice(grant.bytes());
    bytes
}

fn parse_key_key(bytes: &[u8]) -> Option<KeyId> {
    use kms_types::KeyIdKind::{MultiRegion, SingleRegion};
    let kind = if *bytes.get(1)? == 1 { MultiRegion } else { SingleRegion };
    Some(KeyId::from_parts(kind, bytes.get(2..)?.try_into().ok()?))
}

fn alias_key(account: AccountId, name: &AliasName) -> Vec<u8> {
    let mut bytes = vec![table::ALIAS];
    bytes.extend_from_slice(account.to_string().as_bytes());
    bytes.extend_from_slice(name.as_str().as_bytes());
    bytes
}

fn domain_key(wrapped: &WrappedDomainKey) -> Vec<u8> {
    let mut bytes = vec![table::DOMAIN_KEY];
    bytes.extend_from_slice(&wrapped.version.to_be_bytes());
    bytes.extend_from_slice(&wrapped.recipient.0);
    bytes
}

fn mark_key(peer: &Region) -> Vec<u8> {
    let mut bytes = vec![table::PEER_MARK];
    bytes.extend_from_slice(peer.as_str().as_bytes());
    bytes
}

fn office_key(index: u64) -> Vec<u8> {
    let mut bytes = vec![table::OFFICE];
    bytes.extend_from_slice(&index.to_be_bytes());
    bytes
}

fn event_key(id: &ServiceEventId) -> Vec<u8> {
    let mut bytes = vec![table::SERVICE_EVENT];
    bytes.extend_from_slice(&id.index.to_be_bytes());
    bytes.extend_from_slice(&id.number.to_be_bytes());
    bytes
}

fn parse_event_key(bytes: &[u8]) -> Option<ServiceEventId> {
    let index = u64::from_be_bytes(bytes.get(1..9)?.try_into().ok()?);
    let number = u32::from_be_bytes(bytes.get(9..)?.try_into().ok()?);
    Some(ServiceEventId { index, number })
}

fn access_key_usage_key(id: &str) -> Vec<u8> {
    let mut bytes = vec![table::ACCESS_KEY_USAGE];
    bytes.extend_from_slice(id.as_bytes());
    bytes
}

fn proposal_key(id: &ProposalId) -> Vec<u8> {
    let mut bytes = vec![table::PROPOSAL];
    bytes.extend_from_slice(id.bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remember(state: &mut State, index: u64, at_ms: u64) {
        let id = ProposalId::from_random(u128::from(index).to_be_bytes());
        let at = Timestamp::from_millis(at_ms);
        state.put_proposal(id, Remembered { index, at, outcome: Outcome::Applied });
    }

    fn at(now_ms: u64) -> State {
        let meta = Meta {
            deployment: DeploymentId::from_random([1; 16]),
            region: "us-east-1".parse().unwrap(),
            incarnation: Incarnation::from_random([2; 16]),
            directory: Directory::default(),
            region_time: Timestamp::from_millis(now_ms),
            clock: RegionClock::Real,
            next: DirectoryRegister::default(),
            survey_open: false,
            votes: true,
            isolated: BTreeSet::new(),
            rolled_back: None,
        };
        let mut state = State::new();
        state.put_meta(meta);
        state
    }

    #[test]
    fn b4_young_and_newest_outcomes_are_remembered() {
        let mut state = at(100_000);
        (1..=2_000).for_each(|index| remember(&mut state, index, 20_000));
        (2_001..=5_000).for_each(|index| remember(&mut state, index, 60_000));
        state.forget_proposals();
        assert_eq!(
            state.proposals.len(),
            3_000,
            "the old ones beyond the newest are gone, the young ones stay"
        );
        let mut state = at(100_000);
        (1..=2_000).for_each(|index| remember(&mut state, index, 20_000));
        state.forget_proposals();
        assert_eq!(state.proposals.len(), limits::REMEMBERED_PROPOSALS.0);
    }
}
