//! The return of the lost Region, and what must be true of it and of everything afterwards.

use std::time::{Duration, Instant};

use crate::{
    drill::{
        catch_up::{self, StepDown},
        changes::ChangeStream,
        load::Load,
        region_loss::stage::{Stage, check_missing, check_sweep},
        report::in_words,
        scene::DrillKey,
        verify::{Sweep, sweep},
    },
    failure::Failure,
    local::control::Action,
};

const RETURN_TIMEOUT: Duration = Duration::from_secs(90);

impl Stage<'_> {
    /// Starts the lost Region's nodes and watches it step down and catch up.
    pub(super) async fn bring_back(&mut self, lost_at_ms: u64) -> Result<(), Failure> {
        let promoted = self.promoted.clone();
        let back_at_ms = self.observer.event(format!("starting the nodes of {} again", self.lost));
        let gaps = self.observer.longest_gaps(lost_at_ms, back_at_ms);
        self.figures.crypto_rto_ms = gaps.values().max().copied();
        self.figures.longest_gap_ms =
            gaps.into_iter().map(|(region, gap)| (region.to_string(), gap)).collect();
        self.fault(Action::Start).await?;
        let whole = async {
            let whole = tokio::time::timeout(RETURN_TIMEOUT, self.watchman.whole(&self.lost)).await.is_ok();
            if whole {
                let at_ms = self.observer.event(format!("every node of {} serves", self.lost));
                return Some(at_ms.saturating_sub(back_at_ms));
            }
            None
        };
        let stepping = catch_up::step_down(&self.callers, &self.lost, &self.heir, &promoted, RETURN_TIMEOUT);
        let (restart_ms, seen) = tokio::join!(whole, stepping);
        self.figures.restart_ms = restart_ms;
        self.checks.add("the lost Region serves again", restart_ms.is_some(), in_words(restart_ms));
        self.check_step_down(&promoted, &seen);
        self.check_agreement(back_at_ms).await;
        self.changes.away(None);
        Ok(())
    }

    fn check_step_down(&mut self, keys: &[DrillKey], seen: &StepDown) {
        self.observer.event(format!(
            "{} is a replica of {} for {} keys",
            self.lost,
            self.heir,
            seen.stepped_down.len()
        ));
        let fine = "no shared change was acknowledged by it".to_owned();
        self.checks.none("the old primary changes nothing shared after its return", &seen.acknowledged, fine);
        let all = keys.iter().all(|key| seen.stepped_down.contains(&key.id));
        self.checks.add(
            "the old primary shows itself as a replica and refuses",
            all,
            seen.last_words.join("; "),
        );
    }

    async fn check_agreement(&mut self, back_at_ms: u64) {
        let keys = self.keys.all();
        let pending = self.complete_rotations().await;
        self.checks.none(
            "every acknowledged rotation completes after the return",
            &pending,
            "none is pending",
        );
        let differences = catch_up::agree(&self.callers, &self.regions, &keys, RETURN_TIMEOUT).await;
        if differences.is_empty() {
            let at_ms = self.observer.event("all Regions agree on state, material and primary of every key");
            self.figures.catch_up_ms = Some(at_ms.saturating_sub(back_at_ms));
        }
        self.checks.none(
            "all Regions agree on every multi-Region key",
            &differences,
            format!("{} keys", keys.len()),
        );
    }

    /// Waits for the rotations that waited for the lost Region; the answer is those that still do.
    async fn complete_rotations(&self) -> Vec<String> {
        let until = Instant::now() + RETURN_TIMEOUT;
        loop {
            let mut pending = Vec::new();
            for key in self.keys.all().iter().filter(|key| key.multi_region) {
                if !self.changes.rotation_done(&key.primary, &key.id).await {
                    pending.push(format!("`{}`", key.id));
                }
            }
            if pending.is_empty() || Instant::now() > until {
                return pending;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(super) async fn check_after_return(&mut self, load: Load, stream: ChangeStream) -> Sweep {
        load.stop().await;
        stream.stop().await;
        let sealed = self.observer.every_sealed();
        self.observer.event(format!("load stopped; opening {} ciphertexts in every Region", sealed.len()));
        let in_lost = sealed.iter().filter(|sealed| sealed.region == self.lost).count();
        let found = sweep(&self.callers, sealed, &self.regions).await;
        self.observer.event(format!("{} decrypts, {} failed", found.decrypts, found.failed));
        check_sweep(&mut self.checks, "every ciphertext opens in every Region after the return", &found);
        self.checks.add(
            "the lost Region returned ciphertexts",
            in_lost > 0,
            format!("{in_lost} ciphertexts"),
        );
        self.complete_rotations().await;
        let missing = self.changes.missing(&self.regions).await;
        self.observer.event(format!("{} acknowledged changes missing", missing.len()));
        check_missing(&mut self.checks, "no acknowledged change is missing after the return", &missing);
        self.rpo.missing_after_return = missing;
        found
    }
}
