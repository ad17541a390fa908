//! `wait-until`: each condition is watched through probes, the API or the operators' status, never assumed.

use kms_types::{NodeId, Region};
use std::time::{Duration, Instant};

use crate::{
    admin::{NodeView, Operator},
    drill::{
        catch_up,
        definition::{Condition, Time, WaitUntil},
        scene::DrillKey,
        stage::Stage,
        steps::missed,
    },
    failure::Failure,
    local::{
        control,
        layout::NodeKey,
        report::{NodeReport, ProcessState},
    },
};

const POLL: Duration = Duration::from_millis(100);
/// A Region that starts is not ready for a moment, too.
const EXCLUDED_FOR: Duration = Duration::from_secs(4);
const STATUS_TIMEOUT: Duration = Duration::from_millis(500);

impl Stage<'_> {
    pub(super) async fn wait_until(&mut self, wait: &WaitUntil) -> Result<(), Failure> {
        // Parsing leaves no other case: conditions of a Region name one.
        let region = wait.region.as_ref().map(|place| self.region(place)).transpose()?;
        match (wait.condition, region) {
            (Condition::Noticed, Some(region)) => self.noticed(&region, wait.within).await,
            (Condition::Serving, Some(region)) => self.serving(&region, wait.within).await,
            (Condition::NewLeader, Some(region)) => self.new_leader(&region, wait.within).await,
            (Condition::Excluded, Some(region)) => self.is_excluded(&region, wait.within).await,
            (Condition::SteppedDown, Some(region)) => self.stepped_down(&region, wait.within).await,
            (Condition::RotationsComplete, _) => self.rotations_complete(wait.within).await,
            (Condition::Agreement, _) => self.agreement(wait.within).await,
            (_, None) => Err(missed("the condition names no Region")),
        }
    }

    async fn noticed(&mut self, region: &Region, within: Time) -> Result<(), Failure> {
        let noticed = tokio::time::timeout(within.duration(), self.watchman.lost(region)).await;
        self.tell_changes();
        self.rotations_answered().await;
        noticed
            .map_err(|_| missed(format!("probes did not notice within {within} that {region} is gone")))?;
        self.figures.detection_ms = self.figures.detection_ms.or(self.since_fault_ms());
        self.observer.event(format!("{region} is lost: none of its nodes answers probes"));
        Ok(())
    }

    pub(super) async fn serving(&mut self, region: &Region, within: Time) -> Result<(), Failure> {
        let whole = tokio::time::timeout(within.duration(), self.watchman.whole(region)).await;
        let since = whole.map_err(|_| missed(format!("not every node of {region} serves after {within}")))?;
        let served_ms = self.observer.at_ms(since);
        let started_ms = self.faults.mended_ms().unwrap_or(served_ms);
        self.figures.restart_ms = self.figures.restart_ms.max(Some(served_ms.saturating_sub(started_ms)));
        self.observer.event(format!("every node of {region} serves"));
        Ok(())
    }

    async fn new_leader(&mut self, region: &Region, within: Time) -> Result<(), Failure> {
        let old = self.old_leaders.get(region).copied();
        let until = Instant::now() + within.duration();
        loop {
            if let Some(leader) = self.leader(region).await?.filter(|leader| Some(*leader) != old) {
                let after =
                    self.since_fault_ms().map_or_else(String::new, |ms| format!(" {ms} ms after the fault"));
                self.observer.event(format!("{region}/{leader} leads{after}"));
                self.figures.detection_ms = self.figures.detection_ms.or(self.since_fault_ms());
                return Ok(());
            }
            if Instant::now() > until {
                return Err(missed(format!("{region} has no new leader after {within}")));
            }
            tokio::time::sleep(POLL / 2).await;
        }
    }

    /// Asks only nodes that are well, and briefly: a frozen one would keep everybody waiting.
    async fn leader(&self, region: &Region) -> Result<Option<NodeId>, Failure> {
        let operator = Operator::of_cluster(&self.scene.dir)?;
        let plan = self.scene.region(region).ok_or_else(|| missed(format!("there is no {region}")))?;
        let well = |id| self.faults.is_well(&NodeKey { region: region.clone(), id });
        let addresses: Vec<String> =
            plan.nodes.iter().filter(|node| well(node.id)).map(|node| node.cluster().to_string()).collect();
        let asked =
            addresses.iter().map(|address| tokio::time::timeout(STATUS_TIMEOUT, operator.status(address)));
        let views = futures::future::join_all(asked).await.into_iter().flatten().flatten();
        Ok(views.filter(NodeView::is_leader).max_by_key(|view| view.term).map(|view| view.node))
    }

    /// None of its nodes says that it is ready, for a while, although all of their processes run.
    async fn is_excluded(&mut self, region: &Region, within: Time) -> Result<(), Failure> {
        let until = Instant::now() + within.duration();
        let mut since = Instant::now();
        while since.elapsed() < EXCLUDED_FOR {
            let report = control::report(&self.scene.dir).await?;
            let silent = |node: &NodeReport| node.process == ProcessState::Running && !node.ready;
            let excluded = report.region(region).is_some_and(|seen| seen.nodes.iter().all(silent));
            if !excluded {
                since = Instant::now();
            }
            if Instant::now() > until {
                return Err(missed(format!("{region} serves, or does not run, after {within}")));
            }
            tokio::time::sleep(POLL).await;
        }
        self.observer
            .event(format!("{region} runs and serves nothing: its peers do not take it for what it was"));
        self.excluded.insert(region.clone());
        Ok(())
    }

    /// Tries shared changes in a Region that lost its keys to another, until it refuses for good.
    async fn stepped_down(&mut self, region: &Region, within: Time) -> Result<(), Failure> {
        let keys: Vec<DrillKey> =
            self.moved.iter().filter(|moved| moved.from == *region).map(|moved| moved.key.clone()).collect();
        if keys.is_empty() {
            return Err(missed(format!(
                "nothing was taken from {region}: there is nothing to step down from"
            )));
        }
        let seen = catch_up::step_down(&self.callers, region, &keys, within.duration()).await;
        self.observer.event(format!(
            "{region} is a replica for {} of {} keys",
            seen.stepped_down.len(),
            keys.len()
        ));
        let fine = "no shared change was acknowledged by it".to_owned();
        self.checks.none("the old primary changes nothing shared", &seen.acknowledged, fine);
        let all = keys.iter().all(|key| seen.stepped_down.contains(&key.id));
        self.checks.add(
            "the old primary shows itself as a replica and refuses",
            all,
            match (all, seen.last_words.first()) {
                (true, Some(words)) => format!("{} keys, the first with {words}", keys.len()),
                _ => seen.last_words.join("; "),
            },
        );
        if all { Ok(()) } else { Err(missed(format!("{region} has not stepped down after {within}"))) }
    }

    pub(super) async fn rotations_complete(&mut self, within: Time) -> Result<(), Failure> {
        let until = Instant::now() + within.duration();
        loop {
            let mut pending = Vec::new();
            for key in self.keys.all().iter().filter(|key| key.multi_region) {
                if !self.changes.rotation_done(&key.primary, &key.id).await {
                    pending.push(format!("`{}`", key.id));
                }
            }
            if pending.is_empty() {
                self.observer.event("every acknowledged rotation is complete");
                return Ok(());
            }
            if Instant::now() > until {
                return Err(missed(format!("rotations pending after {within}: {}", pending.join(", "))));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    pub(super) async fn agreement(&mut self, within: Time) -> Result<(), Failure> {
        let keys = self.keys.all();
        let differences = catch_up::agree(&self.callers, &self.standing(), &keys, within.duration()).await;
        if !differences.is_empty() {
            return Err(missed(format!("the Regions differ after {within}: {}", differences.join("; "))));
        }
        let at_ms = self.observer.event("all Regions agree on state, material and primary of every key");
        // Not again for faults that were caught up with before: only the last ones count.
        if let Some(mended_ms) =
            self.faults.mended_ms().filter(|_| self.faults.mended_ms() != self.agreed_after_ms)
        {
            self.figures.catch_up_ms = Some(at_ms.saturating_sub(mended_ms));
            self.agreed_after_ms = Some(mended_ms);
        }
        self.tell_changes();
        Ok(())
    }
}
