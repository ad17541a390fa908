//! The grants of a Region with their indexes. Every part shares structure between versions; a clone is O(1).
//!
//! ```text
//! grants        (key, grant)                     the records; ListGrants in this order
//! per key       by_use   (digest of a use, grant)    "who may do what, under which circumstances": authorization
//!               named    (digest of the terms)       one grant for equal terms under one name
//! by_retiring   (digest of a principal, key, grant)                                            ListRetirableGrants
//! doomed        keys that are gone and whose grants are still being swept away
//! ```
//!
//! A key that goes takes its grants with it in the same entry: its indexes go as one, and from then on nothing finds
//! them. Their records are swept away by this entry and the following ones, [`SWEPT_PER_ENTRY`] at a time, so that no
//! entry is long. A record without a key is therefore always one that is being swept.
//!
//! `by_use` holds one row per operation of a grant. Its digest covers the grantee, the operation and an *anchor*: a part
//! of the constraints that every matching request shows. A request has few possible anchors, so a decision is a few
//! look-ups, however many grants the key or the grantee has. Digests only find candidates: what is found is compared in
//! full, so a collision costs time and decides nothing. `apply` never asks this index, whose rows may differ between a
//! node that was restored and one that was not (the choice of an anchor looks at the rows that are there).

use imbl::{OrdMap, OrdSet};
use kms_types::{GrantId, GrantPrincipal, KeyId, KeyIdKind};
use sha2::{Digest, Sha256};
use std::{
    ops::Bound::{Excluded, Included, Unbounded},
    sync::Arc,
};

use crate::{
    ComparedContext, ContextConstraint, Grant, GrantTerms, GrantUse, encode,
    grant::{takes_context, takes_source},
};

type ShortDigest = [u8; 16];

#[derive(Debug, Clone, Default)]
pub(super) struct Grants {
    grants: OrdMap<(KeyId, GrantId), Arc<Grant>>,
    per_key: OrdMap<KeyId, OfKey>,
    by_retiring: OrdSet<(ShortDigest, KeyId, GrantId)>,
    doomed: OrdSet<KeyId>,
}

/// The indexes of one key's grants.
#[derive(Debug, Clone, Default)]
struct OfKey {
    count: usize,
    by_use: OrdSet<(ShortDigest, GrantId)>,
    named: OrdMap<[u8; 32], GrantId>,
}

/// How many records of grants one entry sweeps away at most.
pub(super) const SWEPT_PER_ENTRY: usize = 250;

/// Where a list goes on: after this grant, or at the beginning.
fn from_grant(key: KeyId, after: Option<GrantId>) -> std::ops::Bound<(KeyId, GrantId)> {
    after.map_or(Included((key, GrantId::FIRST)), |after| Excluded((key, after)))
}

impl Grants {
    pub(super) fn get(&self, key: &KeyId, id: &GrantId) -> Option<&Arc<Grant>> {
        self.grants.get(&(*key, *id)).filter(|_| self.per_key.contains_key(key))
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Grant>> {
        self.grants.values()
    }

    pub(super) fn count(&self, key: &KeyId) -> usize {
        self.per_key.get(key).map_or(0, |indexes| indexes.count)
    }

    pub(super) fn of_key(
        &self,
        key: KeyId,
        after: Option<GrantId>,
    ) -> impl Iterator<Item = &Arc<Grant>> + '_ {
        let rest = self.grants.range((from_grant(key, after), Unbounded));
        let lives = self.per_key.contains_key(&key);
        rest.take_while(move |((k, _), _)| lives && *k == key).map(|(_, grant)| grant)
    }

    pub(super) fn to_grantee<'a>(
        &'a self,
        key: KeyId,
        grantee: &'a str,
        after: Option<GrantId>,
    ) -> impl Iterator<Item = &'a Arc<Grant>> + 'a {
        self.rows(key, digest_of(grantee), after).filter(move |grant| grant.terms.grantee.as_str() == grantee)
    }

    pub(super) fn retirable_by<'a>(
        &'a self,
        retiring: &'a str,
        after: Option<(KeyId, GrantId)>,
    ) -> impl Iterator<Item = &'a Arc<Grant>> + 'a {
        let digest = digest_of(retiring);
        let first = KeyId::from_parts(KeyIdKind::SingleRegion, [0; 16]);
        let from = match after {
            Some((key, grant)) => Excluded((digest, key, grant)),
            None => Included((digest, first, GrantId::FIRST)),
        };
        self.by_retiring
            .range((from, Unbounded))
            .take_while(move |(d, ..)| *d == digest)
            .filter_map(|(_, key, id)| self.get(key, id))
            .filter(move |grant| grant.terms.retiring.as_ref().is_some_and(|r| r.as_str() == retiring))
    }

    /// The grants to `grantee` that may let this use through. For CreateGrant the caller still asks
    /// [`GrantTerms::may_pass_on`].
    pub(super) fn allowing<'a>(
        &'a self,
        key: KeyId,
        grantee: &'a GrantPrincipal,
        asked: &'a GrantUse<'a>,
    ) -> impl Iterator<Item = &'a Arc<Grant>> + 'a {
        // Most keys have no grant at all: nothing is digested for them.
        let digests = if self.count(&key) == 0 { Vec::new() } else { digests_of_use(grantee, asked) };
        digests
            .into_iter()
            .flat_map(move |digest| self.rows(key, digest, None))
            .filter(move |grant| grant.terms.grantee.mark() == grantee.mark() && grant.terms.allow(asked))
    }

    pub(super) fn same(&self, key: KeyId, terms: &GrantTerms) -> Option<&Arc<Grant>> {
        let id = self.per_key.get(&key)?.named.get(&digest_of_terms(terms)?)?;
        self.get(&key, id).filter(|grant| grant.terms == *terms)
    }

    pub(super) fn put(&mut self, grant: Grant) {
        let (key, id) = (grant.key, grant.id);
        self.remove(&key, &id);
        let digests = self.digests_to_enter(&grant);
        let indexes = self.per_key.entry(key).or_default();
        for digest in digests {
            indexes.by_use.insert((digest, id));
        }
        if let Some(digest) = digest_of_terms(&grant.terms) {
            indexes.named.insert(digest, id);
        }
        indexes.count += 1;
        if let Some(retiring) = &grant.terms.retiring {
            self.by_retiring.insert((digest_of(retiring.as_str()), key, id));
        }
        self.grants.insert((key, id), Arc::new(grant));
    }

    pub(super) fn remove(&mut self, key: &KeyId, id: &GrantId) -> Option<Arc<Grant>> {
        let indexes = self.per_key.get_mut(key)?;
        let grant = self.grants.remove(&(*key, *id))?;
        for digest in digests_to_clear(&grant) {
            indexes.by_use.remove(&(digest, *id));
        }
        if let Some(digest) = digest_of_terms(&grant.terms)
            && indexes.named.get(&digest) == Some(id)
        {
            indexes.named.remove(&digest);
        }
        indexes.count = indexes.count.saturating_sub(1);
        if indexes.count == 0 {
            self.per_key.remove(key);
        }
        self.forget_retiring(&grant);
        Some(grant)
    }

    fn forget_retiring(&mut self, grant: &Grant) {
        if let Some(retiring) = &grant.terms.retiring {
            self.by_retiring.remove(&(digest_of(retiring.as_str()), grant.key, grant.id));
        }
    }

    /// The key is gone: nothing finds its grants any more, and [`Self::sweep`] takes their records away.
    pub(super) fn doom(&mut self, key: &KeyId) {
        if self.per_key.remove(key).is_some() {
            self.doomed.insert(*key);
        }
    }

    /// True while records of a key that went are still there.
    pub(super) fn is_doomed(&self, key: &KeyId) -> bool {
        self.doomed.contains(key)
    }

    /// Removes up to `most` records of the keys that went, of `only` one or of all in order, and says which.
    pub(super) fn sweep(&mut self, only: Option<&KeyId>, most: usize) -> Vec<Arc<Grant>> {
        let mut swept = Vec::new();
        while swept.len() < most {
            let next = match only {
                Some(key) => self.doomed.contains(key).then_some(*key),
                None => self.doomed.get_min().copied(),
            };
            let Some(key) = next else { break };
            let left = most - swept.len();
            let of_key = self.grants.range((from_grant(key, None), Unbounded));
            let of_key = of_key.take_while(|((k, _), _)| *k == key).take(left.saturating_add(1));
            let mut found: Vec<Arc<Grant>> = of_key.map(|(_, grant)| grant.clone()).collect();
            if found.len() <= left {
                self.doomed.remove(&key);
            }
            found.truncate(left);
            for grant in &found {
                self.grants.remove(&(grant.key, grant.id));
                self.forget_retiring(grant);
            }
            swept.extend(found);
        }
        swept
    }

    /// After a restore: what belongs to no key was being swept.
    pub(super) fn doom_all_without(&mut self, keys: impl Fn(&KeyId) -> bool) {
        let gone: Vec<KeyId> = self.per_key.keys().copied().filter(|key| !keys(key)).collect();
        gone.iter().for_each(|key| self.doom(key));
    }

    fn rows(
        &self,
        key: KeyId,
        digest: ShortDigest,
        after: Option<GrantId>,
    ) -> impl Iterator<Item = &Arc<Grant>> + '_ {
        let from = match after {
            Some(after) => Excluded((digest, after)),
            None => Included((digest, GrantId::FIRST)),
        };
        let indexes = self.per_key.get(&key);
        let rows = indexes.map(|indexes| indexes.by_use.range((from, Included((digest, GrantId::LAST)))));
        rows.into_iter().flatten().filter_map(move |(_, id)| self.get(&key, id))
    }

    /// One row to be listed by, and one per operation. A Subset constraint is anchored at the one of its pairs that
    /// fewest other grants are anchored at, so that a pair that they all share is not chosen.
    fn digests_to_enter(&self, grant: &Grant) -> Vec<ShortDigest> {
        let mut digests = vec![digest_of(grant.terms.grantee.as_str())];
        for &operation in &grant.terms.operations {
            let choices = anchors_of(&grant.terms, operation).into_iter();
            let choices = choices.map(|anchor| digest_of_use(&grant.terms.grantee, operation, &anchor));
            digests.extend(choices.min_by_key(|digest| self.crowd(grant.key, *digest)));
        }
        digests
    }

    /// How many rows a digest has, counted no further than it takes to avoid the crowded ones.
    fn crowd(&self, key: KeyId, digest: ShortDigest) -> usize {
        const ENOUGH: usize = 32;
        let rows = (Included((digest, GrantId::FIRST)), Included((digest, GrantId::LAST)));
        self.per_key.get(&key).map_or(0, |indexes| indexes.by_use.range(rows).take(ENOUGH).count())
    }
}

/// Every row that a grant can have; those that it has not are no harm to remove.
fn digests_to_clear(grant: &Grant) -> Vec<ShortDigest> {
    let terms = &grant.terms;
    let uses = terms.operations.iter().flat_map(|operation| {
        let anchors = anchors_of(terms, *operation).into_iter();
        anchors.map(|anchor| digest_of_use(&terms.grantee, *operation, &anchor))
    });
    uses.chain([digest_of(terms.grantee.as_str())]).collect()
}

/// What a matching request shows of a grant's constraints.
struct Anchor {
    context: ContextAnchor,
    source_arn: Option<String>,
}

/// The part about the encryption context.
#[derive(Clone)]
enum ContextAnchor {
    /// Nothing is asked.
    Any,
    /// All pairs of the request.
    All(ComparedContext),
    /// One pair of the request.
    Pair(String, String),
}

/// The anchors that a grant can be entered under: any of them finds it.
fn anchors_of(terms: &GrantTerms, operation: kms_types::GrantOperation) -> Vec<Anchor> {
    let source_arn = terms.constraints.source_arn.clone().filter(|_| takes_source(operation));
    // A new grant must repeat the pairs of the one it comes from, so CreateGrant is anchored like a use of the key.
    let anchored = takes_context(operation) || operation == kms_types::GrantOperation::CreateGrant;
    let contexts = match terms.constraints.encryption_context.as_ref().filter(|_| anchored) {
        None => vec![ContextAnchor::Any],
        Some(ContextConstraint::Equals(pairs)) => vec![ContextAnchor::All(ComparedContext::of(pairs))],
        Some(ContextConstraint::Subset(pairs)) if pairs.is_empty() => vec![ContextAnchor::Any],
        Some(ContextConstraint::Subset(pairs)) => pair_anchors(&ComparedContext::of(pairs)),
    };
    contexts.into_iter().map(|context| Anchor { context, source_arn: source_arn.clone() }).collect()
}

fn pair_anchors(context: &ComparedContext) -> Vec<ContextAnchor> {
    context.pairs().iter().map(|(name, value)| ContextAnchor::Pair(name.clone(), value.clone())).collect()
}

/// Every digest under which a grant that allows this use can be found.
fn digests_of_use(grantee: &GrantPrincipal, asked: &GrantUse<'_>) -> Vec<ShortDigest> {
    let mut contexts = pair_anchors(asked.context);
    contexts.extend([ContextAnchor::Any, ContextAnchor::All(asked.context.clone())]);
    let sources = [None, asked.source_arn.map(str::to_owned)];
    let sources = if asked.source_arn.is_some() { &sources[..] } else { &sources[..1] };
    let mut digests = Vec::with_capacity(contexts.len() * sources.len());
    for context in contexts {
        for source_arn in sources {
            let anchor = Anchor { context: context.clone(), source_arn: source_arn.clone() };
            digests.push(digest_of_use(grantee, asked.operation, &anchor));
        }
    }
    digests.sort_unstable();
    digests.dedup();
    digests
}

fn digest_of_use(
    grantee: &GrantPrincipal,
    operation: kms_types::GrantOperation,
    anchor: &Anchor,
) -> ShortDigest {
    let (id, name) = grantee.mark();
    let mut fields = vec![id, name, operation.as_str()];
    match &anchor.context {
        ContextAnchor::Any => fields.push("any"),
        ContextAnchor::Pair(name, value) => fields.extend(["pair", name, value]),
        ContextAnchor::All(context) => {
            fields.push("all");
            fields.extend(context.pairs().iter().flat_map(|(n, v)| [n.as_str(), v.as_str()]));
        }
    }
    fields.extend(anchor.source_arn.as_deref());
    short_digest(&fields)
}

/// Lists ask for principals by name, whatever became of them.
fn digest_of(principal: &str) -> ShortDigest {
    short_digest(&[principal])
}

/// Every field behind its length, then cut: it finds candidates and decides nothing.
fn short_digest(fields: &[&str]) -> ShortDigest {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    let mut short = [0; 16];
    short.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    short
}

/// Only a named grant is found again by its terms.
fn digest_of_terms(terms: &GrantTerms) -> Option<[u8; 32]> {
    terms.name.as_ref().map(|_| Sha256::digest(encode(terms)).into())
}
