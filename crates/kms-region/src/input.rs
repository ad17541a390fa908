use kms_state::{DirectoryChange, InstallMaterial, Outcome, State};
use kms_types::{KeyId, Region};

use crate::{Message, Want};

/// Everything that a machine can learn.
#[derive(Debug)]
pub enum Input {
    /// The Region's applied state has moved on. Skipping intermediate states is fine.
    Applied(Box<State>),
    /// A message, its sender proven (rule 13).
    Message {
        /// The sender.
        from: Region,
        /// The message.
        message: Message,
    },
    /// What became of a proposal of this machine. Feed the state that it led to first.
    Outcome {
        /// The tag of [`crate::Output::Propose`].
        tag: u64,
        /// The outcome.
        outcome: Outcome,
    },
    /// It is not known what became of a proposal (invariant B4).
    Lost {
        /// The tag of [`crate::Output::Propose`].
        tag: u64,
    },
    /// What was in the envelopes of [`crate::Output::OpenEnvelopes`].
    Opened {
        /// The sender.
        from: Region,
        /// Materials that match their commitments, wrapped for this Region.
        materials: Vec<InstallMaterial>,
        /// Envelopes that opened to something else, or not at all (failure cases 21 and 22).
        refused: Vec<Want>,
    },
    /// An operator makes this Region the primary.
    Promote {
        /// Which keys.
        scope: PromoteScope,
        /// What to do without a majority.
        force: Force,
        /// Comes back in [`crate::Output::Report`].
        request: u64,
    },
    /// An operator removes a member from keys whose primary is this Region.
    Evict {
        /// The member.
        region: Region,
        /// Which keys.
        scope: EvictScope,
        /// Comes back in [`crate::Output::Report`].
        request: u64,
    },
    /// An operator changes which Regions vote (rule 12).
    ChangeDirectory {
        /// The change.
        change: DirectoryChange,
        /// What to do without a majority.
        force: Force,
        /// What to do about keys that no other Region holds.
        losses: Losses,
        /// Comes back in [`crate::Output::DirectoryReport`].
        request: u64,
    },
    /// A letter was not heard, because its sender goes by another directory or was removed ([`crate::hear`]).
    OtherDirectory {
        /// The sender.
        from: Region,
        /// The generation that it goes by.
        theirs: u64,
    },
    /// Time has passed.
    Tick,
}

/// The keys that a promotion is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PromoteScope {
    /// One key.
    Key(KeyId),
    /// Every key here whose primary is this Region, which is lost.
    AllOf(Region),
}

/// The keys that an eviction is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EvictScope {
    /// One key.
    Key(KeyId),
    /// Every key whose primary is this Region and that has the member.
    All,
}

/// Whether a promotion may go on when no majority answers (rule 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Force {
    /// Stop.
    Safe,
    /// Go on and mark the key. Changes that the lost majority knows may be displaced.
    Unsafe,
}

/// Whether a Region may be removed that is the last one which holds some keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Losses {
    /// Stop.
    Refused,
    /// Go on: they are lost with it, and given up.
    Accepted,
}
