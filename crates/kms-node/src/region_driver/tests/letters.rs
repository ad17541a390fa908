//! Rule 13, invariant A5, and failure cases 17 and 24 as far as letters go.

use kms_crypto::SigningKey;
use kms_region::{Message, NotHeard};
use kms_state::{Command, DirectoryChange, Mark, OfficeId, PeerMark};
use kms_types::{DeploymentId, Incarnation, Region};

use super::{
    super::{
        letter::{Counters, LetterError, Read, Reader, View, Writer},
        replay::Office,
    },
    deployment::{Deployment, Log, random, region},
};
use crate::entropy::OsEntropy;

const OFFICE: OfficeId = OfficeId([7; 16]);

/// The Region's view, its leader in office.
fn view(world: &Deployment, name: &str) -> View {
    let log = &world.site(name).log;
    if log.state().office().is_none() {
        log.run(Command::TakeOffice { office: OFFICE });
    }
    log.view()
}

/// The same with another identity of the Region, as a restored or foreign one would have.
fn altered(
    View { state, .. }: &View,
    deployment: Option<DeploymentId>,
    incarnation: Option<Incarnation>,
    generation: Option<u64>,
) -> View {
    let mut directory = state.directory().unwrap().clone();
    directory.generation = generation.unwrap_or(directory.generation);
    let log = Log::new();
    log.run(Command::Bootstrap {
        identity_key: None,
        deployment: deployment.unwrap_or(state.deployment().unwrap()),
        region: state.region().unwrap().clone(),
        incarnation: incarnation.unwrap_or(state.incarnation().unwrap()),
        directory,
        domain_keys: Vec::new(),
        clock: kms_state::RegionClock::Real,
    });
    log.run(Command::TakeOffice { office: OFFICE });
    log.view()
}

fn write(view: &View, signing: &SigningKey, to: &Region, counters: &Counters) -> Vec<u8> {
    Sender { signing, office: 1, id: OFFICE, counters }.write(view, to, None).unwrap()
}

/// One leader.
struct Sender<'a> {
    signing: &'a SigningKey,
    office: u64,
    id: OfficeId,
    counters: &'a Counters,
}

impl Sender<'_> {
    fn write(&self, view: &View, to: &Region, confirms: Option<Mark>) -> Option<Vec<u8>> {
        let office = Office { term: 7, node: 1, index: self.office };
        let writer = Writer { signing: self.signing, office, id: self.id, counters: self.counters };
        writer.write(view, to, &Message::Hint { sequence: 3 }, confirms)
    }
}

#[test]
fn rule_13_a_letter_proves_its_sender_and_is_taken_once() {
    let world = Deployment::new(&["a", "b", "w"]);
    let (a, b) = (view(&world, "a"), view(&world, "b"));
    let letter = write(&a, &world.site("a").signing, &region("b"), &Counters::default());
    let mut reader = Reader::default();
    let Read { from, message, heard } = reader.read(&b, &letter).unwrap();
    assert_eq!((from, message), (region("a"), Message::Hint { sequence: 3 }));
    assert_eq!(heard.mark, Mark { office: OFFICE, index: a.index });
    assert!(matches!(reader.read(&b, &letter), Err(LetterError::Replayed(_))));
    let at_w = reader.read(&view(&world, "w"), &letter);
    assert!(matches!(at_w, Err(LetterError::WrongReceiver(to)) if to == region("b")));
}

#[test]
fn rule_13_other_identities_are_refused() {
    let world = Deployment::new(&["a", "b", "w"]);
    let (a, b, signing) = (view(&world, "a"), view(&world, "b"), &world.site("a").signing);
    let counters = Counters::default();
    let read = |state: &View, signing: &SigningKey| {
        Reader::default().read(&b, &write(state, signing, &region("b"), &counters)).map(|_| ())
    };
    assert!(read(&a, signing).is_ok());
    let stranger = SigningKey::generate(&mut OsEntropy);
    assert!(matches!(read(&a, &stranger), Err(LetterError::Forged(_))));
    assert!(
        matches!(read(&b, &world.site("b").signing), Err(LetterError::UnknownSender(_))),
        "not from itself"
    );
    let elsewhere = altered(&a, Some(DeploymentId::from_random(random())), None, None);
    assert!(matches!(read(&elsewhere, signing), Err(LetterError::WrongDeployment(_))));
    let restored = altered(&a, None, Some(Incarnation::from_random(random())), None);
    assert!(
        matches!(read(&restored, signing), Err(LetterError::NotHeard(NotHeard::WrongIncarnation { .. }))),
        "failure case 17"
    );
    let other = altered(&a, None, None, Some(2));
    let wrong = read(&other, signing);
    assert!(
        matches!(wrong, Err(LetterError::NotHeard(NotHeard::WrongGeneration { theirs: 2, ours: 1, .. }))),
        "failure case 24"
    );
}

#[test]
fn rule_13_no_flipped_bit_is_taken() {
    let world = Deployment::new(&["a", "b"]);
    let (a, b) = (view(&world, "a"), view(&world, "b"));
    let letter = write(&a, &world.site("a").signing, &region("b"), &Counters::default());
    for bit in (0..letter.len() * 8).step_by(3) {
        let mut changed = letter.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(Reader::default().read(&b, &changed).is_err(), "bit {bit}");
    }
    for length in 0..letter.len() {
        assert!(Reader::default().read(&b, &letter[..length]).is_err(), "length {length}");
    }
}

#[test]
fn case_17_a_removed_incarnation_is_recognised_and_not_heard() {
    let world = Deployment::new(&["a", "b", "w"]);
    let (a, b) = (view(&world, "a"), view(&world, "b"));
    let letter = write(&a, &world.site("a").signing, &region("b"), &Counters::default());
    let removed = DirectoryChange::Remove { region: region("a") };
    let without = b.state.directory().unwrap().after(&removed).unwrap();
    world.site("b").log.run(Command::CommitDirectory(Box::new(without)));
    let refused = Reader::default().read(&world.site("b").log.view(), &letter);
    assert!(
        matches!(refused, Err(LetterError::NotHeard(NotHeard::Removed { region: from, .. })) if from == region("a"))
    );
}

#[test]
fn letters_to_and_from_an_isolated_region_are_not_read() {
    let world = Deployment::new(&["a", "b", "w"]);
    let (a, signing) = (view(&world, "a"), &world.site("a").signing);
    let counters = Counters::default();
    for (isolated, heard) in [("a", false), ("w", true), ("b", false)] {
        let set = |isolated_now| Command::SetIsolation { region: region(isolated), isolated: isolated_now };
        world.site("b").log.run(set(true));
        let letter = write(&a, signing, &region("b"), &counters);
        let read = Reader::default().read(&world.site("b").log.view(), &letter);
        assert_eq!(read.is_ok(), heard, "{isolated}");
        world.site("b").log.run(set(false));
    }
}

#[test]
fn a5_a_new_leader_is_heard_once_it_shows_what_was_heard_of_it() {
    let world = Deployment::new(&["a", "b", "w"]);
    let (a, log, signing) = (view(&world, "a"), &world.site("b").log, &world.site("a").signing);
    let counters = Counters::default();
    let first = Sender { signing, office: 1, id: OFFICE, counters: &counters };
    let mut reader = Reader::default();
    let heard = reader.read(&log.view(), &first.write(&a, &region("b"), None).unwrap()).unwrap().heard;
    let (mark, marks) = (heard.mark, [(region("a"), heard)].into());
    log.run(Command::Heard { marks, command: Box::new(Command::Tick { now: Default::default() }) });
    // The next leader of a.
    let id = OfficeId([8; 16]);
    world.site("a").log.run(Command::TakeOffice { office: id });
    let a = world.site("a").log.view();
    assert!(first.write(&a, &region("b"), None).is_none(), "its predecessor falls silent");
    let next = Sender { signing, office: 2, id, counters: &counters };
    let mut read = |confirms| reader.read(&log.view(), &next.write(&a, &region("b"), confirms).unwrap());
    assert!(matches!(read(None), Err(LetterError::Unconfirmed(_))));
    let other = Mark { index: mark.index - 1, ..mark };
    assert!(matches!(read(Some(other)), Err(LetterError::Unconfirmed(_))));
    assert!(read(Some(mark)).is_ok());
    assert!(read(None).is_ok(), "shown once for its whole office");
}

#[test]
fn a5_a_region_that_went_back_is_told_so_by_whoever_heard_more_of_it() {
    let world = Deployment::new(&["a", "b", "w"]);
    let (log_a, log_b) = (&world.site("a").log, &world.site("b").log);
    let before = view(&world, "a").state.clone();
    log_a.run(Command::Tick { now: kms_types::Timestamp::from_millis(5_000_000) });
    let told = Mark { office: OFFICE, index: log_a.view().index };
    let incarnation = before.incarnation().unwrap();
    let marks = [(region("a"), PeerMark { incarnation, mark: told })].into();
    log_b.run(Command::TakeOffice { office: OFFICE });
    log_b.run(Command::Heard { marks, command: Box::new(Command::Tick { now: Default::default() }) });
    let letter = write(&log_b.view(), &world.site("b").signing, &region("a"), &Counters::default());
    let mut reader = Reader::default();
    assert!(reader.read(&log_a.view(), &letter).is_ok());
    assert_eq!(reader.remembered(&region("b")), Some(told));
    // a goes back, and on under another leader, further than it was.
    let rebuilt = Log::from(before, told.index - 1);
    for n in 20..30 {
        rebuilt.run(Command::TakeOffice { office: OfficeId([n; 16]) });
    }
    assert!(rebuilt.view().index > told.index);
    let refused = Reader::default().read(&rebuilt.view(), &letter);
    assert!(
        matches!(refused, Err(LetterError::RolledBack { peer, memory }) if peer == region("b") && memory == told)
    );
    let note = || Command::NoteRollback { peer: region("b"), memory: told };
    log_a.run(note());
    rebuilt.run(note());
    assert!(!rebuilt.state().counts() && log_a.state().counts());
}
