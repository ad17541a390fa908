//! Identity records: replay equals restored state, followers equal the home however entries arrive, and a whole copy
//! equals the history that it stands for (ADR 0013).

#![expect(clippy::unwrap_used, reason = "a test input that is malformed fails its test")]

use kms_crypto::{Commitment, WrappedMaterial};
use kms_state::{
    Command, CreateKey, Directory, IdentityChange, IdentityCopy, IdentityEntry, IdentityKey, IdentityRecord,
    NewMaterial, Origin, Outcome, Position, Proposal, Refusal, State,
    identity::{AccessKey, AccessKeyOwner, AccessKeyStatus, Guard, User, identity_key_id},
};
use kms_types::{
    AccountId, DeploymentId, Incarnation, KeyOrigin, KeySpec, KeyUsage, MaterialId, ProposalId, Timestamp,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn account() -> AccountId {
    "111122223333".parse().unwrap()
}

fn deployment() -> DeploymentId {
    DeploymentId::from_random([1; 16])
}

fn user(n: u8, generation: u8, id: u64) -> User {
    User {
        account: account(),
        path: "/".into(),
        name: format!("User-{n}"),
        id: format!("AIDA{id}"),
        created_at: Timestamp::default(),
        inline_policies: BTreeMap::from([("p".to_owned(), format!("{generation}").into())]),
        attached_policies: BTreeSet::new(),
        boundary: None,
        tags: BTreeMap::new(),
        groups: BTreeSet::new(),
        access_keys: BTreeSet::new(),
    }
}

fn access_key(n: u8, owner: u64) -> AccessKey {
    AccessKey {
        id: format!("AKIA{n}"),
        account: account(),
        owner: AccessKeyOwner::User(format!("AIDA{owner}")),
        sealed_secret: vec![n],
        status: AccessKeyStatus::Active,
        created_at: Timestamp::default(),
    }
}

/// One Region's state and log index.
struct Site {
    state: State,
    index: u64,
    stored: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Site {
    fn new(is_home: bool) -> Self {
        let material = NewMaterial {
            id: MaterialId::from_bytes([1; 32]),
            commitment: Commitment([1; 32]),
            public_key: None,
            wrapped: WrappedMaterial { domain_version: 1, nonce: [1; 12], sealed: vec![1; 48] },
        };
        let create = CreateKey {
            account: AccountId::SYSTEM,
            key: identity_key_id(deployment()),
            spec: KeySpec::SymmetricDefault,
            usage: KeyUsage::EncryptDecrypt,
            origin: KeyOrigin::AwsKms,
            policy: "{}".into(),
            description: String::new(),
            tags: BTreeMap::new(),
            material: Some(material),
            managed_as: None,
            most_keys: 1,
        };
        let mut site = Self { state: State::new(), index: 0, stored: BTreeMap::new() };
        let outcome = site.run(Command::Bootstrap {
            deployment: deployment(),
            region: if is_home { "us-east-1" } else { "eu-west-1" }.parse().unwrap(),
            incarnation: Incarnation::from_random([2; 16]),
            directory: Directory::default(),
            domain_keys: Vec::new(),
            clock: kms_state::RegionClock::Real,
            identity_key: is_home.then(|| Box::new(create)),
        });
        assert_eq!(outcome, Outcome::Applied);
        site
    }

    fn run(&mut self, command: Command) -> Outcome {
        self.index += 1;
        let id = ProposalId::from_random(u128::from(self.index).to_be_bytes());
        let proposal = Proposal { id, origin: Origin::Service { node: 1 }, expect: None, command };
        let outcome = self.state.apply(self.index, &proposal);
        for change in self.state.take_changes() {
            match change.value {
                Some(value) => drop(self.stored.insert(change.key, value)),
                None => drop(self.stored.remove(&change.key)),
            }
        }
        outcome
    }

    fn change(&mut self, step: &Step) -> Outcome {
        let change = step.change(&self.state);
        self.run(Command::ChangeIdentity(Box::new(change)))
    }

    fn entries(&self) -> Vec<IdentityEntry> {
        let entries = self.state.identity().entries_after(&Position::default());
        entries.unwrap().map(|entry| (**entry).clone()).collect()
    }

    /// What an observer can tell, without the way there.
    fn content(&self) -> Vec<IdentityRecord> {
        self.state.identity().all().map(|stored| stored.record.clone()).collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Put(u8, u8),
    PutKey(u8, u64),
    Delete(u8),
    Rename(u8, u8),
    /// Guarded by something that is not so.
    Wrong(u8),
}

impl Step {
    fn change(&self, state: &State) -> IdentityChange {
        let guard = |key: IdentityKey| {
            let changed = state.identity().stored(&key).map(|stored| stored.changed);
            Guard { key, changed }
        };
        // No two users have one unique id, whatever their names.
        let next = state.identity().position().sequence + 1;
        let key = |n: u8| IdentityKey::user(account(), &format!("User-{n}"));
        match *self {
            Self::Put(n, generation) => IdentityChange {
                guards: vec![guard(key(n))],
                puts: vec![IdentityRecord::User(user(n, generation, next))],
                deletes: Vec::new(),
            },
            Self::PutKey(n, owner) => IdentityChange {
                puts: vec![IdentityRecord::AccessKey(access_key(n, owner))],
                ..IdentityChange::default()
            },
            Self::Delete(n) => {
                IdentityChange { deletes: vec![key(n)], guards: vec![guard(key(n))], puts: Vec::new() }
            }
            Self::Rename(from, to) => {
                let Some(old) = state.identity().user(account(), &format!("User-{from}")) else {
                    return IdentityChange::default();
                };
                let renamed = User { name: format!("User-{to}"), ..old.clone() };
                IdentityChange {
                    deletes: vec![key(from)],
                    guards: vec![guard(key(from)), guard(key(to))],
                    puts: vec![IdentityRecord::User(renamed)],
                }
            }
            Self::Wrong(n) => IdentityChange {
                guards: vec![Guard { key: key(n), changed: Some(u64::MAX) }],
                deletes: vec![key(n)],
                puts: Vec::new(),
            },
        }
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0u8..4, 0u8..8).prop_map(|(n, g)| Step::Put(n, g)),
        (0u8..4, 1u64..8).prop_map(|(n, owner)| Step::PutKey(n, owner)),
        (0u8..4).prop_map(Step::Delete),
        (0u8..4, 4u8..6).prop_map(|(from, to)| Step::Rename(from, to)),
        (0u8..4).prop_map(Step::Wrong),
    ];
    prop::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn stored_and_restored_equal_the_state_in_memory(steps in steps()) {
        let mut home = Site::new(true);
        for step in &steps {
            let outcome = home.change(step);
            let refused = matches!(step, Step::Wrong(_));
            prop_assert_eq!(outcome == Outcome::Refused(Refusal::IdentityMoved), refused);
        }
        let records: Vec<_> = home.state.records().collect();
        prop_assert!(records.is_sorted());
        prop_assert_eq!(records.iter().cloned().collect::<BTreeMap<_, _>>(), home.stored.clone());
        let restored = State::restore(records).unwrap();
        prop_assert_eq!(restored.hash(), home.state.hash());
        for record in home.content() {
            if let Some(id) = record.unique_id() {
                prop_assert_eq!(restored.identity().by_id(id), home.state.identity().by_id(id));
            }
        }
    }

    /// Batches may repeat, overlap and come late; none may leave a gap.
    #[test]
    fn followers_end_where_the_home_is(steps in steps(), cuts in prop::collection::vec((0usize..40, 0usize..40), 0..30)) {
        let (mut home, mut follower) = (Site::new(true), Site::new(false));
        for step in &steps {
            home.change(step);
        }
        let entries = home.entries();
        for (from, count) in cuts {
            let batch: Vec<_> = entries.iter().skip(from).take(count).cloned().collect();
            let before = follower.state.identity().position().clone();
            let reachable = batch.iter().find(|e| e.position > before).is_none_or(|e| e.previous == before);
            let outcome = follower.run(Command::FollowIdentity { entries: batch });
            prop_assert_eq!(outcome == Outcome::Applied, reachable);
        }
        follower.run(Command::FollowIdentity { entries });
        prop_assert_eq!(follower.state.identity().position(), home.state.identity().position());
        prop_assert_eq!(follower.content(), home.content());
        prop_assert_eq!(State::restore(follower.state.records()).unwrap().hash(), follower.state.hash());
    }

    #[test]
    fn a_whole_copy_replaces_another_history(steps in steps(), parts in 1u32..4) {
        let (mut home, mut follower) = (Site::new(true), Site::new(false));
        for step in &steps {
            home.change(step);
        }
        let all: Vec<_> = home.state.identity().all().map(|stored| (**stored).clone()).collect();
        let position = home.state.identity().position().clone();
        prop_assume!(position != Position::default());
        let chunk = all.len().div_ceil(parts as usize).max(1);
        let mut chunks: Vec<_> = all.chunks(chunk).map(<[_]>::to_vec).collect();
        chunks.resize(parts as usize, Vec::new());
        let copies: Vec<_> = chunks.into_iter().zip(0u32..).map(|(records, part)| {
            IdentityCopy { position: position.clone(), part, parts, records }
        }).collect();
        // The last part first is a gap; nothing of it is seen.
        if parts > 1 {
            let early = follower.run(Command::ReplaceIdentity(Box::new(copies.last().unwrap().clone())));
            prop_assert_eq!(early, Outcome::Refused(Refusal::IdentityGap));
        }
        for copy in &copies {
            prop_assert!(follower.state.identity().is_empty());
            let outcome = follower.run(Command::ReplaceIdentity(Box::new(copy.clone())));
            prop_assert_eq!(outcome, Outcome::Applied);
            prop_assert_eq!(State::restore(follower.state.records()).unwrap().hash(), follower.state.hash());
        }
        prop_assert_eq!(follower.content(), home.content());
        prop_assert_eq!(follower.state.identity().position(), &position);
        // An old copy, and anything at the home itself, changes nothing.
        for site in [&mut follower, &mut home] {
            let again = site.run(Command::ReplaceIdentity(Box::new(copies.first().unwrap().clone())));
            prop_assert_eq!(again, Outcome::Refused(Refusal::IdentityGap));
        }
    }
}

#[test]
fn only_the_home_takes_changes_and_only_others_follow() {
    let (mut home, mut other) = (Site::new(true), Site::new(false));
    let outcome = other.change(&Step::Put(1, 1));
    assert_eq!(outcome, Outcome::Refused(Refusal::NotIdentityHome(None)));
    assert_eq!(home.change(&Step::Put(1, 1)), Outcome::Applied);
    let entries = home.entries();
    assert_eq!(
        home.run(Command::FollowIdentity { entries: entries.clone() }),
        Outcome::Refused(Refusal::IdentityGap)
    );
    assert_eq!(other.run(Command::FollowIdentity { entries }), Outcome::Applied);
}

#[test]
fn two_records_never_share_a_unique_id() {
    let mut home = Site::new(true);
    home.change(&Step::Put(1, 1));
    let twin = IdentityRecord::User(user(2, 1, 1));
    let change = IdentityChange { puts: vec![twin], ..IdentityChange::default() };
    let outcome = home.run(Command::ChangeIdentity(Box::new(change)));
    assert_eq!(outcome, Outcome::Refused(Refusal::IdentityMoved));
}

#[test]
fn the_identity_key_is_in_no_account_and_not_created_later() {
    let home = Site::new(true);
    let key = home.state.identity_key().unwrap();
    assert_eq!(key.account, AccountId::SYSTEM);
    assert_eq!(home.state.keys_of(AccountId::SYSTEM, None).count(), 0);
    let (region, epoch) = home.state.identity_home().unwrap();
    assert_eq!(region.as_str(), "us-east-1");
    assert_eq!(epoch.region, *region);
}

#[test]
fn a_credential_is_looked_up_in_the_state_it_is_used_with() {
    use kms_state::{CallerError, CredentialRef};
    let mut home = Site::new(true);
    home.change(&Step::Put(1, 1));
    home.change(&Step::PutKey(1, 1));
    let credential = CredentialRef::AccessKey("AKIA1".into());
    let Ok(caller) = home.state.caller(&credential) else { panic!("an active key of a user") };
    assert_eq!(caller.arn(), "arn:aws:iam::111122223333:user/User-1");
    // The same user name with another unique id is another user: the key is nobody's.
    home.change(&Step::Delete(1));
    home.change(&Step::Put(1, 2));
    assert_eq!(home.state.caller(&credential), Err(CallerError::Unknown));
}
