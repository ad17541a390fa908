//! Operators' side of the driver.

use kms_region::{EvictScope, Force, IdentityStatus, KeyResult, PromoteScope};
use kms_types::{KeyId, Region};
use std::{collections::BTreeMap, time::Duration};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, timeout},
};

use super::peer_status::{PeerStatus, Peers};

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

pub(super) type Reply = oneshot::Sender<Result<KeyResults, DriverError>>;

#[derive(Debug)]
pub(super) enum DriverCommand {
    Promote { scope: PromoteScope, force: Force, reply: Reply },
    Evict { region: Region, scope: EvictScope, reply: Reply },
}

impl DriverCommand {
    pub(super) fn refuse(self, error: DriverError) {
        let (Self::Promote { reply, .. } | Self::Evict { reply, .. }) = self;
        // Who asked may have stopped waiting.
        drop(reply.send(Err(error)));
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

    /// What is known of every peer; empty on a node that does not lead.
    pub fn peers(&self) -> BTreeMap<Region, PeerStatus> {
        self.peers.borrow().shown(Instant::now())
    }

    /// How far this Region's identity records are; none on a node that does not lead.
    pub fn identity(&self) -> Option<IdentityStatus> {
        self.peers.borrow().identity()
    }

    async fn ask(&self, command: impl FnOnce(Reply) -> DriverCommand) -> Result<KeyResults, DriverError> {
        let (reply, answer) = oneshot::channel();
        self.commands.try_send(command(reply)).map_err(|_| DriverError::Busy)?;
        match timeout(COMMAND_TIMEOUT, answer).await {
            Ok(Ok(result)) => result,
            // Dropped with the session of a leader that was deposed.
            Ok(Err(_)) | Err(_) => Err(DriverError::TimedOut),
        }
    }
}
