//! The manners of clients: how many, how fast, on how many keys, and what they ask for.

use crate::draw::Draw;

/// How the clients of a run behave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clients {
    /// A little of everything.
    Ordinary,
    /// Many, on few keys and nearly without pause, so that calls on one key race.
    Crowded,
    /// They schedule deletions, and cancel some, of multi-Region keys most of all.
    Deleting,
    /// They rotate, replicate and move multi-Region keys most of the time.
    Sharing,
}

impl Clients {
    /// Every manner.
    pub const ALL: [Self; 4] = [Self::Ordinary, Self::Crowded, Self::Deleting, Self::Sharing];

    /// Most runs are ordinary.
    pub(crate) fn drawn(draw: &mut Draw) -> Self {
        match draw.weighted(&[6, 1, 2, 1]) {
            0 => Self::Ordinary,
            1 => Self::Crowded,
            2 => Self::Deleting,
            _ => Self::Sharing,
        }
    }

    /// Clients of each data Region.
    pub(crate) fn per_region(self) -> u64 {
        match self {
            Self::Ordinary | Self::Deleting | Self::Sharing => 4,
            Self::Crowded => 9,
        }
    }

    /// Between two calls of a client: least and most.
    pub(crate) fn pause_ms(self) -> (u64, u64) {
        match self {
            Self::Ordinary | Self::Deleting => (5, 160),
            Self::Sharing => (5, 60),
            Self::Crowded => (1, 40),
        }
    }

    /// Keys that a Region's clients want before they use any.
    pub(crate) fn keys_at_least(self) -> usize {
        match self {
            Self::Ordinary | Self::Deleting | Self::Sharing => 2,
            Self::Crowded => 1,
        }
    }

    /// Keys that are kept at a time, in all Regions.
    pub(crate) fn keys_at_most(self) -> usize {
        match self {
            Self::Ordinary | Self::Deleting | Self::Sharing => 12,
            Self::Crowded => 3,
        }
    }

    /// How many of a thousand new keys are multi-Region keys, where there are several Regions.
    pub(crate) fn multi_region_permille(self) -> u64 {
        match self {
            Self::Ordinary | Self::Crowded => 500,
            Self::Deleting => 800,
            Self::Sharing => 1_000,
        }
    }

    /// How often each call is drawn: seal, open, describe, disable, enable, update the description, schedule and cancel a
    /// deletion, use, create and revoke a grant, rotate, replicate, move.
    pub(crate) fn weights(self) -> [u64; 14] {
        match self {
            Self::Ordinary => [30, 22, 12, 6, 8, 6, 2, 3, 6, 5, 5, 3, 3, 2],
            Self::Crowded => [20, 6, 24, 12, 12, 16, 4, 10, 6, 8, 8, 2, 1, 1],
            Self::Deleting => [20, 16, 8, 2, 4, 2, 12, 7, 2, 2, 1, 3, 9, 3],
            Self::Sharing => [16, 6, 2, 1, 3, 1, 0, 1, 1, 1, 1, 24, 14, 5],
        }
    }
}
