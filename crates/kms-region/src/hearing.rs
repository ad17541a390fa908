//! Whose letters count (rules 12 and 13): the sender is a voter by this Region's directory, in the incarnation that is
//! named there, goes by the same directory, and no operator has stopped the exchange with it.
//!
//! Signatures and positions are the driver's; this is what a letter says of its sender once both are proven.

use kms_state::State;
use kms_types::{Incarnation, Region};

use crate::Message;

/// What a proven letter says of its sender.
#[derive(Debug, Clone, Copy)]
pub struct Sender<'a> {
    /// The Region.
    pub region: &'a Region,
    /// Its incarnation.
    pub incarnation: Incarnation,
    /// The generation of the directory that it goes by.
    pub generation: u64,
}

/// Why a letter is not heard.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotHeard {
    /// This Region does not know itself yet.
    #[error("this Region is not bootstrapped")]
    NotBootstrapped,
    /// The sender is no voter.
    #[error("`{0}` is not a Region of this deployment")]
    Unknown(Region),
    /// The sender was removed (failure case 17).
    #[error("incarnation {incarnation} of `{region}` was removed")]
    Removed {
        /// The sender.
        region: Region,
        /// Its incarnation.
        incarnation: Incarnation,
    },
    /// The sender is another incarnation than the directory names (failure case 17).
    #[error("`{region}` is incarnation {incarnation}, not the one of the directory")]
    WrongIncarnation {
        /// The sender.
        region: Region,
        /// What it says it is.
        incarnation: Incarnation,
    },
    /// The sender goes by another directory (failure case 24).
    #[error("`{region}` goes by directory {theirs}, this Region by {ours}")]
    WrongGeneration {
        /// The sender.
        region: Region,
        /// Its directory.
        theirs: u64,
        /// The one here.
        ours: u64,
    },
    /// An operator stopped the exchange.
    #[error("an operator has stopped letters to and from `{0}`: `meridian region return` resumes them")]
    Isolated(Region),
}

/// Whether a letter counts.
pub fn hear(state: &State, sender: Sender<'_>, message: &Message) -> Result<(), NotHeard> {
    let directory = state.directory().ok_or(NotHeard::NotBootstrapped)?;
    let Sender { region, incarnation, generation } = sender;
    if state.is_isolated_from(region) {
        return Err(NotHeard::Isolated(region.clone()));
    }
    if directory.removed.contains_key(&incarnation) && !seeded!(HearOldIncarnation) {
        return Err(NotHeard::Removed { region: region.clone(), incarnation });
    }
    let coming = state.next_directory().filter(|_| message.is_of_any_generation());
    let coming = coming.and_then(|next| next.directory.voters.get(region));
    let voter = directory.voters.get(region).filter(|_| Some(region) != state.region());
    let voter = voter.or(coming).ok_or_else(|| NotHeard::Unknown(region.clone()))?;
    if voter.incarnation != incarnation && !seeded!(HearOldIncarnation) {
        return Err(NotHeard::WrongIncarnation { region: region.clone(), incarnation });
    }
    let other = directory.generation != generation && !message.is_of_any_generation();
    if other && !seeded!(HearOldIncarnation) {
        let (theirs, ours) = (generation, directory.generation);
        return Err(NotHeard::WrongGeneration { region: region.clone(), theirs, ours });
    }
    Ok(())
}
