use kms_crypto::{ReceiverKey, ReceiverPublic};
use kms_region::Message;
use kms_state::{ControlRecord, MaterialStatus, Membership, Phase};
use kms_types::{Entropy, Incarnation, Region};
use std::fmt;
use std::sync::OnceLock;

use crate::{fingerprint, names};

/// One message on its way between two Regions, with what it says of its sender. Signatures and positions (rule 13) are the
/// driver's and not modelled: every letter here is genuine, and may come at any time, in any order, twice or never.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The sender.
    pub from: Region,
    /// The receiver.
    pub to: Region,
    /// What it says.
    pub message: Message,
    /// The sender's incarnation, and the directory that it went by.
    pub stamp: Stamp,
    /// A hash of all of it.
    pub fingerprint: u64,
}

/// What a letter says of its sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The sender's incarnation.
    pub incarnation: Incarnation,
    /// The generation of its directory.
    pub generation: u64,
}

impl Letter {
    /// Seals a letter.
    pub fn new(from: Region, to: Region, message: Message, stamp: Stamp) -> Self {
        let fingerprint = fingerprint(&(&from, &to, message.encode(), &stamp));
        Self { from, to, message, stamp, fingerprint }
    }
}

impl fmt::Display for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}: {}", names::short(&self.from), names::short(&self.to), self.message.name())?;
        match &self.message {
            Message::Prepare { epochs } | Message::Unfinished { epochs } => {
                epochs.iter().try_for_each(|(_, e)| write!(f, " {}", epoch(e)))
            }
            Message::Promise { answers } => answers.iter().try_for_each(|a| {
                let verdict = if a.promised { "yes" } else { "no" };
                write!(f, " {} {verdict}, accepted", epoch(&a.epoch))?;
                a.accepted.as_deref().map_or(Ok(()), |r| write!(f, " {}", record(r)))
            }),
            Message::Accept { records } | Message::Learn { records } | Message::Records { records, .. } => {
                records.iter().try_for_each(|r| write!(f, " {}", record(r)))
            }
            Message::Accepted { answers } => answers.iter().try_for_each(|a| {
                let verdict = if a.accepted { "yes" } else { "no" };
                write!(f, " {} {verdict}", version(&a.version))
            }),
            Message::Pull { cursor, acks } => {
                write!(f, " after {cursor}")?;
                acks.iter().try_for_each(|ack| {
                    let held: Vec<u8> = ack.materials.iter().map(names::number).collect();
                    write!(f, ", holds {held:?} under {}", version(&ack.version))
                })
            }
            Message::Hint { sequence } => write!(f, " {sequence}"),
            Message::Offer(offer) => offer.wants.iter().try_for_each(|w| {
                write!(f, " material {} under {}", names::number(&w.material), version(&w.version))
            }),
            Message::Material(delivery) => delivery.materials.iter().try_for_each(|m| {
                write!(f, " {} with bytes {:?}", names::number(&m.want.material), m.envelope.sealed.first())
            }),
            // No deployment of the model has an identity key, so none of these is sent.
            Message::IdentityHint { .. }
            | Message::IdentityPull { .. }
            | Message::IdentityChanges { .. }
            | Message::IdentityPart { .. } => Ok(()),
            Message::DirectoryPrepare { generation, ballot } => write!(f, " {generation} {}", epoch(ballot)),
            Message::DirectoryPromise { answer } | Message::DirectoryAccepted { answer } => {
                let verdict = if answer.granted { "yes" } else { "no" };
                write!(f, " {} {} {verdict}", answer.generation, epoch(&answer.ballot))
            }
            Message::DirectoryAccept { proposed } => {
                write!(f, " {} {}", epoch(&proposed.ballot), directory(&proposed.directory))
            }
            Message::DirectoryLearn { directory: told } => write!(f, " {}", directory(told)),
            Message::SurveyPage { registers, .. } => registers.iter().try_for_each(|(_, register)| {
                register.accepted.as_deref().map_or(Ok(()), |r| write!(f, " {}", record(r)))
            }),
            Message::DirectoryAsk | Message::Survey { .. } | Message::Greeting => Ok(()),
            Message::Leave { keys } => keys.iter().try_for_each(|(_, v)| write!(f, " {}", version(v))),
        }
    }
}

fn epoch(epoch: &kms_types::Epoch) -> String {
    format!("{}@{}", epoch.counter, names::short(&epoch.region))
}

/// A directory in short: generation and voters.
pub(crate) fn directory(directory: &kms_state::Directory) -> String {
    let voters: Vec<String> = directory.voters.keys().map(names::short).collect();
    format!("{} [{}]", directory.generation, voters.join(" "))
}

/// A version in short, for example `2@b.1`.
pub(crate) fn version(version: &kms_types::RecordVersion) -> String {
    format!("{}.{}", epoch(&version.epoch), version.n)
}

/// A record in short: version, members (`+` active, `?` joining), materials (`*` current, `s` staged, `x` aborted).
pub(crate) fn record(record: &ControlRecord) -> String {
    let member = |(region, membership): (&Region, &Membership)| match membership {
        Membership::Active => format!("{}+", names::short(region)),
        Membership::Joining(_) => format!("{}?", names::short(region)),
    };
    let material = |m: &kms_state::MaterialInfo| {
        let mark = match m.status {
            MaterialStatus::PendingMultiRegionImport | MaterialStatus::PendingRotation => "p",
            MaterialStatus::Staged => "s",
            MaterialStatus::Aborted => "x",
            MaterialStatus::Active if Some(m.id) == record.current => "*",
            MaterialStatus::Active => "",
        };
        format!("{}{mark}", names::number(&m.id))
    };
    let phase = match &record.phase {
        Phase::Stable => String::new(),
        Phase::Updating { successor, .. } => format!(" handing over to {}", names::short(successor)),
        Phase::Destroyed => " destroyed".to_owned(),
    };
    let members: Vec<String> = record.members.iter().map(member).collect();
    let materials: Vec<String> = record.materials.iter().map(material).collect();
    format!("{} [{} | {}]{phase}", version(&record.version), members.join(" "), materials.join(" "))
}

struct Zeros;
impl Entropy for Zeros {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.fill(1);
    }
}

/// The receiver key of every offer: which key an envelope is sealed for is tested with the driver (rule 14).
pub(crate) fn receiver() -> ReceiverPublic {
    static RECEIVER: OnceLock<ReceiverPublic> = OnceLock::new();
    RECEIVER.get_or_init(|| ReceiverKey::generate(&mut Zeros).public().clone()).clone()
}
