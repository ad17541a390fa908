//! The Region's own history, and what it heard of the others' (invariant A5).

use kms_types::Region;

use crate::{Mark, Marks, OfficeId, Outcome, Refusal, State, state::Meta};

/// A leader begins.
pub(super) fn take_office(state: &mut State, index: u64, office: OfficeId) -> Outcome {
    state.put_office(index, office);
    Outcome::Applied
}

/// Points move on within an office, and on to another office; which office is newer is for the letters to know. What was
/// heard of an incarnation that is not the one of the directory any more says nothing of the present one.
pub(super) fn hear(state: &mut State, marks: &Marks) {
    for (region, heard) in marks {
        let voter = state.directory().and_then(|directory| directory.voters.get(region));
        let present = voter.is_some_and(|voter| voter.incarnation == heard.incarnation);
        let known = state.peer_mark(region);
        if present && known.is_none_or(|known| moves(known, &heard.mark)) {
            state.put_peer_mark(region.clone(), *heard);
        }
    }
}

/// For ever: what this Region has forgotten, it may have promised. Whoever found it out may have been a deposed leader that
/// did not know the end of the history: all of it that anybody was told before comes before this entry.
pub(super) fn note_rollback(
    state: &mut State,
    index: u64,
    peer: &Region,
    memory: &Mark,
) -> Result<Outcome, Refusal> {
    let meta = state.meta().ok_or(Refusal::NotBootstrapped)?;
    if memory.index < index && state.has_been_at(memory) {
        return Err(Refusal::InHistory(peer.clone()));
    }
    if meta.rolled_back.is_none() {
        let noted = Meta { rolled_back: Some(peer.clone()), ..meta.clone() };
        state.put_meta(noted);
    }
    Ok(Outcome::Applied)
}

fn moves(known: &Mark, mark: &Mark) -> bool {
    known.office != mark.office || known.index < mark.index
}

#[cfg(test)]
mod tests {
    use super::super::registers::fixture::TestRegion;
    use super::*;
    use crate::{Command, PeerMark};

    fn office(n: u8) -> OfficeId {
        OfficeId([n; 16])
    }

    #[test]
    fn a5_points_of_a_lost_end_are_not_in_the_history_however_long_it_goes_on() {
        let mut log = TestRegion::new("a");
        log.run(Command::TakeOffice { office: office(1) });
        let kept = Mark { office: office(1), index: log.index };
        let copy = log.clone();
        log.run(Command::Tick { now: kms_types::Timestamp::from_millis(5) });
        let lost = Mark { office: office(1), index: log.index };
        assert!(log.state.has_been_at(&lost) && log.state.has_been_at(&kept));
        log = copy;
        for n in 2..5 {
            log.run(Command::TakeOffice { office: office(n) });
            assert!(log.state.has_been_at(&kept) && !log.state.has_been_at(&lost));
        }
        let never = Mark { office: office(9), index: 1 };
        assert!(!log.state.has_been_at(&never));
    }

    #[test]
    fn a5_what_only_a_deposed_leader_does_not_know_is_no_rollback() {
        let mut log = TestRegion::new("a");
        let b: kms_types::Region = "test-b-1".parse().unwrap();
        log.run(Command::TakeOffice { office: office(1) });
        let known = Mark { office: office(1), index: log.index };
        let note = |memory| Command::NoteRollback { peer: b.clone(), memory };
        assert_eq!(log.run(note(known)), Outcome::Refused(Refusal::InHistory(b.clone())));
        assert!(log.state.counts() && log.state.rolled_back().is_none());
        let ahead = Mark { office: office(1), index: log.index + 1 };
        assert_eq!(log.run(note(ahead)), Outcome::Applied, "nobody was told of what comes later");
        assert!(!log.state.counts() && log.state.rolled_back() == Some(&b));
    }

    #[test]
    fn what_was_heard_never_goes_back_within_an_office() {
        let mut log = TestRegion::new("a");
        let b: kms_types::Region = "test-b-1".parse().unwrap();
        let of = |incarnation: u8, n, index| {
            let incarnation = kms_types::Incarnation::from_random([incarnation; 16]);
            let marks =
                [(b.clone(), PeerMark { incarnation, mark: Mark { office: office(n), index } })].into();
            Command::Heard { marks, command: Box::new(Command::Tick { now: Default::default() }) }
        };
        let hear = |n, index| of(b'b', n, index);
        let strange = of(b'z', 7, 70);
        for (command, expected) in
            [(hear(1, 5), (1, 5)), (hear(1, 3), (1, 5)), (hear(2, 4), (2, 4)), (strange, (2, 4))]
        {
            log.run(command);
            let expected = Mark { office: office(expected.0), index: expected.1 };
            assert_eq!(log.state.peer_mark(&b), Some(&expected));
        }
        let restored = State::restore(log.state.records()).unwrap();
        assert_eq!(restored.hash(), log.state.hash());
        assert_eq!(restored.peer_mark(&b), log.state.peer_mark(&b));
    }
}
