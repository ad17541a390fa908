//! The loss, the promotion, the first changes after it, and the checks while the Region is away.

use kms_transport::admin_messages as messages;
use rand::RngExt;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

use crate::{
    admin::{Operator, PromotedKey},
    api::is_transient,
    drill::{
        catch_up,
        region_loss::stage::{Stage, check_missing, check_sweep},
        report::in_words,
        scene::DrillKey,
        verify::{Sweep, sweep},
    },
    failure::Failure,
    local::control::Action,
};

const DETECTION_TIMEOUT: Duration = Duration::from_secs(20);
const PROMOTION_TIMEOUT: Duration = Duration::from_secs(30);
const CONTROL_TIMEOUT: Duration = Duration::from_secs(30);

impl Stage<'_> {
    /// Kills every node of the Region with SIGKILL and waits until the probes notice. The answer is when it was killed.
    pub(super) async fn lose(&mut self) -> Result<u64, Failure> {
        let rotating = self.begin_rotations().await;
        let lost_at_ms = self.observer.event(format!("killing every node of {} with SIGKILL", self.lost));
        self.fault(Action::Kill).await?;
        let noticed = tokio::time::timeout(DETECTION_TIMEOUT, self.watchman.first_loss()).await;
        self.changes.away(Some(self.lost.clone()));
        if let Ok(region) = &noticed {
            let at_ms = self.observer.event(format!("{region} is lost: none of its nodes answers probes"));
            self.figures.detection_ms = Some(at_ms.saturating_sub(lost_at_ms));
        }
        rotating.join_all().await;
        self.rpo.rotations_in_progress_at_loss = self.changes.rotations_in_progress().len();
        let held = noticed.as_ref().is_ok_and(|region| *region == self.lost);
        self.checks.add("the loss was noticed by probes", held, in_words(self.figures.detection_ms));
        Ok(lost_at_ms)
    }

    /// Asks for rotations a moment before the loss, so that it meets them in every stage (failure cases 1 to 5).
    async fn begin_rotations(&mut self) -> JoinSet<()> {
        let mut rotating = JoinSet::new();
        for key in self.promoted.iter().take(self.promoted.len() / 2).cloned() {
            let changes = self.changes.clone();
            rotating.spawn(async move {
                let _ = changes.try_rotate(&key, &key.primary).await;
            });
        }
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(0..30))).await;
        rotating
    }

    /// Asks the heir's leader to become primary of every key that the lost Region led, until it is.
    pub(super) async fn promote(&mut self, lost_at_ms: u64) -> Result<(), Failure> {
        let until = Instant::now() + PROMOTION_TIMEOUT;
        let mut attempts = 1;
        // What counts is what the heir's API shows: an attempt without an answer may have done it.
        while let Err(failure) = self.promoted_everywhere().await {
            if Instant::now() > until {
                self.checks.add("every key of the lost Region was promoted", false, failure.explain());
                return Err(failure);
            }
            attempts += 1;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let detail = format!("{} keys in {attempts} attempts", self.promoted.len());
        self.checks.add("every key of the lost Region was promoted", true, detail.clone());
        self.keys.moved(&self.lost, &self.heir);
        let at_ms = self.observer.event(format!("{} is primary: {detail}", self.heir));
        self.figures.promotion_ms = Some(at_ms.saturating_sub(lost_at_ms));
        let settled = self.changes.settle(&self.heir).await;
        self.rpo.rotations_given_up = settled.map_err(|error| Failure::DrillStopped(error.to_string()))?;
        Ok(())
    }

    /// Asks for the promotion and then looks at every key.
    async fn promoted_everywhere(&self) -> Result<(), Failure> {
        let asked = self.try_promote().await;
        for key in &self.promoted {
            let seen = catch_up::shared(&self.callers, &self.heir, key).await;
            if seen.is_none_or(|seen| seen.primary != self.heir.as_str()) {
                let said = asked?;
                let about = said.into_iter().find(|said| said.key == key.id).map(|said| said.detail);
                let failure = format!("`{}` is not led by {}: {about:?}", key.id, self.heir);
                return Err(Failure::DrillStopped(failure));
            }
        }
        Ok(())
    }

    async fn try_promote(&self) -> Result<Vec<PromotedKey>, Failure> {
        let operator = Operator::of_cluster(&self.scene.dir)?;
        let none = || Failure::DrillStopped(format!("the cluster has no `{}`", self.heir));
        let region = self.scene.cluster.region(&self.heir).ok_or_else(none)?;
        let request = messages::RegionPromoteRequest {
            what: Some(messages::region_promote_request::What::LostRegion(self.lost.to_string())),
            unsafe_without_majority: false,
            confirmation: String::new(),
        };
        let mut client = operator.connect_leader(region).await?;
        let reply =
            client.region_promote(request).await.map_err(|error| Failure::Admin(error.to_string()))?;
        Ok(reply.keys.into_iter().map(PromotedKey::from).collect())
    }

    /// Rotates every promoted key. The lost Region is still a member, so that the new material waits for it.
    pub(super) async fn rotate_again(&mut self, lost_at_ms: u64) {
        let keys: Vec<DrillKey> = self.promoted.clone();
        let until = Instant::now() + CONTROL_TIMEOUT;
        let (mut rotated, mut problems) = (0, Vec::new());
        for key in &keys {
            match self.rotate_one(key, until).await {
                Ok(()) => {
                    rotated += 1;
                    self.figures
                        .control_rto_ms
                        .get_or_insert(self.observer.now_ms().saturating_sub(lost_at_ms));
                }
                // One rotation at a time: the lost primary had begun one, and this Region carries it on.
                Err(error) if error.code == "ConflictException" => {}
                Err(error) => problems.push(format!("`{}`: {error}", key.id)),
            }
        }
        let fine = format!(
            "{rotated} of {} keys, first after {}",
            keys.len(),
            in_words(self.figures.control_rto_ms)
        );
        self.observer.event(format!("rotated under the new primary: {fine}"));
        self.checks.none("shared changes are acknowledged after the promotion", &problems, fine);
        self.checks.add(
            "a rotation was acknowledged after the promotion",
            rotated > 0,
            format!("{rotated} rotations"),
        );
    }

    async fn rotate_one(&self, key: &DrillKey, until: Instant) -> Result<(), kms_http::ClientError> {
        loop {
            match self.changes.try_rotate(key, &self.heir).await {
                Err(error) if is_transient(&error) && Instant::now() < until => {
                    self.observer.count(|counts| counts.retries += 1);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                done => return done,
            }
        }
    }

    pub(super) async fn check_during_loss(&mut self) -> Sweep {
        let sealed = self.observer.every_sealed();
        self.observer.event(format!(
            "opening {} ciphertexts in {} live Regions",
            sealed.len(),
            self.survivors.len()
        ));
        let found = sweep(&self.callers, sealed, &self.survivors).await;
        self.observer.event(format!("{} decrypts, {} failed", found.decrypts, found.failed));
        check_sweep(&mut self.checks, "every ciphertext opens in every live Region during the loss", &found);
        let missing = self.changes.missing(&self.survivors).await;
        self.observer.event(format!("{} acknowledged changes missing", missing.len()));
        check_missing(&mut self.checks, "no acknowledged change is missing during the loss", &missing);
        self.rpo.missing_during_loss = missing;
        found
    }
}
