//! Region time for operators, and moving it where the configuration allows that.

use kms_state::{Command, Origin, Outcome, Proposal, RegionClock, State};
use kms_transport::{AdminError, admin_messages as pb};
use kms_types::{Entropy, ProposalId, limits};

use crate::{config::NodeConfig, entropy::OsEntropy, group::Group};

/// What the Region's time is, and what of its work has fallen due and is not done.
pub(super) fn reply(config: &NodeConfig, state: &State) -> pb::ClockReply {
    let now = state.region_time();
    pb::ClockReply {
        region: config.region.to_string(),
        region_time_ms: now.as_millis(),
        offset_ms: state.clock().offset_ms(),
        is_virtual: matches!(state.clock(), RegionClock::Virtual { .. }),
        due: count(state.due(now)),
        under_way: under_way(state),
    }
}

/// Agreements between Regions that are not finished, as far as this Region has a part in them.
fn under_way(state: &State) -> u64 {
    let waits = state.registers().filter(|(_, register)| {
        let committed = register.committed.as_deref();
        register.is_unsettled()
            || committed.is_some_and(|record| !record.is_destroyed() && record.awaits_installation())
    });
    count(waits)
}

fn count<T>(items: impl Iterator<Item = T>) -> u64 {
    u64::try_from(items.count()).unwrap_or(u64::MAX)
}

/// Refused on a node that is not told to have a virtual clock, whatever the Region's state says.
pub(super) fn check_movable(config: &NodeConfig, offset_ms: u64) -> Result<(), AdminError> {
    if config.clock() == RegionClock::Real {
        return Err(AdminError::Refused(
            "this node has a real clock; only clusters of `meridian local` have one that can be moved".into(),
        ));
    }
    match offset_ms > limits::MAX_CLOCK_OFFSET_MS {
        true => Err(AdminError::Invalid(format!(
            "a virtual clock can be at most {} years ahead",
            limits::MAX_CLOCK_OFFSET_MS / (365 * 86_400_000)
        ))),
        false => Ok(()),
    }
}

/// Moves the clock to an offset, not by one, so that asking twice does not move it twice.
pub(super) async fn advance(group: &Group, offset_ms: u64) -> Result<(), AdminError> {
    let entropy: &mut dyn Entropy = &mut OsEntropy;
    let proposal = Proposal {
        id: ProposalId::from_random(entropy.array()),
        origin: Origin::Operator { node: group.node() },
        expect: None,
        command: Command::AdvanceClock { offset_ms },
    };
    match group.propose(proposal).await {
        Ok(Outcome::Refused(refusal)) => Err(AdminError::Refused(refusal.to_string())),
        Ok(_) => Ok(()),
        Err(error) => Err(AdminError::Unavailable(error.to_string())),
    }
}
