//! The end that no definition can leave out: what is broken is mended, the Regions become equal, and every ciphertext and
//! every acknowledged change is looked at once more.

use std::time::Duration;

use crate::{
    drill::{
        changes::ChangeStream,
        definition::Time,
        in_force::Ill,
        latency::percentile,
        ledger::Outcome,
        load::Load,
        stage::Stage,
        targets::{Reached, Targets},
    },
    failure::Failure,
    local::control::Action,
};

const PATIENCE: Time = Time::from_ms(90_000);
const NAME: &str = "in the end";
/// Mending takes no longer than the supervisor does to answer.
const MEND_TIMEOUT: Duration = Duration::from_secs(30);

impl Stage<'_> {
    /// Mends, waits, checks, judges.
    pub async fn finish(&mut self, load: Load, stream: ChangeStream, targets: &Targets) {
        let recovered = self.recover().await;
        let detail =
            recovered.as_ref().map_or_else(Failure::explain, |()| "nothing is broken or pending".into());
        self.checks.add("every Region serves and agrees in the end", recovered.is_ok(), detail);
        load.stop().await;
        stream.stop().await;
        self.observe_outages();
        self.rotations_answered().await;
        let _ = self.rotations_complete(PATIENCE).await;
        let before = std::mem::take(&mut self.rpo.missing_during_loss);
        // Its result is in the checks.
        let _ = self.check(NAME).await;
        self.rpo.missing_after_return = std::mem::replace(&mut self.rpo.missing_during_loss, before);
        self.judge(targets);
        self.delete_snapshots();
    }

    async fn recover(&mut self) -> Result<(), Failure> {
        self.mend().await?;
        for region in self.standing() {
            let whole = tokio::time::timeout(PATIENCE.duration(), self.watchman.whole(&region)).await;
            whole.map_err(|_| {
                Failure::StepFailed(format!("not every node of {region} serves after {PATIENCE}"))
            })?;
        }
        self.rotations_complete(PATIENCE).await?;
        self.agreement(PATIENCE).await
    }

    /// Undoes every fault that is in force.
    pub async fn mend(&mut self) -> Result<(), Failure> {
        if !self.faults.any() {
            return Ok(());
        }
        self.observer.event("mending what is still broken");
        let mending = async {
            if self.faults.any_to_heal() {
                self.heal_all().await?;
            }
            for (ill, action) in [(Ill::Frozen, Action::Resume), (Ill::Down, Action::Start)] {
                let nodes = self.faults.ill(ill);
                if !nodes.is_empty() {
                    self.bring_up(action, nodes).await?;
                }
            }
            Ok(())
        };
        let late = || Failure::StepFailed(format!("mending took longer than {MEND_TIMEOUT:?}"));
        tokio::time::timeout(MEND_TIMEOUT, mending).await.unwrap_or_else(|_| Err(late()))
    }

    /// How long clients had no success, and how long they waited in general.
    fn observe_outages(&mut self) {
        let end_ms = self.observer.now_ms();
        let from_ms =
            self.disturbed_ms.or_else(|| self.steps.first().map(|step| step.from_ms)).unwrap_or(end_ms);
        let gaps = self.observer.longest_gaps(from_ms, end_ms);
        self.figures.crypto_rto_ms = gaps.values().map(|gap| gap.ms()).max();
        self.figures.longest_gap_ms =
            gaps.iter().map(|(region, gap)| (region.to_string(), gap.ms())).collect();
        self.outages = gaps.into_iter().map(|(region, gap)| (region.to_string(), gap)).collect();
        let operations = self.observer.operations();
        let served = operations.values().flatten().filter(|sample| sample.served);
        let mut took: Vec<u64> = served.map(|sample| sample.took_us).collect();
        took.sort_unstable();
        let ms = |percent| percentile(&took, percent).map(|us| us.div_ceil(1000));
        (self.figures.p50_ms, self.figures.p99_ms) = (ms(50), ms(99));
    }

    fn judge(&mut self, targets: &Targets) {
        let counts = self.observer.counts();
        let violations = self.observer.violations();
        let fine = format!("{} operations", counts.encrypts + counts.cross_region_decrypts);
        self.checks.none("no call was refused or answered wrongly that had to succeed", &violations, fine);
        let ledger = self.changes.ledger();
        self.rpo.acknowledged = ledger.count(Outcome::Acknowledged);
        self.rpo.unknown = ledger.count(Outcome::Unknown);
        self.rpo.refused = self.changes.refused();
        self.rpo.rotations_given_up = self.changes.rotations_given_up();
        let acknowledged = self.rpo.acknowledged;
        self.checks.add("changes were acknowledged", acknowledged > 0, format!("{acknowledged} changes"));
        let opened = counts.cross_region_decrypts;
        self.checks.add(
            "ciphertexts were opened in other Regions at once",
            opened > 0,
            format!("{opened} decrypts"),
        );
        let reached = Reached { figures: &self.figures, rpo: &self.rpo, counts: &counts };
        self.checks.extend(targets.judge(&reached));
    }
}
