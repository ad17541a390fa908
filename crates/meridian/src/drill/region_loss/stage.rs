//! The story of a lost Region in order, with everything that its scenes share.

use kms_types::Region;
use rand::{SeedableRng, rngs::StdRng};
use std::{sync::Arc, time::Duration};

use crate::{
    clock,
    drill::{
        callers::Callers,
        changes::Changes,
        ledger::{Missing, Outcome},
        load::Load,
        observer::Observer,
        probing::Watchman,
        region_loss::{NAME, RegionLossArgs},
        report::{Checks, ClusterShape, Figures, Report, Rpo, VERSION, in_words},
        scene::{self, DrillKey, Keys, Scene},
        verify::Sweep,
    },
    entropy::OsEntropy,
    failure::Failure,
    local::{
        control::{self, Action, Request},
        layout::{NodeKey, Role},
    },
};

const CHANGES_PER_SECOND: u32 = 4;

/// Everything that the story needs at hand.
pub(super) struct Stage<'a> {
    pub(super) scene: &'a Scene,
    pub(super) observer: &'a Arc<Observer>,
    pub(super) callers: Callers,
    pub(super) watchman: Watchman,
    pub(super) keys: Keys,
    /// Those that the lost Region led.
    pub(super) promoted: Vec<DrillKey>,
    pub(super) changes: Changes,
    pub(super) regions: Vec<Region>,
    pub(super) lost: Region,
    pub(super) heir: Region,
    pub(super) survivors: Vec<Region>,
    pub(super) third: Duration,
    pub(super) rng: StdRng,
    pub(super) checks: Checks,
    pub(super) figures: Figures,
    pub(super) rpo: Rpo,
}

/// Plays it; the report says how it went.
pub(super) async fn play(
    args: &RegionLossArgs,
    scene: &Scene,
    observer: &Arc<Observer>,
) -> Result<Report, Failure> {
    let started = clock::now().to_rfc3339();
    let seed = args.seed.unwrap_or_else(random_seed);
    let mut stage = set_stage(args, scene, observer, seed).await?;
    let load = Load::start(&stage.callers, &stage.keys, &stage.regions, args.rate, seed);
    let stream = stage.changes.start(CHANGES_PER_SECOND, seed.wrapping_add(1_000));
    observer.event(format!("{} operations per second in each Region; seed {seed}", args.rate));
    tokio::time::sleep(stage.third).await;
    let lost_at_ms = stage.lose().await?;
    stage.promote(lost_at_ms).await?;
    stage.rotate_again(lost_at_ms).await;
    tokio::time::sleep(stage.third).await;
    let during = stage.check_during_loss().await;
    stage.bring_back(lost_at_ms).await?;
    tokio::time::sleep(stage.third).await;
    let after = stage.check_after_return(load, stream).await;
    stage.judge(args.rto);
    Ok(stage.report(started, seed, during, after))
}

fn random_seed() -> u64 {
    let entropy: &mut dyn kms_types::Entropy = &mut OsEntropy;
    u64::from(u32::from_le_bytes(entropy.array()))
}

async fn set_stage<'a>(
    args: &RegionLossArgs,
    scene: &'a Scene,
    observer: &'a Arc<Observer>,
    seed: u64,
) -> Result<Stage<'a>, Failure> {
    let regions = scene.data_regions();
    let (lost, heir) = parts(args, &regions)?;
    let callers = Callers::new(&scene.cluster.endpoint(), &regions, observer.clone());
    let keys = scene::make_keys(&callers, &regions, &lost, args.keys.max(1)).await?;
    let keys_led = keys.led_by(&lost);
    let multi_region = keys.all().iter().filter(|key| key.multi_region).count();
    observer.event(format!("{multi_region} multi-Region keys Enabled in {} Regions", regions.len()));
    Ok(Stage {
        scene,
        observer,
        changes: Changes::new(&callers, &keys, &regions),
        callers,
        watchman: Watchman::start(scene),
        keys,
        survivors: regions.iter().filter(|region| **region != lost).cloned().collect(),
        promoted: keys_led,
        regions,
        lost,
        heir,
        third: Duration::from_secs(args.duration) / 3,
        rng: StdRng::seed_from_u64(seed.wrapping_add(2_000)),
        checks: Checks::default(),
        figures: Figures::default(),
        rpo: Rpo::default(),
    })
}

fn parts(args: &RegionLossArgs, regions: &[Region]) -> Result<(Region, Region), Failure> {
    let usage = |text: String| Failure::Usage(text);
    let known = |region: &Region| match regions.contains(region) {
        true => Ok(region.clone()),
        false => Err(usage(format!("the cluster has no data Region `{region}`"))),
    };
    let lost = args.lost.as_ref().or_else(|| regions.first()).map(known);
    let lost = lost.unwrap_or_else(|| Err(usage("the cluster has no data Region".into())))?;
    let other = regions.iter().find(|region| **region != lost);
    let heir = args.promote.as_ref().or(other).map(known);
    let heir = heir
        .unwrap_or_else(|| Err(usage("a Region can only be lost if there is another data Region".into())))?;
    if heir == lost {
        Err(usage("--promote must name another Region than --lost".into()))
    } else {
        Ok((lost, heir))
    }
}

impl Stage<'_> {
    fn nodes_of_lost(&self) -> Vec<NodeKey> {
        let nodes = self.scene.cluster.nodes().map(|(key, _)| key);
        nodes.filter(|key| key.region == self.lost).collect()
    }

    /// Does `action` to every node of the lost Region.
    pub(super) async fn fault(&self, action: Action) -> Result<(), Failure> {
        let request = Request::Fault { action, nodes: self.nodes_of_lost() };
        control::request(&self.scene.dir, &request).await.map(|_| ())
    }

    fn judge(&mut self, rto: Option<f64>) {
        let counts = self.observer.counts();
        let violations = self.observer.violations();
        let fine = format!("{} operations", counts.encrypts + counts.cross_region_decrypts);
        self.checks.none("no call was refused or answered wrongly that had to succeed", &violations, fine);
        let ledger = self.changes.ledger();
        self.rpo.acknowledged = ledger.count(Outcome::Acknowledged);
        self.rpo.unknown = ledger.count(Outcome::Unknown);
        self.rpo.refused = self.changes.refused();
        self.rpo.rotations_given_up = self.changes.rotations_given_up();
        self.checks.add(
            "changes were acknowledged",
            self.rpo.acknowledged > 0,
            format!("{} changes", self.rpo.acknowledged),
        );
        let opened = counts.cross_region_decrypts;
        self.checks.add(
            "ciphertexts were opened in other Regions at once",
            opened > 0,
            format!("{opened} decrypts"),
        );
        if let Some(limit) = rto {
            let limit_ms = (limit * 1000.0) as u64;
            let within = |ms: Option<u64>| ms.is_some_and(|ms| ms <= limit_ms);
            let figures = &self.figures;
            let (crypto, control) = (in_words(figures.crypto_rto_ms), in_words(figures.control_rto_ms));
            let detail = format!("crypto {crypto}, control {control}");
            let held = within(figures.crypto_rto_ms) && within(figures.control_rto_ms);
            self.checks.add("recovery times are within --rto", held, detail);
        }
    }

    fn report(self, started: String, seed: u64, during: Sweep, after: Sweep) -> Report {
        let cluster = &self.scene.cluster;
        let witness = cluster.regions.iter().find(|region| region.role == Role::Witness);
        let checks = self.checks.into_list();
        Report {
            version: VERSION,
            drill: NAME,
            started,
            seed,
            cluster: ClusterShape {
                regions: self.regions.iter().map(ToString::to_string).collect(),
                witness: witness.map(|region| region.name.to_string()),
                nodes_per_region: cluster.data_regions().next().map_or(0, |region| region.nodes.len()),
            },
            lost: self.lost.to_string(),
            promoted: self.heir.to_string(),
            figures: self.figures,
            rpo: self.rpo,
            counts: self.observer.counts(),
            sweep_during_loss: during,
            sweep_after_return: after,
            passed: checks.iter().all(|check| check.held),
            checks,
            timeline: self.observer.events(),
        }
    }
}

pub(super) fn check_sweep(checks: &mut Checks, name: &'static str, found: &Sweep) {
    let fine = format!("{} ciphertexts, {} decrypts", found.ciphertexts, found.decrypts);
    checks.none(name, &found.failures, fine);
}

pub(super) fn check_missing(checks: &mut Checks, name: &'static str, missing: &[Missing]) {
    let words: Vec<String> = missing
        .iter()
        .map(|m| {
            format!(
                "{:?} of `{}` in {}: {} instead of {:?}",
                m.subject.property, m.subject.key, m.region, m.found, m.expected
            )
        })
        .collect();
    checks.none(name, &words, "nothing is missing");
}
