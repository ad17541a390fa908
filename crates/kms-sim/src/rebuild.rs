//! What operators do about a Region that is lost for ever, was set back, or is replaced by plan: docs/operations/regions.md,
//! "A Region lost everything". Its keys get another primary, it is removed, and its name comes back with a new incarnation
//! on empty disks (rules 12 and 13, failure cases 17, 18 and 24).

use crate::address::{Address, RegionNumber};
use crate::deployment::{Deployment, region_name};
use crate::draw::Draw;
use crate::host::Host;
use crate::standing::Standing;
use kms_node::simulation::SimulatedNode;
use kms_region::{DirectoryResult, Force, KeyResult, Losses, PromoteScope};
use kms_state::{DirectoryChange, DirectoryError};
use kms_types::{KeyId, Region};
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// Between two attempts.
const PAUSE_MS: u64 = 500;
/// How long operators look on before they begin.
const HESITATION_MS: (u64, u64) = (200, 3_000);

/// Why a Region is rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cause {
    /// Nothing of it is left.
    Gone,
    /// It runs with an earlier state of all its disks, and must be found out first.
    SetBack,
    /// It serves until it is removed.
    Planned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// A peer tells it that it went back.
    FoundOut,
    Promote,
    Remove,
    Invite,
    /// It reads what the others have agreed on.
    Reading,
    Done,
}

/// What came of a command.
enum Came {
    Done,
    /// Of these keys every member here is pending deletion.
    Pending(Vec<(RegionNumber, KeyId)>),
    /// Keys would be lost.
    Losing(String),
    /// Another command first.
    Back(String),
    Again(String),
}

type Outcome = Arc<Mutex<Option<Came>>>;

/// One Region on its way.
pub(crate) struct Rebuild {
    pub(crate) region: RegionNumber,
    cause: Cause,
    stage: Stage,
    running: Option<Outcome>,
    removed: bool,
    /// What the next removal does about keys that no other Region holds.
    losses: Losses,
    /// Deletions that keep keys from getting another primary.
    cancels: Vec<(RegionNumber, KeyId)>,
    /// Which of the other Regions is commanded: each promotes itself for the keys that it has.
    turn: usize,
    next_ms: u64,
    draw: Draw,
}

impl Rebuild {
    pub(crate) fn new(region: RegionNumber, cause: Cause, deployment: &Deployment, mut draw: Draw) -> Self {
        let stage = if cause == Cause::SetBack { Stage::FoundOut } else { Stage::Promote };
        let hesitation_ms = draw.between(HESITATION_MS.0, HESITATION_MS.1);
        let next_ms = deployment.world.now_ms() + hesitation_ms;
        let (running, losses, cancels) = (None, Losses::Refused, Vec::new());
        Self { region, cause, stage, running, removed: false, losses, cancels, turn: 0, next_ms, draw }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// What it waits for.
    pub(crate) fn waits_for(&self) -> String {
        format!("{} is being rebuilt ({:?}, {:?})", region_name(self.region), self.cause, self.stage)
    }

    /// The next step, once the last one is over.
    pub(crate) fn advance(&mut self, deployment: &mut Deployment, say: &mut dyn FnMut(fmt::Arguments<'_>)) {
        let now_ms = deployment.world.now_ms();
        if let Some(running) = self.running.take() {
            let ended = running.lock().unwrap_or_else(PoisonError::into_inner).take();
            match ended {
                Some(Came::Done) => self.finished(deployment, say),
                Some(Came::Pending(keys)) => {
                    self.cancels = keys;
                    self.finished(deployment, say);
                }
                Some(Came::Losing(why)) => {
                    say(format_args!("{:?} {}: {why}", self.stage, region_name(self.region)));
                    self.losses = Losses::Accepted;
                    self.next_ms = now_ms + PAUSE_MS;
                }
                Some(Came::Back(why)) => {
                    say(format_args!("{:?} {}: {why}", self.stage, region_name(self.region)));
                    (self.stage, self.turn) = (Stage::Promote, self.turn + 1);
                }
                Some(Came::Again(why)) => {
                    say(format_args!("{:?} {}: {why}", self.stage, region_name(self.region)));
                    self.next_ms = now_ms + PAUSE_MS;
                }
                // The node that worked on it is gone.
                None if Arc::strong_count(&running) == 1 => self.next_ms = now_ms + PAUSE_MS,
                None => self.running = Some(running),
            }
        }
        if self.running.is_some() || now_ms < self.next_ms {
            return;
        }
        self.next_ms = now_ms + PAUSE_MS;
        match self.stage {
            Stage::FoundOut if self.is_found_out(deployment) => {
                say(format_args!("{} knows that it went back", region_name(self.region)));
                self.lose(deployment);
                self.stage = Stage::Promote;
            }
            Stage::Reading if self.has_read(deployment) => {
                say(format_args!("{} has a vote", region_name(self.region)));
                self.stage = Stage::Done;
            }
            Stage::Promote | Stage::Remove | Stage::Invite => self.running = self.begin(deployment),
            Stage::FoundOut | Stage::Reading | Stage::Done => {}
        }
    }

    /// Where operators want deletions cancelled.
    pub(crate) fn take_cancels(&mut self) -> Vec<(RegionNumber, KeyId)> {
        std::mem::take(&mut self.cancels)
    }

    fn is_found_out(&self, deployment: &Deployment) -> bool {
        deployment.newest(self.region).is_some_and(|applied| applied.state.rolled_back().is_some())
    }

    fn has_read(&self, deployment: &Deployment) -> bool {
        let applied = deployment.newest(self.region);
        applied.is_some_and(|applied| applied.state.has_vote() && !applied.state.is_survey_open())
    }

    fn begin(&self, deployment: &Deployment) -> Option<Outcome> {
        let others = (0..deployment.shape.data_regions).filter(|region| *region != self.region);
        let leaders: Vec<&Host> = others.filter_map(|region| deployment.leader(region)).collect();
        let leader = *leaders.get(self.turn.checked_rem(leaders.len())?)?;
        let region: Region = region_name(self.region).parse().ok()?;
        match self.stage {
            Stage::Promote => {
                let at = leader.address.region;
                Some(spawn(leader, move |on| promote(on, region, at)))
            }
            Stage::Remove => {
                let losses = self.losses;
                Some(spawn(leader, move |on| change(on, DirectoryChange::Remove { region }, losses)))
            }
            Stage::Invite => {
                let voter = deployment.voter(self.region)?;
                let nodes = vec!["simulated:1".to_owned()];
                let add = DirectoryChange::Add { region, voter, nodes };
                Some(spawn(leader, move |on| change(on, add, Losses::Refused)))
            }
            Stage::FoundOut | Stage::Reading | Stage::Done => None,
        }
    }

    fn finished(&mut self, deployment: &mut Deployment, say: &mut dyn FnMut(fmt::Arguments<'_>)) {
        say(format_args!("{:?} {}: done", self.stage, region_name(self.region)));
        self.stage = match self.stage {
            Stage::Promote if self.removed => Stage::Invite,
            Stage::Promote => Stage::Remove,
            Stage::Remove => {
                self.removed = true;
                self.lose(deployment);
                deployment.draw_history(self.region, &mut self.draw);
                Stage::Invite
            }
            Stage::Invite => match deployment.begin_again(self.region) {
                Ok(()) => Stage::Reading,
                Err(why) => {
                    say(format_args!("{} does not begin: {why}", region_name(self.region)));
                    Stage::Invite
                }
            },
            Stage::FoundOut | Stage::Reading | Stage::Done => Stage::Done,
        };
    }

    /// Its nodes stop for good.
    fn lose(&self, deployment: &mut Deployment) {
        lose(deployment, self.region);
    }
}

/// All nodes of a Region stop, and are not started again with what they have.
pub(crate) fn lose(deployment: &mut Deployment, region: RegionNumber) {
    deployment.standings.set(region, Standing::Lost);
    for host in deployment.hosts.values_mut().filter(|host| host.address.region == region) {
        if host.is_up() {
            host.cut_power();
        }
        host.broken = true;
    }
    let of_region = |at: &Address| at.region == region;
    deployment.paused.retain(|at| !of_region(at));
}

async fn promote(on: SimulatedNode, region: Region, at: RegionNumber) -> Came {
    match on.region.promote(PromoteScope::AllOf(region), Force::Safe).await {
        Ok(results) => {
            let pending = results.into_iter().filter(|(_, result)| *result == KeyResult::PendingDeletion);
            Came::Pending(pending.map(|(key, _)| (at, key)).collect())
        }
        Err(error) => Came::Again(error.to_string()),
    }
}

async fn change(on: SimulatedNode, change: DirectoryChange, losses: Losses) -> Came {
    use DirectoryResult::{Changed, LastHolder, Refused, StillPrimary};
    match on.region.change_directory(change, Force::Safe, losses).await {
        // Unknown, known: what an earlier attempt did without being heard.
        Ok(Changed { .. } | Refused(DirectoryError::Unknown(_) | DirectoryError::Known(_))) => Came::Done,
        // It became the primary of a key meanwhile.
        Ok(why @ LastHolder { .. }) => Came::Losing(why.to_string()),
        Ok(why @ (StillPrimary { .. } | Refused(DirectoryError::StillMember { .. }))) => {
            Came::Back(why.to_string())
        }
        Ok(other) => Came::Again(other.to_string()),
        Err(error) => Came::Again(error.to_string()),
    }
}

fn spawn<F>(host: &Host, work: impl FnOnce(SimulatedNode) -> F + Send + 'static) -> Outcome
where
    F: Future<Output = Came> + Send + 'static,
{
    let outcome = Outcome::default();
    let said = outcome.clone();
    host.spawn(|node| async move {
        let came = work(node).await;
        *said.lock().unwrap_or_else(PoisonError::into_inner) = Some(came);
    });
    outcome
}
