//! Region time: moves by log entries only, and never back.

use kms_types::Timestamp;

use crate::{Outcome, Refusal, RegionClock, State, state::Meta};

/// The voters' clocks have moved.
pub(super) fn tick(state: &mut State, clocks: Timestamp) -> Result<Outcome, Refusal> {
    let meta = state.meta().ok_or(Refusal::NotBootstrapped)?;
    let now = meta.clock.region_time(clocks);
    if now > meta.region_time {
        let moved = Meta { region_time: now, ..meta.clone() };
        state.put_meta(moved);
    }
    Ok(Outcome::Applied)
}

/// A virtual clock has moved. Region time moves by the same step in the same entry, so that what clocks outside show
/// can be told from the state at any moment.
pub(super) fn advance(state: &mut State, offset_ms: u64) -> Result<Outcome, Refusal> {
    let meta = state.meta().ok_or(Refusal::NotBootstrapped)?;
    let RegionClock::Virtual { offset_ms: before } = meta.clock else { return Err(Refusal::RealClock) };
    if offset_ms > before {
        let moved = Meta {
            region_time: meta.region_time.plus_millis(offset_ms - before),
            clock: RegionClock::Virtual { offset_ms },
            ..meta.clone()
        };
        state.put_meta(moved);
    }
    Ok(Outcome::Applied)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, Directory, Origin, Proposal};
    use kms_types::{DeploymentId, Incarnation, ProposalId};

    struct Log(State, u64);

    impl Log {
        fn new(clock: RegionClock) -> Self {
            let mut log = Self(State::new(), 0);
            log.run(Command::Bootstrap {
                identity_key: None,
                deployment: DeploymentId::from_random([1; 16]),
                region: "us-east-1".parse().unwrap(),
                incarnation: Incarnation::from_random([2; 16]),
                directory: Directory::default(),
                domain_keys: Vec::new(),
                clock,
            });
            log
        }

        fn run(&mut self, command: Command) -> Outcome {
            self.1 += 1;
            let id = ProposalId::from_random(u128::from(self.1).to_be_bytes());
            let origin = Origin::Service { node: 1 };
            self.0.apply(self.1, &Proposal { id, origin, expect: None, command })
        }

        fn times(&self) -> (u64, u64) {
            (self.0.region_time().as_millis(), self.0.outside_time().as_millis())
        }
    }

    fn tick(ms: u64) -> Command {
        Command::Tick { now: Timestamp::from_millis(ms) }
    }

    #[test]
    fn a_virtual_clock_moves_region_time_and_leaves_the_time_outside() {
        let mut log = Log::new(RegionClock::VIRTUAL);
        log.run(tick(1_000));
        assert_eq!(log.run(Command::AdvanceClock { offset_ms: 500 }), Outcome::Applied);
        assert_eq!(log.times(), (1_500, 1_000));
        log.run(tick(1_200));
        assert_eq!(log.times(), (1_700, 1_200));
    }

    #[test]
    fn neither_a_tick_nor_an_offset_moves_region_time_back() {
        let mut log = Log::new(RegionClock::VIRTUAL);
        log.run(tick(1_000));
        log.run(Command::AdvanceClock { offset_ms: 500 });
        for command in
            [tick(900), Command::AdvanceClock { offset_ms: 400 }, Command::AdvanceClock { offset_ms: 500 }]
        {
            assert_eq!(log.run(command), Outcome::Applied);
            assert_eq!(log.times(), (1_500, 1_000));
        }
    }

    #[test]
    fn a_real_clock_is_never_moved() {
        let mut log = Log::new(RegionClock::Real);
        log.run(tick(1_000));
        assert_eq!(log.run(Command::AdvanceClock { offset_ms: 500 }), Outcome::Refused(Refusal::RealClock));
        assert_eq!(log.times(), (1_000, 1_000));
    }
}
