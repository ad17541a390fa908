//! What Regions say to each other. One-way: an answer is a message in the other direction, and any of them may be
//! lost, repeated or late (failure case 10). Who sent it is proven by the driver before the machine sees it (rule 13).

use kms_crypto::{Commitment, Envelope, ReceiverPublic};
use kms_state::{
    AcceptAnswer, ControlRecord, DecodeError, Directory, DirectoryAnswer, IdentityCopy, IdentityEntry,
    MaterialInfo, Position, PromiseAnswer, ProposedDirectory, Register, decode, encode,
};
use kms_types::{Epoch, KeyId, MaterialId, RecordVersion, Timestamp};
use serde::{Deserialize, Serialize};

/// Most items in one message.
pub const MAX_ITEMS: usize = 256;
/// A batch is closed once it has this many encoded bytes.
const BATCH_BYTES: usize = 1 << 20;

/// One message between two Regions. Its bytes are a versioned frame ([`Message::encode`]).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Message {
    /// A candidate asks for promises (rule 7).
    Prepare {
        /// Key and epoch pairs.
        epochs: Vec<(KeyId, Epoch)>,
    },
    /// Answers to [`Message::Prepare`].
    Promise {
        /// One per key.
        answers: Vec<PromiseAnswer>,
    },
    /// A primary asks to accept its next records (rule 2).
    Accept {
        /// At most one per key.
        records: Vec<ControlRecord>,
    },
    /// Answers to [`Message::Accept`].
    Accepted {
        /// One per record.
        answers: Vec<AcceptAnswer>,
    },
    /// Asks for committed records after a position of the receiver's log, and tells what is installed here.
    Pull {
        /// The receiver's log index that the sender has read up to.
        cursor: u64,
        /// For keys whose primary is the receiver.
        acks: Vec<Ack>,
    },
    /// Answer to [`Message::Pull`].
    Records {
        /// The cursor of the question.
        since: u64,
        /// The position that these records reach.
        cursor: u64,
        /// The sender's newest position.
        sequence: u64,
        /// Committed records.
        records: Vec<ControlRecord>,
    },
    /// Committed records that the receiver seems to have missed.
    Learn {
        /// Committed records.
        records: Vec<ControlRecord>,
    },
    /// New records are committed here: pull now.
    Hint {
        /// The sender's newest position.
        sequence: u64,
    },
    /// Asks for materials (rule 14).
    Offer(Offer),
    /// Answer to [`Message::Offer`].
    Material(Delivery),
    /// A replica whose deletion deadline has passed asks the primary to remove it (rule 11).
    Leave {
        /// The keys, with the version of the record that the sender goes by.
        keys: Vec<(KeyId, RecordVersion)>,
    },
    /// The identity records changed here: pull now.
    IdentityHint {
        /// The sender's newest position.
        position: Position,
    },
    /// Asks the identity home for what follows.
    IdentityPull {
        /// The sender's position.
        position: Position,
        /// A whole copy that the sender takes, by its position, and the next part that it needs.
        copy: Option<(Position, u32)>,
    },
    /// Answer to [`Message::IdentityPull`]: the changes that follow.
    IdentityChanges {
        /// The changes, in order.
        entries: Vec<IdentityEntry>,
        /// The sender's newest position.
        newest: Position,
    },
    /// Answer to [`Message::IdentityPull`]: a part of a whole copy.
    IdentityPart {
        /// The part.
        copy: IdentityCopy,
    },
    /// Asks for a promise about the next directory (rule 12).
    DirectoryPrepare {
        /// The generation that the ballot is for.
        generation: u64,
        /// The ballot.
        ballot: Epoch,
    },
    /// Answer to [`Message::DirectoryPrepare`].
    DirectoryPromise {
        /// The answer.
        answer: Box<DirectoryAnswer>,
    },
    /// Asks to accept the next directory.
    DirectoryAccept {
        /// The directory and its ballot.
        proposed: Box<ProposedDirectory>,
    },
    /// Answer to [`Message::DirectoryAccept`].
    DirectoryAccepted {
        /// The answer.
        answer: Box<DirectoryAnswer>,
    },
    /// Asks which directory is in force: the sender has met a newer one.
    DirectoryAsk,
    /// The directory that is in force at the sender.
    DirectoryLearn {
        /// The directory.
        directory: Box<Directory>,
    },
    /// Asks a voter of the generation before for its registers, in key order.
    Survey {
        /// Those after this key.
        after: Option<KeyId>,
    },
    /// Answer to [`Message::Survey`].
    SurveyPage {
        /// As asked.
        after: Option<KeyId>,
        /// Keys and their registers.
        registers: Vec<(KeyId, Register)>,
        /// True when none follow.
        last: bool,
    },
    /// Says nothing but what every letter says of its sender's history (invariant A5).
    Greeting,
    /// Promises of the sender to candidates that have not finished for long; the receiver is the primary.
    Unfinished {
        /// Key and epoch pairs.
        epochs: Vec<(KeyId, Epoch)>,
    },
}

/// What a member has durably installed for one key, under one committed record. It counts for that version only: a
/// Region that was evicted and returned cannot be vouched for by words from before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The key.
    pub key: KeyId,
    /// The committed version that the member goes by.
    pub version: RecordVersion,
    /// The required materials that it holds.
    pub materials: Vec<MaterialId>,
    /// Materials that were active in a record which an unsafe promotion displaced (rule 9).
    pub displaced: Vec<MaterialInfo>,
}

/// One material that a member asks for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Want {
    /// The key.
    pub key: KeyId,
    /// The material.
    pub material: MaterialId,
    /// The commitment in the asker's committed record.
    pub commitment: Commitment,
    /// The version of that record.
    pub version: RecordVersion,
}

/// A fresh receiver key and what is wanted under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The public half.
    pub receiver: ReceiverPublic,
    /// When the asker forgets the private half.
    pub expires_at: Timestamp,
    /// The materials.
    pub wants: Vec<Want>,
}

/// Materials sealed for the receiver key of one offer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The receiver key of the offer.
    pub receiver: ReceiverPublic,
    /// The expiry of the offer.
    pub expires_at: Timestamp,
    /// The envelopes.
    pub materials: Vec<SealedMaterial>,
}

/// One envelope and what it was asked for as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedMaterial {
    /// The question.
    pub want: Want,
    /// The sealed material.
    pub envelope: Envelope,
}

/// Bytes that are no message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// The frame does not decode.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// More items than a message may have.
    #[error("message has {items} items, at most {MAX_ITEMS} are allowed")]
    TooManyItems {
        /// How many.
        items: usize,
    },
}

impl Message {
    /// The bytes that travel inside the signed envelope.
    pub fn encode(&self) -> Vec<u8> {
        encode(self)
    }

    /// Reads the bytes of any known version.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let message: Self = decode(bytes)?;
        match message.items() {
            items if items > MAX_ITEMS => Err(MessageError::TooManyItems { items }),
            _ => Ok(message),
        }
    }

    /// The name, for logs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Prepare { .. } => "prepare",
            Self::Promise { .. } => "promise",
            Self::Accept { .. } => "accept",
            Self::Accepted { .. } => "accepted",
            Self::Pull { .. } => "pull",
            Self::Records { .. } => "records",
            Self::Learn { .. } => "learn",
            Self::Hint { .. } => "hint",
            Self::Offer(_) => "offer",
            Self::Material(_) => "material",
            Self::Leave { .. } => "leave",
            Self::IdentityHint { .. } => "identity-hint",
            Self::IdentityPull { .. } => "identity-pull",
            Self::IdentityChanges { .. } => "identity-changes",
            Self::IdentityPart { .. } => "identity-part",
            Self::DirectoryPrepare { .. } => "directory-prepare",
            Self::DirectoryPromise { .. } => "directory-promise",
            Self::DirectoryAccept { .. } => "directory-accept",
            Self::DirectoryAccepted { .. } => "directory-accepted",
            Self::DirectoryAsk => "directory-ask",
            Self::DirectoryLearn { .. } => "directory-learn",
            Self::Survey { .. } => "survey",
            Self::SurveyPage { .. } => "survey-page",
            Self::Greeting => "greeting",
            Self::Unfinished { .. } => "unfinished",
        }
    }

    /// True for what Regions say to each other whatever directory they go by: it is about directories.
    pub fn is_of_any_generation(&self) -> bool {
        matches!(
            self,
            Self::DirectoryPrepare { .. }
                | Self::DirectoryPromise { .. }
                | Self::DirectoryAccept { .. }
                | Self::DirectoryAccepted { .. }
                | Self::DirectoryAsk
                | Self::DirectoryLearn { .. }
                | Self::Greeting
        )
    }

    fn items(&self) -> usize {
        match self {
            Self::Prepare { epochs } | Self::Unfinished { epochs } => epochs.len(),
            Self::Promise { answers } => answers.len(),
            Self::Accept { records } | Self::Records { records, .. } | Self::Learn { records } => {
                records.len()
            }
            Self::Accepted { answers } => answers.len(),
            Self::Pull { acks, .. } => acks.len(),
            Self::Hint { .. } => 0,
            Self::Offer(offer) => offer.wants.len(),
            Self::Material(delivery) => delivery.materials.len(),
            Self::Leave { keys } => keys.len(),
            Self::IdentityHint { .. } | Self::IdentityPull { .. } => 0,
            Self::IdentityChanges { entries, .. } => entries.len(),
            Self::IdentityPart { copy } => copy.records.len(),
            Self::SurveyPage { registers, .. } => registers.len(),
            Self::DirectoryPrepare { .. }
            | Self::DirectoryPromise { .. }
            | Self::DirectoryAccept { .. }
            | Self::DirectoryAccepted { .. }
            | Self::DirectoryAsk
            | Self::DirectoryLearn { .. }
            | Self::Survey { .. }
            | Self::Greeting => 0,
        }
    }
}

/// Cuts items into batches that a message or a log entry may hold.
pub(crate) fn batches<T: Serialize>(items: impl IntoIterator<Item = T>) -> Vec<Vec<T>> {
    let mut batches: Vec<Vec<T>> = Vec::new();
    let mut bytes = BATCH_BYTES;
    for item in items {
        bytes += encode(&item).len();
        match batches.last_mut() {
            Some(batch) if bytes < BATCH_BYTES && batch.len() < MAX_ITEMS => batch.push(item),
            _ => {
                bytes = encode(&item).len();
                batches.push(vec![item]);
            }
        }
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_hold_at_most_256_items_and_about_a_mebibyte() {
        assert!(batches(Vec::<u8>::new()).is_empty());
        assert_eq!(batches(vec![0_u8; 600]).iter().map(Vec::len).collect::<Vec<_>>(), [256, 256, 88]);
        let large = vec![vec![0_u8; 400_000]; 5];
        assert_eq!(batches(large).iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 1]);
        assert_eq!(batches(vec![vec![0_u8; 2 << 20]]).len(), 1, "one item always fits");
    }

    #[test]
    fn messages_round_trip_and_oversized_ones_are_refused() {
        let message = Message::Pull { cursor: 7, acks: Vec::new() };
        assert_eq!(Message::decode(&message.encode()).unwrap(), message);
        let key = KeyId::from_parts(kms_types::KeyIdKind::MultiRegion, [1; 16]);
        let epoch = Epoch { counter: 1, region: "test-a-1".parse().unwrap() };
        let many = Message::Prepare { epochs: vec![(key, epoch); MAX_ITEMS + 1] };
        assert!(matches!(Message::decode(&many.encode()), Err(MessageError::TooManyItems { items: 257 })));
        assert!(Message::decode(&[0xff; 40]).is_err());
    }
}
