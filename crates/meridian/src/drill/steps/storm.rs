//! `rotate-under-faults`: rotations, one after the other on several keys at once, while links are cut and mended at random.
//! The load goes on meanwhile, so that every ciphertext is opened in another Region at once.

use kms_types::Region;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

use crate::{
    api::is_transient,
    drill::{
        callers::Callers,
        changes::Changes,
        definition::{RotateUnderFaults, Time},
        scene::{self, DrillKey, Keys},
        stage::Stage,
        steps::missed,
    },
    failure::Failure,
    local::links::Way,
};

/// Keys that are rotated at the same time.
const LANES: usize = 4;
/// A key may be rotated on demand 25 times; some are left for attempts without an answer.
const ROTATIONS_PER_KEY: usize = 20;
const POLL: Duration = Duration::from_millis(50);
/// The longest pause between two rotations of a key: each is to begin at any moment of a cut or between cuts.
const PAUSE_MS: u64 = 200;

impl Stage<'_> {
    pub(super) async fn rotate_under_faults(&mut self, wanted: &RotateUnderFaults) -> Result<(), Failure> {
        let (until, complete) = (Instant::now() + wanted.within.duration(), Arc::new(AtomicUsize::new(0)));
        let mut lanes = self.lanes(wanted.rotations, &complete);
        let mut cuts = 0;
        while complete.load(Ordering::Relaxed) < wanted.rotations
            && Instant::now() < until
            && !lanes.is_empty()
        {
            self.cut_something().await?;
            cuts += 1;
            self.wait_at_most(wanted.cut, &complete, wanted.rotations).await;
            self.heal_all().await?;
            let seen = complete.load(Ordering::Relaxed).min(wanted.rotations);
            self.observer.event(format!("{seen} of {} rotations complete, {cuts} cuts", wanted.rotations));
            self.wait_at_most(wanted.pause, &complete, wanted.rotations).await;
            while lanes.try_join_next().is_some() {}
        }
        lanes.shutdown().await;
        self.tell_changes();
        let seen = complete.load(Ordering::Relaxed);
        self.figures.rotations = Some(seen as u64);
        let done = format!("{seen} rotations complete under {cuts} cuts");
        if seen < wanted.rotations {
            return Err(missed(format!("only {done}, within {}", wanted.within)));
        }
        self.checks.add("rotations complete under faults", true, done);
        Ok(())
    }

    fn lanes(&mut self, wanted: usize, complete: &Arc<AtomicUsize>) -> JoinSet<()> {
        let keys = self.keys.all().into_iter().filter(|key| key.multi_region).take(LANES);
        let mut lanes = JoinSet::new();
        for key in keys {
            let lane = Lane {
                callers: self.callers.clone(),
                changes: self.changes.clone(),
                keys: self.keys.clone(),
                regions: self.regions.clone(),
                wanted,
                complete: complete.clone(),
                rng: StdRng::seed_from_u64(self.rng.random()),
            };
            lanes.spawn(lane.rotate(key));
        }
        lanes
    }

    /// Cuts a whole Region off, or one link, or one direction of it.
    async fn cut_something(&mut self) -> Result<(), Failure> {
        let all: Vec<Region> = self.scene.cluster().regions.iter().map(|plan| plan.name.clone()).collect();
        let Some(a) = all.choose(&mut self.rng).cloned() else { return Ok(()) };
        let others = self.others(&a);
        let Some(b) = others.choose(&mut self.rng).cloned() else { return Ok(()) };
        match self.rng.random_range(0..4) {
            0 | 1 => {
                let what = format!("{a} is cut off from every other Region");
                self.cut(what, &a, &others, Way::Both).await
            }
            2 => self.cut(format!("{a} and {b} cannot hear each other"), &a, &[b], Way::Both).await,
            _ => self.cut(format!("{b} does not hear {a}"), &a, &[b], Way::OneWay).await,
        }
    }

    /// Waits for a random time of a fifth of `longest` to `longest`, or until nothing is left to do.
    async fn wait_at_most(&mut self, longest: Time, complete: &AtomicUsize, wanted: usize) {
        let longest = longest.as_ms().max(1);
        let until = Instant::now() + Duration::from_millis(self.rng.random_range(longest / 5..=longest));
        while Instant::now() < until && complete.load(Ordering::Relaxed) < wanted {
            tokio::time::sleep(POLL).await;
        }
    }
}

/// Rotates one key after the other.
struct Lane {
    callers: Callers,
    changes: Changes,
    keys: Keys,
    regions: Vec<Region>,
    wanted: usize,
    complete: Arc<AtomicUsize>,
    rng: StdRng,
}

impl Lane {
    async fn rotate(mut self, mut key: DrillKey) {
        let mut rotated = 0;
        while self.complete.load(Ordering::Relaxed) < self.wanted {
            tokio::time::sleep(Duration::from_millis(self.rng.random_range(0..PAUSE_MS))).await;
            if rotated >= ROTATIONS_PER_KEY {
                (key, rotated) = (self.another(&key).await, 0);
            }
            match self.changes.try_rotate(&key, &key.primary).await {
                Ok(()) => {
                    while !self.changes.rotation_done(&key.primary, &key.id).await {
                        tokio::time::sleep(POLL).await;
                    }
                    self.complete.fetch_add(1, Ordering::Relaxed);
                    rotated += 1;
                }
                Err(error) if error.code == "LimitExceededException" => rotated = ROTATIONS_PER_KEY,
                // An attempt without an answer is under way.
                Err(error) if is_transient(&error) || error.code == "ConflictException" => {
                    tokio::time::sleep(POLL * 2).await;
                }
                Err(error) => {
                    let text =
                        format!("RotateKeyOnDemand of `{}` in {} was refused: {error}", key.id, key.primary);
                    return self.callers.observer.violation(text);
                }
            }
        }
    }

    /// A new key in the place of one that was rotated as often as it may be; the load uses it from now on.
    async fn another(&self, old: &DrillKey) -> DrillKey {
        loop {
            match scene::multi_region_key(&self.callers, &self.regions, &old.primary).await {
                Ok(key) => {
                    self.keys.add(key.clone());
                    return key;
                }
                Err(failure) => drop(self.callers.observer.event(failure.explain())),
            }
            tokio::time::sleep(POLL * 10).await;
        }
    }
}
