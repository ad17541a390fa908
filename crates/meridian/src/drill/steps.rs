//! Carries out the steps of a drill, one file per kind. A step that cannot be done, or not in time, is an error, and ends
//! the story; what the drill promises beyond that is a check.

mod calling;
mod checking;
mod disks;
mod finale;
mod flaws;
mod links;
mod processes;
mod promotion;
mod rebuilding;
mod replacement;
mod rotation;
mod storm;
mod waiting;

use crate::{
    drill::{definition::Step, stage::Stage},
    failure::Failure,
};

/// A step that failed, in words.
pub(super) fn missed(text: impl Into<String>) -> Failure {
    Failure::StepFailed(text.into())
}

impl Stage<'_> {
    /// Does what `step` says.
    pub async fn take(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::Hold(time) => {
                tokio::time::sleep(time.duration().mul_f64(self.pace)).await;
                Ok(())
            }
            Step::Kill(aim) => self.kill(aim).await,
            Step::Stop(aim) => self.stop_nodes(aim).await,
            Step::Pause(aim) => self.pause(aim).await,
            Step::Resume(aim) => self.resume(aim).await,
            Step::Start(aim) => self.start(aim).await,
            Step::Restart(aim) => self.restart(aim).await,
            Step::TransferLeader(place) => self.transfer_leader(place).await,
            Step::Partition(links) => self.partition(links).await,
            Step::Isolate(aim) => self.isolate(aim).await,
            Step::Delay(delay) => self.delay(delay).await,
            Step::Loss(loss) => self.loss(loss).await,
            Step::Rate(rate) => self.rate(rate).await,
            Step::SlowReplication(slow) => self.slow_replication(slow).await,
            Step::Latency(latencies) => self.latency(latencies).await,
            Step::DiskFull(aim) => self.disk_full(aim).await,
            Step::DiskFree(aim) => self.disk_free(aim).await,
            Step::Skew(skew) => self.skew(skew).await,
            Step::Probe(probe) => self.probe(probe).await,
            Step::Heal(places) => self.heal(places).await,
            Step::Promote(promote) => self.promote(promote).await,
            Step::UpdatePrimary(update) => self.update_primary(update).await,
            Step::BeginRotations(begin) => self.begin_rotations(begin).await,
            Step::Rotate(rotate) => self.rotate(rotate).await,
            Step::RotateUnderFaults(rotate) => self.rotate_under_faults(rotate).await,
            Step::TryChange(attempt) => self.try_change(attempt).await,
            Step::WaitUntil(wait) => self.wait_until(wait).await,
            Step::Check(name) => self.check(name).await,
            Step::AdvanceClock(span) => self.advance_clock(span.0).await,
            Step::ReplaceNode(aim) => self.replace_node(aim).await,
            Step::Snapshot(place) => self.snapshot(place).await,
            Step::Restore(place) => self.restore(place).await,
            Step::Evict(evict) => self.evict(evict).await,
            Step::Rebuild(rebuild) => self.rebuild(rebuild).await,
            Step::Replicate(replicate) => self.replicate(replicate).await,
        }
    }
}
