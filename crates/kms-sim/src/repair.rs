//! What an operator does about a node whose disk is damaged or was set back: remove it, give it an empty disk, add it
//! again (A4, A5).

use crate::address::Address;
use crate::deployment::Deployment;
use crate::host::Host;
use kms_node::group::ChangeError;
use kms_node::simulation::SimulatedNode;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// Between two attempts.
const PAUSE_MS: u64 = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Remove,
    Add,
    Promote,
    Done,
}

type Outcome = Arc<Mutex<Option<Result<(), String>>>>;

/// One repair.
pub(crate) struct Repair {
    pub(crate) address: Address,
    stage: Stage,
    running: Option<Outcome>,
    next_ms: u64,
}

impl Repair {
    pub(crate) fn new(address: Address) -> Self {
        Self { address, stage: Stage::Remove, running: None, next_ms: 0 }
    }

    /// True once it has another disk.
    pub(crate) fn has_replaced_disk(&self) -> bool {
        self.stage != Stage::Remove
    }

    pub(crate) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// The next step, once the last one is over.
    pub(crate) fn advance(&mut self, deployment: &mut Deployment, say: &mut dyn FnMut(fmt::Arguments<'_>)) {
        let now_ms = deployment.world.now_ms();
        if let Some(running) = self.running.take() {
            let ended = running.lock().unwrap_or_else(PoisonError::into_inner).take();
            match ended {
                Some(Ok(())) => self.finished(deployment, say),
                Some(Err(why)) => {
                    say(format_args!("{:?} {}: {why}", self.stage, self.address));
                    self.next_ms = now_ms + PAUSE_MS;
                }
                // The node that worked on it is gone.
                None if Arc::strong_count(&running) == 1 => self.next_ms = now_ms + PAUSE_MS,
                None => self.running = Some(running),
            }
        }
        if self.running.is_none() && !self.is_done() && now_ms >= self.next_ms {
            self.next_ms = now_ms + PAUSE_MS;
            self.running = self.begin(deployment);
        }
    }

    fn begin(&self, deployment: &Deployment) -> Option<Outcome> {
        // Once it votes it may lead, although nobody heard yet that it votes.
        let leads = |host: &&Host| {
            (host.address != self.address || self.stage == Stage::Promote)
                && host.node().is_some_and(|node| node.group.is_leader())
        };
        let leader = deployment.of_region(self.address.region).find(leads)?;
        let (node, peer) = (self.address.node, deployment.hosts.get(&self.address)?.peer()?);
        match self.stage {
            Stage::Remove => Some(spawn(leader, move |on| async move { on.group.remove(node).await })),
            Stage::Add => Some(spawn(leader, move |on| async move {
                on.group.add_learner(node, peer.cluster, peer.api).await
            })),
            Stage::Promote => Some(spawn(leader, move |on| async move { on.group.promote(node).await })),
            Stage::Done => None,
        }
    }

    fn finished(&mut self, deployment: &mut Deployment, say: &mut dyn FnMut(fmt::Arguments<'_>)) {
        say(format_args!("{:?} {}: done", self.stage, self.address));
        self.stage = match self.stage {
            Stage::Remove => {
                if let Some(host) = deployment.hosts.get_mut(&self.address) {
                    host.replace_disk();
                    if let Err(error) = host.start() {
                        say(format_args!("{} does not start: {error}", self.address));
                    }
                }
                Stage::Add
            }
            Stage::Add => Stage::Promote,
            Stage::Promote | Stage::Done => Stage::Done,
        };
        self.next_ms = 0;
    }
}

fn spawn<F>(host: &Host, work: impl FnOnce(SimulatedNode) -> F + Send + 'static) -> Outcome
where
    F: Future<Output = Result<(), ChangeError>> + Send + 'static,
{
    let outcome = Outcome::default();
    let said = outcome.clone();
    host.spawn(|node| async move {
        let result = match work(node).await {
            // What an earlier attempt did without being heard.
            Err(ChangeError::Refused(why)) if why.contains("is no member") => Ok(()),
            result => result.map_err(|error| error.to_string()),
        };
        *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    });
    outcome
}
