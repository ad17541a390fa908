use crate::{Call, Step, budget::Cost, site::Pause};

/// One event in the deployment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// A letter arrives; by its fingerprint.
    Deliver(u64),
    /// A letter arrives, and a copy of it stays under way.
    Repeat(u64),
    /// The envelopes of a letter under way get other bytes.
    Corrupt(u64),
    /// The Region with this place is lost for ever.
    Lose(usize),
    /// The Region with this place is restored to its state at the beginning.
    Restore(usize),
    /// The lost Region with this place comes back with an empty disk and an invitation.
    Found(usize),
    /// Something happens in the Region with this place.
    At(usize, Step),
}

impl Action {
    /// What it takes from the budget.
    pub fn cost(&self) -> Option<Cost> {
        match self {
            Self::Deliver(_) => None,
            Self::Repeat(_) => Some(Cost::Repeat),
            Self::Corrupt(_) => Some(Cost::Corrupt),
            Self::Lose(_) => Some(Cost::Loss),
            Self::Restore(_) => Some(Cost::Restore),
            Self::Found(_) => Some(Cost::Found),
            Self::At(_, step) => cost_of_step(step),
        }
    }
}

fn cost_of_step(step: &Step) -> Option<Cost> {
    match step {
        Step::Receive(_) | Step::Apply => None,
        Step::Call(Call::Rotate { .. } | Call::RotateImported) => Some(Cost::Rotate),
        Step::Call(Call::Import { .. }) => Some(Cost::Import),
        Step::Call(Call::Replicate { .. }) => Some(Cost::Replicate),
        Step::Call(Call::UpdatePrimary { .. }) => Some(Cost::Handoff),
        Step::Call(Call::ScheduleDeletion) => Some(Cost::Schedule),
        Step::Call(Call::CancelDeletion) => Some(Cost::Cancel),
        Step::Promote => Some(Cost::Promote),
        Step::PromoteUnsafely => Some(Cost::Force),
        Step::Evict(_) => Some(Cost::Evict),
        Step::Remove(_) | Step::Add(_) => Some(Cost::Directory),
        Step::Pass(Pause::Short) => Some(Cost::Short),
        Step::Pass(Pause::Long) => Some(Cost::Long),
        Step::Window => Some(Cost::Window),
        Step::Crash | Step::CrashWithLog => Some(Cost::Crash),
    }
}
