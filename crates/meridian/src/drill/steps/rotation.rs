//! Steps that rotate keys.

use kms_http::ClientError;
use kms_types::Region;
use rand::RngExt;
use std::time::{Duration, Instant};

use crate::{
    api::is_transient,
    drill::{
        definition::{BeginRotations, RotateStep},
        report::in_words,
        scene::DrillKey,
        stage::Stage,
        steps::missed,
    },
    failure::Failure,
};

impl Stage<'_> {
    /// Asks for rotations a moment before the next step, so that it meets them in every stage (failure cases 1 to 5).
    pub(super) async fn begin_rotations(&mut self, begin: &BeginRotations) -> Result<(), Failure> {
        let region = self.region(&begin.region)?;
        let keys = self.keys.led_by(&region);
        let share = (keys.len() as f64 * begin.share).round() as usize;
        for key in keys.into_iter().take(share) {
            let changes = self.changes.clone();
            self.rotating.spawn(async move {
                let _ = changes.try_rotate(&key, &key.primary).await;
            });
        }
        tokio::time::sleep(Duration::from_millis(self.rng.random_range(0..30))).await;
        Ok(())
    }

    /// Rotations that were begun are answered, or failed.
    pub(super) async fn rotations_answered(&mut self) {
        while self.rotating.join_next().await.is_some() {}
    }

    /// Rotates every key that the Region leads. A member that is away still counts, so that new material waits for it.
    pub(super) async fn rotate(&mut self, wanted: &RotateStep) -> Result<(), Failure> {
        let region = self.region(&wanted.region)?;
        let keys = self.keys.led_by(&region);
        let until = Instant::now() + wanted.within.duration();
        let (mut rotated, mut problems, mut first_ms) = (0, Vec::new(), None);
        for key in &keys {
            match self.rotate_one(key, &region, until).await {
                Ok(()) => {
                    rotated += 1;
                    first_ms = first_ms.or(self.since_fault_ms());
                }
                // One rotation at a time: the lost primary had begun one, and this Region carries it on.
                Err(error) if error.code == "ConflictException" => {}
                Err(error) => problems.push(format!("`{}`: {error}", key.id)),
            }
        }
        self.figures.control_rto_ms = self.figures.control_rto_ms.or(first_ms);
        let fine = format!("{rotated} of {} keys, first after {}", keys.len(), in_words(first_ms));
        self.observer.event(format!("rotated in {region}: {fine}"));
        if !problems.is_empty() {
            return Err(missed(problems.join("; ")));
        }
        self.checks.add(format!("rotations are acknowledged in {region}"), rotated > 0, fine);
        Ok(())
    }

    async fn rotate_one(&self, key: &DrillKey, region: &Region, until: Instant) -> Result<(), ClientError> {
        loop {
            match self.changes.try_rotate(key, region).await {
                Err(error) if is_transient(&error) && Instant::now() < until => {
                    self.observer.count(|counts| counts.retries += 1);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                done => return done,
            }
        }
    }
}
