//! Rule 13: every message travels in a letter that names deployment, directory, sender, incarnation, receiver, protocol
//! version and position, all signed with the sender Region's key.

use kms_crypto::{Signature, SigningKey};
use kms_region::{Message, MessageError};
use kms_state::{State, decode, encode};
use kms_types::{DeploymentId, Incarnation, Region, Timestamp};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU64, Ordering},
};

use super::replay::{Office, Position, ReplayWindow};

/// The protocol that this node speaks. Two adjacent releases must understand each other (invariant H3).
pub(super) const PROTOCOL_VERSION: u16 = 1;
const CONTEXT: &str = "meridian/v1/region-link";

/// What travels.
#[derive(Serialize, Deserialize)]
struct Letter {
    body: Vec<u8>,
    signature: Signature,
}

/// What is signed.
#[derive(Serialize, Deserialize)]
struct Body {
    deployment: DeploymentId,
    generation: u64,
    from: Region,
    incarnation: Incarnation,
    to: Region,
    protocol_version: u16,
    position: Position,
    message: Vec<u8>,
}

/// Why a letter is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum LetterError {
    /// The bytes are no letter.
    #[error("not a letter: {0}")]
    Malformed(String),
    /// This Region does not know itself yet.
    #[error("this Region is not bootstrapped")]
    NotBootstrapped,
    /// The sender is no voter.
    #[error("`{0}` is not a Region of this deployment")]
    UnknownSender(Region),
    /// The signature is not the sender's.
    #[error("the signature is not that of `{0}`")]
    Forged(Region),
    /// It is for another deployment.
    #[error("letter of deployment `{0}`")]
    WrongDeployment(DeploymentId),
    /// It is for another Region.
    #[error("letter to `{0}`")]
    WrongReceiver(Region),
    /// The sender is another incarnation than the directory names (failure case 17).
    #[error("`{from}` is incarnation {incarnation}, not the one of the directory")]
    WrongIncarnation {
        /// The sender.
        from: Region,
        /// What it says it is.
        incarnation: Incarnation,
    },
    /// The sender goes by another directory (failure case 24).
    #[error("`{from}` goes by directory {theirs}, this Region by {ours}")]
    WrongGeneration {
        /// The sender.
        from: Region,
        /// Its directory.
        theirs: u64,
        /// The one here.
        ours: u64,
    },
    /// The sender speaks another protocol.
    #[error("`{from}` speaks version {version} of the protocol")]
    UnknownVersion {
        /// The sender.
        from: Region,
        /// Its version.
        version: u16,
    },
    /// The position was seen before, or is too old to tell.
    #[error("letter of `{0}` came before")]
    Replayed(Region),
    /// The signed message is not one.
    #[error("`{from}` sent a message that does not decode")]
    Message {
        /// The sender.
        from: Region,
        /// Why.
        #[source]
        source: MessageError,
    },
}

/// How many letters were taken and refused; kept over terms of office.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) sent: AtomicU64,
    pub(super) taken: AtomicU64,
    pub(super) refused: AtomicU64,
}

impl Counters {
    /// Positions begin at the time, with room for 65,536 letters per millisecond: a second defence against a process
    /// that begins anew in an office which its peers remember.
    pub(super) fn starting_at(now: Timestamp) -> Self {
        Self { sent: AtomicU64::new(now.as_millis() << 16), ..Self::default() }
    }
}

/// Signs letters in one term of office.
pub(super) struct Writer<'a> {
    pub(super) signing: &'a SigningKey,
    pub(super) office: Office,
    pub(super) counters: &'a Counters,
}

impl Writer<'_> {
    /// The signed bytes; `None` before the Region is bootstrapped.
    pub(super) fn write(&self, state: &State, to: &Region, message: &Message) -> Option<Vec<u8>> {
        let counter = self.counters.sent.fetch_add(1, Ordering::Relaxed);
        let body = encode(&Body {
            deployment: state.deployment()?,
            generation: state.directory()?.generation,
            from: state.region()?.clone(),
            incarnation: state.incarnation()?,
            to: to.clone(),
            protocol_version: PROTOCOL_VERSION,
            position: Position { office: self.office, counter },
            message: message.encode(),
        });
        let signature = self.signing.sign(CONTEXT, &body);
        Some(encode(&Letter { body, signature }))
    }
}

/// Opens letters and remembers their positions.
#[derive(Default)]
pub(super) struct Reader {
    windows: BTreeMap<Region, ReplayWindow>,
}

impl Reader {
    /// The proven sender and its message.
    pub(super) fn read(&mut self, state: &State, bytes: &[u8]) -> Result<(Region, Message), LetterError> {
        let malformed = |error: kms_state::DecodeError| LetterError::Malformed(error.to_string());
        let letter: Letter = decode(bytes).map_err(malformed)?;
        let body: Body = decode(&letter.body).map_err(malformed)?;
        check_signature(state, &letter, &body)?;
        check_names(state, &body)?;
        // Only a proven sender moves its own window.
        if !self.windows.entry(body.from.clone()).or_default().take(body.position) {
            return Err(LetterError::Replayed(body.from));
        }
        match Message::decode(&body.message) {
            Ok(message) => Ok((body.from, message)),
            Err(source) => Err(LetterError::Message { from: body.from, source }),
        }
    }
}

fn check_signature(state: &State, letter: &Letter, body: &Body) -> Result<(), LetterError> {
    let directory = state.directory().ok_or(LetterError::NotBootstrapped)?;
    let other = directory.voters.get(&body.from).filter(|_| Some(&body.from) != state.region());
    let voter = other.ok_or_else(|| LetterError::UnknownSender(body.from.clone()))?;
    let verified = voter.verifying_key.verify(CONTEXT, &letter.body, &letter.signature);
    verified.map_err(|_| LetterError::Forged(body.from.clone()))?;
    if voter.incarnation != body.incarnation {
        let (from, incarnation) = (body.from.clone(), body.incarnation);
        return Err(LetterError::WrongIncarnation { from, incarnation });
    }
    Ok(())
}

fn check_names(state: &State, body: &Body) -> Result<(), LetterError> {
    let directory = state.directory().ok_or(LetterError::NotBootstrapped)?;
    let from = body.from.clone();
    if state.deployment() != Some(body.deployment) {
        return Err(LetterError::WrongDeployment(body.deployment));
    }
    if state.region() != Some(&body.to) {
        return Err(LetterError::WrongReceiver(body.to.clone()));
    }
    if body.protocol_version != PROTOCOL_VERSION {
        return Err(LetterError::UnknownVersion { from, version: body.protocol_version });
    }
    if directory.generation != body.generation {
        let (theirs, ours) = (body.generation, directory.generation);
        return Err(LetterError::WrongGeneration { from, theirs, ours });
    }
    Ok(())
}
