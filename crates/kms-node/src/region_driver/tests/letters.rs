//! Rule 13, and failure cases 17 and 24 as far as letters go.

use kms_crypto::SigningKey;
use kms_region::Message;
use kms_state::{Command, State};
use kms_types::{DeploymentId, Incarnation, Region};

use super::{
    super::{
        letter::{Counters, LetterError, Reader, Writer},
        replay::Office,
    },
    deployment::{Deployment, Log, random, region},
};
use crate::entropy::OsEntropy;

/// `state` with another identity of the Region, as a restored or foreign one would have.
fn altered(
    state: &State,
    deployment: Option<DeploymentId>,
    incarnation: Option<Incarnation>,
    generation: Option<u64>,
) -> State {
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
    log.state()
}

fn write(state: &State, signing: &SigningKey, to: &Region, counters: &Counters) -> Vec<u8> {
    let writer = Writer { signing, office: Office { term: 7, node: 1, index: 20 }, counters };
    writer.write(state, to, &Message::Hint { sequence: 3 }).unwrap()
}

#[test]
fn rule_13_a_letter_proves_its_sender_and_is_taken_once() {
    let world = Deployment::new(&["a", "b", "w"]);
    let (a, b) = (world.state("a"), world.state("b"));
    let letter = write(&a, &world.site("a").signing, &region("b"), &Counters::default());
    let mut reader = Reader::default();
    let (from, message) = reader.read(&b, &letter).unwrap();
    assert_eq!((from, message), (region("a"), Message::Hint { sequence: 3 }));
    assert!(matches!(reader.read(&b, &letter), Err(LetterError::Replayed(_))));
    let at_w = reader.read(&world.state("w"), &letter);
    assert!(matches!(at_w, Err(LetterError::WrongReceiver(to)) if to == region("b")));
}

#[test]
fn rule_13_other_identities_are_refused() {
    let world = Deployment::new(&["a", "b", "w"]);
    let (a, b, signing) = (world.state("a"), world.state("b"), &world.site("a").signing);
    let counters = Counters::default();
    let read = |state: &State, signing: &SigningKey| {
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
    assert!(matches!(read(&restored, signing), Err(LetterError::WrongIncarnation { .. })), "failure case 17");
    let other = altered(&a, None, None, Some(2));
    let wrong = read(&other, signing);
    assert!(matches!(wrong, Err(LetterError::WrongGeneration { theirs: 2, ours: 1, .. })), "failure case 24");
}

#[test]
fn rule_13_no_flipped_bit_is_taken() {
    let world = Deployment::new(&["a", "b"]);
    let (a, b) = (world.state("a"), world.state("b"));
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
