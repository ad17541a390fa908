use kms_state::{Command, DirectoryError, DirectoryHold};
use kms_types::{Epoch, KeyId, MaterialId, RecordVersion, Region, Timestamp};
use std::collections::BTreeMap;

use crate::{Delivery, Message, Offer, Want};

/// Everything that a driver is asked to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Sign a message and send it; it may get lost.
    Send {
        /// The receiver.
        to: Region,
        /// The message.
        message: Message,
    },
    /// Propose a command in the own Region; answer with [`crate::Input::Outcome`] or [`crate::Input::Lost`].
    Propose {
        /// Names the proposal.
        tag: u64,
        /// The command.
        command: Command,
    },
    /// Seal these materials, which the asker may have, for the offer's receiver key and send them (rule 14).
    SendMaterials {
        /// The asker.
        to: Region,
        /// The offer, cut to what may be sent.
        offer: Offer,
    },
    /// Make a fresh receiver key and send an offer with these wants.
    RequestMaterials {
        /// A Region that should hold them.
        from: Region,
        /// The materials.
        wants: Vec<Want>,
    },
    /// Open these envelopes, check the commitments, wrap for this Region; answer with [`crate::Input::Opened`].
    OpenEnvelopes {
        /// The sender.
        from: Region,
        /// The delivery, cut to what is wanted.
        delivery: Delivery,
    },
    /// An operator's command is finished.
    Report {
        /// The request.
        request: u64,
        /// What happened to each key.
        results: BTreeMap<KeyId, KeyResult>,
    },
    /// An operator's change of the directory is finished.
    DirectoryReport {
        /// The request.
        request: u64,
        /// What happened.
        result: DirectoryResult,
    },
    /// Something an operator should see.
    Alarm(Alarm),
}

/// What became of a change of the directory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryResult {
    /// It is in force here, and everybody else hears of it.
    #[error("directory {generation} is in force")]
    Changed {
        /// The generation.
        generation: u64,
    },
    /// Another change was under way and has been finished; this one was not made.
    #[error(
        "another change was under way and was finished first, directory {generation} is in force: ask again"
    )]
    OtherFirst {
        /// The generation.
        generation: u64,
    },
    /// The directory does not allow it.
    #[error("{0}")]
    Refused(DirectoryError),
    /// The Region that is to go is the primary of keys.
    #[error("`{region}` is the primary of {keys} keys: promote another Region for them first")]
    StillPrimary {
        /// The Region.
        region: Region,
        /// How many keys.
        keys: usize,
    },
    /// The Region that is to go is the last one that holds keys.
    #[error(
        "no other Region holds {keys} keys of which `{region}` is the primary, `{example}` among them: replicate them \
         first, or have them lost with it (--lose-keys)"
    )]
    LastHolder {
        /// The Region.
        region: Region,
        /// How many keys.
        keys: usize,
        /// One of them.
        example: KeyId,
    },
    /// A Region does not remove itself.
    #[error("a Region cannot remove itself: command another one")]
    Own,
    /// Only a removal can be forced.
    #[error("only a removal can be forced")]
    OnlyRemovalIsForced,
    /// This Region does not vote: it was removed, or has not read what the others agreed on.
    #[error(
        "this Region does not vote: it was removed, went back to an earlier state, or is still reading what the others have agreed on"
    )]
    NotVoter,
    /// A change is under way here.
    #[error("another change of the directory is under way")]
    InProgress,
    /// Another Region's change has the higher ballot.
    #[error("another Region changes the directory: ask again")]
    Superseded,
    /// Not enough voters answered; nothing was proposed.
    #[error("no majority of Regions agreed: {}", held(missing, holds))]
    NoMajority {
        /// The voters that did not promise.
        missing: Vec<Region>,
        /// What some of them said.
        holds: BTreeMap<Region, DirectoryHold>,
    },
    /// Not enough voters of both directories have confirmed it yet; it takes effect when they do.
    #[error("proposed and not confirmed yet; silent: {}", names(missing))]
    Unconfirmed {
        /// The voters of either directory that did not confirm.
        missing: Vec<Region>,
    },
}

fn held(missing: &[Region], holds: &BTreeMap<Region, DirectoryHold>) -> String {
    let why = |region: &Region| match holds.get(region) {
        Some(hold) => format!("{region} ({hold})"),
        None => format!("{region} (silent)"),
    };
    let mut regions: Vec<&Region> = missing.iter().chain(holds.keys()).collect();
    regions.sort();
    regions.dedup();
    regions.into_iter().map(why).collect::<Vec<_>>().join(", ")
}

/// What an operator's command did to one key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyResult {
    /// This Region is the primary, agreed by a majority.
    #[error("promoted with record {version}")]
    Promoted {
        /// The committed version.
        version: RecordVersion,
    },
    /// This Region is the primary without a majority's agreement (rule 9).
    #[error("promoted without a majority with record {version}")]
    PromotedUnsafely {
        /// The committed version.
        version: RecordVersion,
    },
    /// This Region was the primary already.
    #[error("this Region is the primary already")]
    AlreadyPrimary,
    /// The member is removed.
    #[error("removed with record {version}")]
    Removed {
        /// The committed version.
        version: RecordVersion,
    },
    /// No such multi-Region key is known here.
    #[error("the key is not known here")]
    NotFound,
    /// The key is destroyed.
    #[error("the key is destroyed")]
    Destroyed,
    /// This Region does not hold every material of the key.
    #[error("this Region is not an active member of the key")]
    NotActiveMember,
    /// This Region has no vote.
    #[error(
        "this Region does not vote: it was removed, went back to an earlier state, or is still reading what the others have agreed on"
    )]
    NotVoter,
    /// The key is scheduled for deletion here.
    #[error("the key is pending deletion in this Region: cancel that first")]
    PendingDeletion,
    /// This Region is not the primary.
    #[error("this Region is not the primary of the key")]
    NotPrimary,
    /// The Region to remove is the primary.
    #[error("the Region to remove is the primary of the key")]
    IsPrimary,
    /// The Region to remove is not a member.
    #[error("the Region to remove is not a member of the key")]
    NotMember,
    /// The same is under way for this key.
    #[error("a promotion of the key is under way")]
    InProgress,
    /// Not enough voters answered; nothing was proposed.
    #[error(
        "no majority of Regions answered; silent: {}; possible once enough of them answer, \
         or, if they are gone for ever, without a majority (--unsafe)",
        names(missing)
    )]
    NoMajority {
        /// The voters that did not promise.
        missing: Vec<Region>,
    },
    /// The record was proposed, and not enough voters have confirmed it yet; it takes effect when they do.
    #[error("proposed and not confirmed by a majority yet; silent: {}", names(missing))]
    Unconfirmed {
        /// The voters that did not confirm.
        missing: Vec<Region>,
    },
    /// Another candidate has a higher epoch (failure case 9).
    #[error("a promotion with the higher epoch {by} is under way or done")]
    Superseded {
        /// The higher epoch.
        by: Epoch,
    },
    /// The record does not allow it.
    #[error("{0}")]
    Refused(String),
}

fn names(regions: &[Region]) -> String {
    regions.iter().map(Region::as_str).collect::<Vec<_>>().join(", ")
}

/// Something an operator should see.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Alarm {
    /// A rotation waits for members (failure case 6).
    #[error("rotation of key `{key}` waits for {}", names(regions))]
    RotationHeldUp {
        /// The key.
        key: KeyId,
        /// The staged material.
        material: MaterialId,
        /// The members that have not installed it.
        regions: Vec<Region>,
        /// Since when, in the driver's time.
        since: Timestamp,
    },
    /// Material did not match its commitment or its envelope did not open (failure cases 21 and 22).
    #[error("material `{material}` of key `{key}` from `{from}` was refused")]
    MaterialRefused {
        /// The sender.
        from: Region,
        /// The key.
        key: KeyId,
        /// The material.
        material: MaterialId,
    },
    /// A peer asked for something in another Region's name.
    #[error("`{from}` sent a {message} in the name of another Region")]
    ForeignEpoch {
        /// The sender.
        from: Region,
        /// The message's name.
        message: &'static str,
    },
    /// A peer asked for material it may not have.
    #[error("`{from}` asked for material of key `{key}` that it may not have")]
    MaterialDenied {
        /// The asker.
        from: Region,
        /// The key.
        key: KeyId,
    },
    /// A rotation was given up after a promotion (failure case 2).
    #[error("rotation of key `{key}` is given up, its material was lost with the old primary")]
    RotationAborted {
        /// The key.
        key: KeyId,
        /// The material.
        material: MaterialId,
    },
    /// An imported material that was pending rotation is not held by the primary any more: it expired there, or went
    /// with the old primary.
    #[error("imported material `{material}` of key `{key}` is given up, the primary does not hold it")]
    ImportGivenUp {
        /// The key.
        key: KeyId,
        /// The material.
        material: MaterialId,
    },
    /// What a peer has committed has not been known here for long.
    #[error("nothing complete was heard of `{region}` since {}", since.to_rfc3339())]
    PeerBehind {
        /// The peer.
        region: Region,
        /// Since when, in the driver's time.
        since: Timestamp,
    },
    /// This Region has promised keys to candidates that did not finish, and their primary has not taken them back.
    #[error(
        "{keys} keys, `{example}` among them, are promised to a candidate that has not finished since {}, and \
         their primary `{primary}` does not take them back: if it is lost, promote another Region",
        since.to_rfc3339()
    )]
    PromotionUnfinished {
        /// The primary.
        primary: Region,
        /// How many keys.
        keys: usize,
        /// One of them.
        example: KeyId,
        /// Since when, in the driver's time.
        since: Timestamp,
    },
    /// The last Region that held a key has left the deployment.
    #[error("key `{key}` is lost: its primary `{primary}` has left, and no Region holds it; it is given up")]
    KeyLost {
        /// The key.
        key: KeyId,
        /// The Region that led it.
        primary: Region,
    },
    /// A directory without a majority takes effect (rule 12).
    #[error("`{region}` has changed the directory without a majority, generation {generation}")]
    ForcedDirectory {
        /// The Region that was commanded.
        region: Region,
        /// The new generation.
        generation: u64,
    },
    /// A promotion without a majority takes effect (rule 9).
    #[error("key `{key}` is promoted without a majority, epoch {epoch}")]
    UnsafePromotion {
        /// The key.
        key: KeyId,
        /// The new epoch.
        epoch: Epoch,
    },
}

impl Alarm {
    /// The kind of alarm, as a word for counters.
    pub fn name(&self) -> &'static str {
        match self {
            Self::RotationHeldUp { .. } => "rotation-held-up",
            Self::MaterialRefused { .. } => "material-refused",
            Self::ForeignEpoch { .. } => "foreign-epoch",
            Self::MaterialDenied { .. } => "material-denied",
            Self::RotationAborted { .. } => "rotation-aborted",
            Self::ImportGivenUp { .. } => "import-given-up",
            Self::PeerBehind { .. } => "peer-behind",
            Self::PromotionUnfinished { .. } => "promotion-unfinished",
            Self::KeyLost { .. } => "key-lost",
            Self::ForcedDirectory { .. } => "forced-directory",
            Self::UnsafePromotion { .. } => "unsafe-promotion",
        }
    }
}
