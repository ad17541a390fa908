//! Operators' side of the driver.

use kms_region::{DirectoryResult, EvictScope, Force, IdentityStatus, KeyResult, Losses, PromoteScope};
use kms_state::DirectoryChange;
use kms_types::{KeyId, Region};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout},
};

use super::peer_status::{LinkStatus, PeerStatus, Peers};

/// Longest wait for a command; the machine's own deadlines are shorter.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(50);

/// Why a command has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum DriverError {
    /// This node does not lead.
    #[error("this node does not lead its Region")]
    NotLeader,
    /// No result in time, or the node lost its leadership meanwhile.
    #[error("no result in time; it may still happen")]
    TimedOut,
    /// Too many commands wait.
    #[error("too many commands are waiting")]
    Busy,
}

/// What happened to each key of a command.
pub type KeyResults = BTreeMap<KeyId, KeyResult>;

/// The way to a running driver. Cloning is cheap.
#[derive(Debug, Clone)]
pub struct RegionHandle {
    commands: mpsc::Sender<DriverCommand>,
    peers: watch::Receiver<Peers>,
}

pub(super) type Reply<T = KeyResults> = oneshot::Sender<Result<T, DriverError>>;

#[derive(Debug)]
pub(super) enum DriverCommand {
    Promote { scope: PromoteScope, force: Force, reply: Reply },
    Evict { region: Region, scope: EvictScope, reply: Reply },
    ChangeDirectory { change: DirectoryChange, force: Force, losses: Losses, reply: Reply<DirectoryResult> },
}

impl DriverCommand {
    pub(super) fn refuse(self, error: DriverError) {
        // Who asked may have stopped waiting.
        match self {
            Self::Promote { reply, .. } | Self::Evict { reply, .. } => drop(reply.send(Err(error))),
            Self::ChangeDirectory { reply, .. } => drop(reply.send(Err(error))),
        }
    }
}

impl RegionHandle {
    pub(super) fn new(commands: mpsc::Sender<DriverCommand>, peers: watch::Receiver<Peers>) -> Self {
        Self { commands, peers }
    }

    /// Makes this Region the primary (rule 7; rule 9 with [`Force::Unsafe`]). Returns when every key is settled.
    pub async fn promote(&self, scope: PromoteScope, force: Force) -> Result<KeyResults, DriverError> {
        self.ask(|reply| DriverCommand::Promote { scope, force, reply }).await
    }

    /// Removes a member from keys whose primary is this Region (rule 6). Returns when every key is settled.
    pub async fn evict(&self, region: Region, scope: EvictScope) -> Result<KeyResults, DriverError> {
        self.ask(|reply| DriverCommand::Evict { region, scope, reply }).await
    }

    /// Changes which Regions vote (rule 12). Returns when it is in force here, or when it could not be agreed on in time.
    pub async fn change_directory(
        &self,
        change: DirectoryChange,
        force: Force,
        losses: Losses,
    ) -> Result<DirectoryResult, DriverError> {
        self.ask(|reply| DriverCommand::ChangeDirectory { change, force, losses, reply }).await
    }

    /// What the leader's machine knows besides; none on a node that does not lead.
    pub fn link(&self) -> Option<LinkStatus> {
        self.peers.borrow().link()
    }

    /// What is known of every peer; empty on a node that does not lead.
    pub fn peers(&self) -> BTreeMap<Region, PeerStatus> {
        self.peers.borrow().shown(Instant::now())
    }

    /// How far this Region's identity records are; none on a node that does not lead.
    pub fn identity(&self) -> Option<IdentityStatus> {
        self.peers.borrow().identity()
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> DriverCommand) -> Result<T, DriverError> {
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(command(reply)).map_err(|_| DriverError::Busy)?;
        match timeout(COMMAND_TIMEOUT, answer).await {
            Ok(Ok(result)) => result,
            // Dropped with the session of a leader that was deposed.
            Ok(Err(_)) | Err(_) => Err(DriverError::TimedOut),
        }
    }
}
