//! Drives the Region protocol: runs [`kms_region::Machine`] while this node leads its Region, and carries out what it
//! asks for.
//!
//! ```text
//!   inbox ──► letter (verify, replay) ──► Machine ──► outbox (sign, queue per peer) ──► RegionLink
//!   applied states, outcomes, ticks ──►      │
//!                                            ├──► OwnRegion::propose
//!                                            └──► materials (HPKE seal and open, wrap and unwrap)
//! ```
//!
//! Keeps nothing that must survive: the machine of the next leader continues from the Region's state.

mod handle;
mod letter;
mod materials;
mod outbox;
mod own_region;
mod peer_status;
mod replay;
mod session;
#[cfg(test)]
mod tests;

pub use handle::{DriverError, KeyResults, RegionHandle};
pub use outbox::RegionLink;
pub use peer_status::{LinkStatus, PeerStatus};

use bytes::Bytes;
use kms_crypto::SigningKey;
use kms_ops::KeyRing;
use kms_region::Config;
use kms_state::{Command, OfficeId, Origin, Outcome, Proposal};
use kms_types::{Entropy, NodeId, ProposalId, Region};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock, disturbance::Disturbances, entropy::OsEntropy, group::Group, keyring::RegionKeyRing,
};
use handle::DriverCommand;
use letter::Counters;
use own_region::OwnRegion;
use peer_status::Peers;
use replay::Office;
use session::Session;

/// Before a term of office is tried again that could not be written down.
const OFFICE_PAUSE: Duration = Duration::from_millis(100);
/// Commands that may wait for the driver.
const COMMANDS: usize = 64;

/// What the driver is made of.
pub struct Parts {
    /// This Region.
    pub region: Region,
    /// This node.
    pub node: NodeId,
    /// The Region's group.
    pub group: Group,
    /// The domain keys; none are open on a witness.
    pub keyring: Arc<RegionKeyRing>,
    /// Signs messages.
    pub signing: Arc<SigningKey>,
    /// Sends messages.
    pub link: Arc<dyn RegionLink>,
    /// For the times that operators see; timers run by a clock that never goes back.
    pub clock: Arc<dyn Clock>,
    /// What a cluster for tests does to this node.
    pub disturbances: Disturbances,
    /// Messages of other Regions, filled by `Group` while this node leads.
    pub inbox: mpsc::Receiver<Bytes>,
}

/// The driver's task and the handle for operators' commands.
pub struct Started<F> {
    /// Commands and status.
    pub handle: RegionHandle,
    /// Runs until the token is cancelled; follows the lead as it comes and goes.
    pub task: F,
}

/// Starts the driver. Every node runs one; it acts while the node leads.
pub fn start(parts: Parts, stop: CancellationToken) -> Started<impl Future<Output = ()> + Send> {
    let Parts { region, node, group, keyring, signing, link, clock, disturbances, inbox } = parts;
    let own = Arc::new(group);
    let driver = Driver {
        region,
        node,
        signing,
        keyring,
        link,
        own,
        inbox,
        clock,
        disturbances,
        config: Config::default(),
    };
    driver.start(stop)
}

/// The parts behind traits, so that the driver can be tested without consensus and network.
struct Driver {
    region: Region,
    node: NodeId,
    signing: Arc<SigningKey>,
    keyring: Arc<dyn KeyRing + Send + Sync>,
    link: Arc<dyn RegionLink>,
    own: Arc<dyn OwnRegion>,
    inbox: mpsc::Receiver<Bytes>,
    clock: Arc<dyn Clock>,
    disturbances: Disturbances,
    config: Config,
}

impl Driver {
    fn start(self, stop: CancellationToken) -> Started<impl Future<Output = ()> + Send> {
        let (commands, received) = mpsc::channel(COMMANDS);
        let (publish, peers) = watch::channel(Peers::default());
        Started { handle: RegionHandle::new(commands, peers), task: self.run(received, publish, stop) }
    }

    async fn run(
        mut self,
        mut commands: mpsc::Receiver<DriverCommand>,
        publish: watch::Sender<Peers>,
        stop: CancellationToken,
    ) {
        let counters = Arc::new(Counters::starting_at(self.clock.now()));
        while let Some(office) = stop.run_until_cancelled(self.await_office(&mut commands)).await {
            tracing::info!(term = office.term, "leading the link to other Regions");
            let Some(id) = stop.run_until_cancelled(self.take_office()).await else { return };
            let Some(id) = id else { continue };
            let session = Session::new(&self, office, id, counters.clone(), publish.clone());
            stop.run_until_cancelled(session.run(&mut self.inbox, &mut commands)).await;
            publish.send_replace(Peers::default());
        }
    }

    /// Writes the name of this term of office into the log; nothing leaves this node before it is there.
    async fn take_office(&self) -> Option<OfficeId> {
        let entropy: &mut dyn Entropy = &mut OsEntropy;
        let office = OfficeId(entropy.array());
        let id = ProposalId::from_random(entropy.array());
        let command = Command::TakeOffice { office };
        let origin = Origin::Service { node: self.node };
        let mut applied = self.own.watch_applied();
        let taken = async {
            applied.wait_for(|applied| applied.state.is_bootstrapped()).await.ok()?;
            let outcome = self.own.propose(Proposal { id, origin, expect: None, command }).await?;
            if outcome != Outcome::Applied {
                return None;
            }
            applied.wait_for(|applied| applied.state.office() == Some(office)).await.ok().map(|_| office)
        };
        let taken = tokio::select! {
            biased;
            taken = taken => taken,
            () = self.own.until_not_leader() => None,
        };
        if taken.is_none() {
            // Not bootstrapped yet, or no quorum: do not spin.
            tokio::time::sleep(OFFICE_PAUSE).await;
        }
        taken
    }

    /// The term of office in which this node leads; refuses commands meanwhile.
    async fn await_office(&self, commands: &mut mpsc::Receiver<DriverCommand>) -> Office {
        let mut began = std::pin::pin!(self.own.until_leader());
        loop {
            tokio::select! {
                biased;
                office = &mut began => return office,
                Some(command) = commands.recv() => command.refuse(DriverError::NotLeader),
            }
        }
    }
}
