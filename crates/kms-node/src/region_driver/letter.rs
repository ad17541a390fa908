//! Rule 13: every message travels in a letter that names deployment, directory, sender, incarnation, receiver, protocol
//! version and position, all signed with the sender Region's key.
//!
//! Every letter also tells where its sender's history stands, up to where it has heard the receiver's, and which such
//! point of its own, told by the receiver, it has found in its history. A leader that does not show the last of them is
//! not heard; one that cannot was restored to an earlier state (invariant A5, docs/adr/0019).

use kms_crypto::{Signature, SigningKey, VerifyingKey};
use kms_region::{Message, MessageError, NotHeard, Sender, hear};
use kms_state::{Mark, OfficeId, PeerMark, State, decode, encode};
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
    /// Where the sender's history stands.
    standing: Mark,
    /// Up to where the sender has heard the receiver's.
    memory: Option<PeerMark>,
    /// The receiver's memory of the sender that is in the sender's history.
    confirms: Option<Mark>,
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
    /// The sender does not count here.
    #[error(transparent)]
    NotHeard(#[from] NotHeard),
    /// The sender's leader is new and has not shown yet that its history holds what was heard of it.
    #[error("the new leader of `{0}` has not shown yet that it knows what was heard of it")]
    Unconfirmed(Region),
    /// The sender remembers a point of this Region's history that is not in it (invariant A5).
    #[error("`{peer}` remembers what this Region does not")]
    RolledBack {
        /// The sender.
        peer: Region,
        /// What it remembers.
        memory: Mark,
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
    pub(super) id: OfficeId,
    pub(super) counters: &'a Counters,
}

impl Writer<'_> {
    /// The signed bytes; `None` when another leader has begun to speak for this Region, or none has yet.
    pub(super) fn write(
        &self,
        view: &View,
        to: &Region,
        message: &Message,
        confirms: Option<Mark>,
    ) -> Option<Vec<u8>> {
        let View { state, index } = view;
        if state.office() != Some(self.id) {
            return None;
        }
        let counter = self.counters.sent.fetch_add(1, Ordering::Relaxed);
        let body = encode(&Body {
            deployment: state.deployment()?,
            generation: state.directory()?.generation,
            from: state.region()?.clone(),
            incarnation: state.incarnation()?,
            to: to.clone(),
            protocol_version: PROTOCOL_VERSION,
            position: Position { office: self.office, counter },
            standing: Mark { office: self.id, index: *index },
            memory: state.peer_memory(to).copied(),
            confirms,
            message: message.encode(),
        });
        let signature = self.signing.sign(CONTEXT, &body);
        Some(encode(&Letter { body, signature }))
    }
}

/// An applied state and its log index.
#[derive(Clone)]
pub(super) struct View {
    pub(super) state: State,
    pub(super) index: u64,
}

/// A letter that counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) from: Region,
    pub(super) message: Message,
    /// Where the sender's history stood.
    pub(super) heard: PeerMark,
}

/// Opens letters and remembers their positions.
#[derive(Default)]
pub(super) struct Reader {
    windows: BTreeMap<(Region, Incarnation), ReplayWindow>,
    /// Leaders that have shown that their history holds what was heard of it.
    confirmed: BTreeMap<Region, OfficeId>,
    /// What peers remember of this Region's history, found in it.
    remembered: BTreeMap<Region, Mark>,
}

impl Reader {
    /// The proven sender and its message.
    pub(super) fn read(&mut self, view: &View, bytes: &[u8]) -> Result<Read, LetterError> {
        let malformed = |error: kms_state::DecodeError| LetterError::Malformed(error.to_string());
        let letter: Letter = decode(bytes).map_err(malformed)?;
        let body: Body = decode(&letter.body).map_err(malformed)?;
        check_signature(&view.state, &letter, &body)?;
        check_names(&view.state, &body)?;
        let message = Message::decode(&body.message)
            .map_err(|source| LetterError::Message { from: body.from.clone(), source })?;
        let Body { incarnation, generation, .. } = body;
        hear(&view.state, Sender { region: &body.from, incarnation, generation }, &message)?;
        // Only a sender that counts moves its own window.
        if !self.windows.entry((body.from.clone(), incarnation)).or_default().take(body.position) {
            return Err(LetterError::Replayed(body.from));
        }
        self.check_histories(view, &body)?;
        Ok(Read { from: body.from, message, heard: PeerMark { incarnation, mark: body.standing } })
    }

    /// What the peer remembers of this Region, once it was found in its history.
    pub(super) fn remembered(&self, peer: &Region) -> Option<Mark> {
        self.remembered.get(peer).copied()
    }

    fn check_histories(&mut self, view: &View, body: &Body) -> Result<(), LetterError> {
        // A sender that has not heard of this incarnation yet remembers the one before; letters about directories come from it.
        let own = |memory: &PeerMark| Some(memory.incarnation) == view.state.incarnation();
        if let Some(memory) = body.memory.filter(own).map(|memory| memory.mark) {
            if memory.index > view.index || !view.state.has_been_at(&memory) {
                return Err(LetterError::RolledBack { peer: body.from.clone(), memory });
            }
            self.remembered.insert(body.from.clone(), memory);
        }
        let office = body.standing.office;
        let heard = view.state.peer_mark(&body.from);
        let shown = heard.is_none_or(|mark| mark.office == office || body.confirms.as_ref() == Some(mark));
        if !shown && self.confirmed.get(&body.from) != Some(&office) {
            return Err(LetterError::Unconfirmed(body.from.clone()));
        }
        self.confirmed.insert(body.from.clone(), office);
        Ok(())
    }
}

/// The key that the sender's letters are signed with: of a voter, of a Region that is coming in, or of one that was
/// removed, which is told so.
fn sender_key(state: &State, body: &Body) -> Result<VerifyingKey, LetterError> {
    let directory = state.directory().ok_or(LetterError::NotBootstrapped)?;
    let removed = directory.removed.get(&body.incarnation).filter(|removed| removed.region == body.from);
    let voter = directory.voters.get(&body.from).filter(|_| Some(&body.from) != state.region());
    let coming = state.next_directory().and_then(|next| next.directory.voters.get(&body.from));
    let voters = voter.into_iter().chain(coming).map(|voter| voter.verifying_key);
    let key = removed.map(|removed| removed.verifying_key).into_iter().chain(voters).next();
    key.ok_or_else(|| LetterError::UnknownSender(body.from.clone()))
}

fn check_signature(state: &State, letter: &Letter, body: &Body) -> Result<(), LetterError> {
    let verified = sender_key(state, body)?.verify(CONTEXT, &letter.body, &letter.signature);
    verified.map_err(|_| LetterError::Forged(body.from.clone()))
}

fn check_names(state: &State, body: &Body) -> Result<(), LetterError> {
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
    Ok(())
}
