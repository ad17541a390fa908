use kms_crypto::VerifyingKey;
use kms_types::Incarnation;

use super::*;
use crate::apply::registers::fixture::{TestRegion, epoch, key_id, region, seed};
use crate::{Command, Membership, RegionRole, Voter};

fn add(name: &str, n: u8) -> DirectoryChange {
    let incarnation = Incarnation::from_random([n; 16]);
    let voter = Voter { incarnation, verifying_key: VerifyingKey([n; 32]), role: RegionRole::Data };
    DirectoryChange::Add { region: region(name), voter, nodes: vec!["127.0.0.1:1".into()] }
}

fn next(state: &State, change: &DirectoryChange) -> Directory {
    state.directory().unwrap().after(change).unwrap()
}

impl TestRegion {
    fn promise(&mut self, generation: u64, ballot: Epoch) -> DirectoryAnswer {
        answered(self.run(Command::PromiseDirectory { generation, ballot }))
    }

    fn accept(&mut self, ballot: Epoch, directory: Directory) -> DirectoryAnswer {
        answered(self.run(Command::AcceptDirectory(Box::new(ProposedDirectory { ballot, directory }))))
    }

    fn adopt(&mut self, directory: &Directory) {
        self.run(Command::CommitDirectory(Box::new(directory.clone())));
    }
}

fn answered(outcome: Outcome) -> DirectoryAnswer {
    match outcome {
        Outcome::DirectoryAnswered(answer) => *answer,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rule_12_a_ballot_fences_lower_ones_and_tells_what_was_accepted() {
    let mut w = TestRegion::new("w");
    let first = next(&w.state, &add("d", 9));
    assert!(w.promise(2, epoch(1, "a")).granted);
    assert!(w.accept(epoch(1, "a"), first.clone()).granted);
    let higher = w.promise(2, epoch(2, "b"));
    assert_eq!(higher.accepted.unwrap().directory, first);
    assert!(higher.granted && !w.promise(2, epoch(1, "a")).granted);
    assert!(!w.accept(epoch(1, "a"), first).granted);
}

#[test]
fn case_24_another_generation_has_no_say() {
    let mut w = TestRegion::new("w");
    for generation in [1, 3] {
        let answer = w.promise(generation, epoch(1, "a"));
        assert_eq!((answer.granted, answer.hold), (false, Some(DirectoryHold::Generation(1))));
    }
    let second = next(&w.state, &add("d", 9));
    w.adopt(&second);
    w.adopt(&Directory { generation: 1, ..second.clone() });
    assert_eq!(w.state.directory(), Some(&second));
    assert!(w.accept(epoch(1, "a"), second).granted, "it is in force here");
}

#[test]
fn rule_12_nobody_votes_on_the_next_change_before_the_agreements_before_the_last_are_read() {
    let mut w = TestRegion::new("w");
    let second = next(&w.state, &add("d", 9));
    w.adopt(&second);
    assert!(w.state.is_survey_open() && w.state.has_vote(), "it goes on voting about keys");
    assert_eq!(w.promise(3, epoch(1, "a")).hold, Some(DirectoryHold::Reading));
    w.run(Command::FinishSurvey { generation: 1 });
    assert!(w.state.is_survey_open(), "the survey of another generation");
    w.run(Command::FinishSurvey { generation: 2 });
    assert!(w.promise(3, epoch(1, "a")).granted);
}

#[test]
fn rule_12_a_region_that_comes_in_has_no_vote_before_it_has_read() {
    let a = TestRegion::with_key();
    let second = next(&a.state, &add("d", 9));
    let mut d = TestRegion { state: State::new(), index: 0 };
    d.run(Command::Bootstrap {
        identity_key: None,
        deployment: a.state.deployment().unwrap(),
        region: region("d"),
        incarnation: Incarnation::from_random([9; 16]),
        directory: second.clone(),
        domain_keys: Vec::new(),
        clock: crate::RegionClock::Real,
    });
    let promise = |d: &mut TestRegion| match d
        .run(Command::PromiseEpochs { epochs: vec![(key_id(), epoch(2, "b"))] })
    {
        Outcome::Promised(answers) => answers[0].promised,
        other => panic!("{other:?}"),
    };
    assert!(!d.state.has_vote() && d.state.is_in_directory() && !promise(&mut d));
    d.run(Command::MergeRegisters { registers: vec![(key_id(), a.register())] });
    assert_eq!(d.committed(), a.committed());
    d.run(Command::FinishSurvey { generation: 2 });
    assert!(d.state.has_vote() && promise(&mut d));
}

#[test]
fn rule_12_what_was_read_is_told_and_counts_only_where_it_could_be_accepted() {
    let mut a = TestRegion::with_key();
    let joining = a.committed().replicate(region("b"), *seed()).unwrap();
    a.propose(&joining, None);
    let mut w = TestRegion::new("w");
    w.run(Command::PromiseEpochs { epochs: vec![(key_id(), epoch(2, "c"))] });
    w.run(Command::MergeRegisters { registers: vec![(key_id(), a.register())] });
    assert_eq!(w.register().accepted.unwrap().version, joining.version);
    let accept = |w: &mut TestRegion| match w.run(Command::AcceptRecords { records: vec![joining.clone()] }) {
        Outcome::Accepted(answers) => answers[0].accepted,
        other => panic!("{other:?}"),
    };
    assert!(!accept(&mut w), "a higher epoch was promised here before it was read");
    let mut b = TestRegion::new("b");
    b.run(Command::MergeRegisters { registers: vec![(key_id(), a.register())] });
    assert!(accept(&mut b));
}

#[test]
fn rule_12_a_member_of_a_key_cannot_come_in_with_nothing() {
    let mut a = TestRegion::with_key();
    let without = next(&a.state, &DirectoryChange::Remove { region: region("b") });
    let mut joined = a.committed();
    joined.members.insert(region("b"), Membership::Active);
    joined.version = joined.version.next();
    a.commit(&joined);
    a.adopt(&without);
    a.run(Command::FinishSurvey { generation: 2 });
    let back = next(&a.state, &add("b", 9));
    let held = a.accept(epoch(1, "a"), back.clone()).hold;
    let expected = DirectoryError::StillMember { region: region("b"), key: key_id() };
    assert_eq!(held, Some(DirectoryHold::Step(expected)));
    let dropped = a.committed().remove(&region("b")).unwrap();
    a.commit(&dropped);
    assert!(a.accept(epoch(1, "a"), back).granted);
}

#[test]
fn a_region_that_was_removed_knows_it() {
    let mut b = TestRegion::new("b");
    let without = next(&b.state, &DirectoryChange::Remove { region: region("b") });
    b.adopt(&without);
    assert!(!b.state.is_in_directory());
    let mut again = without.after(&add("b", 9)).unwrap();
    again.generation = 3;
    b.adopt(&again);
    assert!(!b.state.is_in_directory(), "another incarnation has its name");
}

#[test]
fn isolation_is_of_one_peer_or_of_all() {
    let mut a = TestRegion::new("a");
    let isolate = |name: &str, isolated| Command::SetIsolation { region: region(name), isolated };
    a.run(isolate("b", true));
    assert!(a.state.is_isolated_from(&region("b")) && !a.state.is_isolated_from(&region("c")));
    a.run(isolate("a", true));
    assert!(a.state.is_isolated_from(&region("c")));
    a.run(isolate("a", false));
    a.run(isolate("b", false));
    assert_eq!(a.state.isolated().count(), 0);
    assert!(matches!(a.run(isolate("z", true)), Outcome::Refused(Refusal::UnknownRegion(_))));
}
