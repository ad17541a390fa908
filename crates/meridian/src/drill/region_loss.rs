//! `meridian drill region-loss`: the story, from the first key to the last check.

use clap::Args;
use kms_transport::admin_messages as messages;
use kms_types::{NodeId, Region};
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    admin::{Operator, PromotedKey},
    api::is_transient,
    clock,
    drill::{
        callers::Callers,
        catch_up::{self, StepDown},
        changes::{ChangeStream, Changes},
        ledger::{Missing, Outcome},
        load::Load,
        observer::Observer,
        probing::Watchman,
        report::{Checks, ClusterShape, Figures, Report, Rpo, VERSION},
        scene::{self, DrillKey, Keys, Scene},
        store::RunDir,
        verify::{Sweep, sweep},
    },
    entropy::OsEntropy,
    failure::Failure,
    local::{
        control::{self, Action, Request},
        layout::{DataDir, NodeKey, Role},
        up::ShapeArgs,
    },
};

const NAME: &str = "region-loss";
const DETECTION_TIMEOUT: Duration = Duration::from_secs(20);
const PROMOTION_TIMEOUT: Duration = Duration::from_secs(60);
const CONTROL_TIMEOUT: Duration = Duration::from_secs(30);
const RETURN_TIMEOUT: Duration = Duration::from_secs(90);
const CHANGES_PER_SECOND: u32 = 4;

/// Flags of `drill region-loss`.
#[derive(Debug, Args)]
pub struct RegionLossArgs {
    /// Use the local cluster that runs in --data-dir instead of one of the drill's own.
    #[arg(long)]
    use_running: bool,
    /// The directory of the cluster to use, or to make [default: below the report].
    #[arg(long, value_name = "DIR", env = "MERIDIAN_DATA_DIR")]
    data_dir: Option<PathBuf>,
    #[command(flatten)]
    shape: Shape,
    /// The Region to lose [default: the cluster's first data Region].
    #[arg(long, value_name = "REGION")]
    lost: Option<Region>,
    /// The Region that takes over [default: the first other data Region].
    #[arg(long, value_name = "REGION")]
    promote: Option<Region>,
    /// How long calls run, in seconds: a third before the loss, a third during it, a third after the return.
    #[arg(long, value_name = "SECS", default_value_t = 24)]
    duration: u64,
    /// Operations per second in each Region.
    #[arg(long, default_value_t = 20)]
    rate: u32,
    /// Multi-Region keys whose primary is the Region that will be lost.
    #[arg(long, value_name = "N", default_value_t = 4)]
    keys: usize,
    /// Seed of every choice [default: random, and reported].
    #[arg(long)]
    seed: Option<u64>,
    /// Also fail if calls or shared changes stood still for longer than this.
    #[arg(long, value_name = "SECS")]
    rto: Option<f64>,
    /// Where reports are kept.
    #[arg(long, value_name = "DIR", default_value = "store")]
    store: PathBuf,
    /// Keep the data of the drill's own cluster even if every check held.
    #[arg(long)]
    keep: bool,
    /// Print the report as JSON; progress goes to standard error either way.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Shape {
    /// The data Regions of the drill's own cluster [default: us-east-1,eu-west-1,ap-southeast-2].
    #[arg(long, value_delimiter = ',', value_name = "REGION,...", conflicts_with = "use_running")]
    regions: Vec<Region>,
    /// Nodes per Region of the drill's own cluster [default: 3].
    #[arg(long, conflicts_with = "use_running")]
    nodes: Option<NodeId>,
    /// Add a witness Region to the drill's own cluster.
    #[arg(long, value_name = "REGION", num_args = 0..=1, default_missing_value = "eu-central-1", conflicts_with = "use_running")]
    witness: Option<Region>,
}

/// Runs the drill; an error if anything was not as promised.
pub async fn run(args: &RegionLossArgs) -> Result<(), Failure> {
    let store = RunDir::create(&args.store, NAME)?;
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(crate::failure::io_error("handle signals of", std::path::Path::new("this process")))?;
    let observer = Arc::new(Observer::new());
    let scene = open_scene(args, &store, &observer).await?;
    let played = tokio::select! {
        played = play(args, &scene, &observer) => played,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted),
        _ = terminate.recv() => Err(Failure::Interrupted),
    };
    let keep = args.keep || !played.as_ref().is_ok_and(|report| report.passed);
    scene.close(keep).await?;
    match played {
        Ok(report) => finish(args, &store, report),
        Err(failure) => {
            // No verdict, but what was seen until then is worth keeping.
            observer.event(format!("stopped: {}", failure.explain()));
            let lines = observer
                .events()
                .into_iter()
                .map(|event| format!("t+{:>7} ms  {}\n", event.at_ms, event.event));
            store.write("timeline.txt", &lines.collect::<String>())?;
            Err(failure)
        }
    }
}

async fn open_scene(args: &RegionLossArgs, store: &RunDir, observer: &Observer) -> Result<Scene, Failure> {
    let dir = args.data_dir.clone();
    if args.use_running {
        return Scene::running(DataDir::new(&dir.unwrap_or_else(|| ".meridian/local".into()))?).await;
    }
    let dir = DataDir::new(&dir.unwrap_or_else(|| store.path().join("cluster")))?;
    let Shape { regions, nodes, witness } = &args.shape;
    let shape = ShapeArgs {
        regions: regions.clone(),
        nodes: *nodes,
        witness: witness.clone(),
        ..ShapeArgs::default()
    };
    let wish = shape.wish();
    observer.event(format!("starting {} Regions of {} nodes", wish.regions.len(), wish.nodes));
    let scene = Scene::of_its_own(dir, &wish).await?;
    observer.event("every Region serves");
    Ok(scene)
}

fn finish(args: &RegionLossArgs, store: &RunDir, report: Report) -> Result<(), Failure> {
    let json =
        serde_json::to_string_pretty(&report).map_err(|error| Failure::DrillStopped(error.to_string()))?;
    let text = report.text();
    let path = store.write("report.json", &json)?;
    store.write("timeline.txt", &text)?;
    store.link_latest()?;
    if args.json {
        println!("{json}");
    } else {
        println!("\n{text}Report: {}", path.display());
    }
    match report.failed().count() {
        0 => Ok(()),
        failed => Err(Failure::DrillFailed(failed)),
    }
}

/// Everything that the story needs at hand.
struct Stage<'a> {
    scene: &'a Scene,
    observer: &'a Arc<Observer>,
    callers: Callers,
    watchman: Watchman,
    keys: Keys,
    changes: Changes,
    regions: Vec<Region>,
    lost: Region,
    heir: Region,
    survivors: Vec<Region>,
    third: Duration,
    checks: Checks,
    figures: Figures,
    rpo: Rpo,
}

async fn play(args: &RegionLossArgs, scene: &Scene, observer: &Arc<Observer>) -> Result<Report, Failure> {
    let started = clock::now().to_rfc3339();
    let seed = args.seed.unwrap_or_else(random_seed);
    let mut stage = set_stage(args, scene, observer).await?;
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
) -> Result<Stage<'a>, Failure> {
    let regions = scene.data_regions();
    let (lost, heir) = parts(args, &regions)?;
    let callers = Callers::new(&scene.cluster.endpoint(), &regions, observer.clone());
    let keys = scene::make_keys(&callers, &regions, &lost, args.keys.max(1)).await?;
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
        regions,
        lost,
        heir,
        third: Duration::from_secs(args.duration) / 3,
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

    async fn fault(&self, action: Action) -> Result<(), Failure> {
        let request = Request::Fault { action, nodes: self.nodes_of_lost() };
        control::request(&self.scene.dir, &request).await.map(|_| ())
    }

    /// Kills every node of the Region with SIGKILL and waits until the probes notice. The answer is when it was killed.
    async fn lose(&mut self) -> Result<u64, Failure> {
        let lost_at_ms = self.observer.event(format!("killing every node of {} with SIGKILL", self.lost));
        self.fault(Action::Kill).await?;
        self.rpo.rotations_in_progress_at_loss = self.changes.rotations_in_progress().len();
        let noticed = tokio::time::timeout(DETECTION_TIMEOUT, self.watchman.first_loss()).await;
        self.changes.away(Some(self.lost.clone()));
        if let Ok(region) = &noticed {
            let at_ms = self.observer.event(format!("{region} is lost: none of its nodes answers probes"));
            self.figures.detection_ms = Some(at_ms.saturating_sub(lost_at_ms));
        }
        let held = noticed.as_ref().is_ok_and(|region| *region == self.lost);
        self.checks.add(
            "the loss was noticed by probes",
            held,
            format!("{:?} ms", self.figures.detection_ms),
        );
        Ok(lost_at_ms)
    }

    /// Asks the heir's leader to become primary of every key that the lost Region led, until it is.
    async fn promote(&mut self, lost_at_ms: u64) -> Result<(), Failure> {
        let expected: Vec<String> = self.keys.led_by(&self.lost).into_iter().map(|key| key.id).collect();
        let until = Instant::now() + PROMOTION_TIMEOUT;
        let (mut attempts, mut last) = (0, String::new());
        let done = loop {
            attempts += 1;
            match self.try_promote().await {
                Ok(keys)
                    if expected.iter().all(|id| keys.iter().any(|key| key.key == *id && key.promoted)) =>
                {
                    break true;
                }
                Ok(keys) => last = format!("{keys:?}"),
                Err(failure) => last = failure.explain(),
            }
            if Instant::now() > until {
                break false;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        };
        let detail = if done { format!("{} keys in {attempts} attempts", expected.len()) } else { last };
        self.checks.add("every key of the lost Region was promoted", done, detail.clone());
        if !done {
            self.observer.event(format!("promotion failed: {detail}"));
            return Err(Failure::DrillStopped(format!("the promotion of {} failed: {detail}", self.heir)));
        }
        self.keys.moved(&self.lost, &self.heir);
        let at_ms = self.observer.event(format!("{} is primary: {detail}", self.heir));
        self.figures.promotion_ms = Some(at_ms.saturating_sub(lost_at_ms));
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
    async fn rotate_again(&mut self, lost_at_ms: u64) {
        let keys: Vec<DrillKey> = self.promoted();
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
        let fine =
            format!("{rotated} of {} keys; control RTO {:?} ms", keys.len(), self.figures.control_rto_ms);
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

    /// The keys that the lost Region led.
    fn promoted(&self) -> Vec<DrillKey> {
        let other = |key: &DrillKey| key.multi_region && key.primary == self.heir;
        self.keys.all().into_iter().filter(other).collect()
    }

    async fn check_during_loss(&mut self) -> Sweep {
        let sealed = self.observer.every_sealed();
        self.observer.event(format!(
            "opening {} ciphertexts in {} live Regions",
            sealed.len(),
            self.survivors.len()
        ));
        let found = sweep(&self.callers, sealed, &self.survivors).await;
        self.observer.event(format!("{} decrypts, {} failed", found.decrypts, found.failed));
        check_sweep(&mut self.checks, "every ciphertext opens in every live Region during the loss", &found);
        let missing = self.changes.missing(&self.survivors, &self.heir).await;
        self.observer.event(format!("{} acknowledged changes missing", missing.len()));
        check_missing(&mut self.checks, "no acknowledged change is missing during the loss", &missing);
        self.rpo.missing_during_loss = missing;
        found
    }

    /// Starts the lost Region's nodes and watches it step down and catch up.
    async fn bring_back(&mut self, lost_at_ms: u64) -> Result<(), Failure> {
        let promoted = self.promoted();
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
        self.checks.add("the lost Region serves again", restart_ms.is_some(), format!("{restart_ms:?} ms"));
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

    async fn check_after_return(&mut self, load: Load, stream: ChangeStream) -> Sweep {
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
        let missing = self.changes.missing(&self.regions, &self.heir).await;
        self.observer.event(format!("{} acknowledged changes missing", missing.len()));
        check_missing(&mut self.checks, "no acknowledged change is missing after the return", &missing);
        self.rpo.missing_after_return = missing;
        found
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
            let detail =
                format!("crypto {:?} ms, control {:?} ms", figures.crypto_rto_ms, figures.control_rto_ms);
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

fn check_sweep(checks: &mut Checks, name: &'static str, found: &Sweep) {
    let fine = format!("{} ciphertexts, {} decrypts", found.ciphertexts, found.decrypts);
    checks.none(name, &found.failures, fine);
}

fn check_missing(checks: &mut Checks, name: &'static str, missing: &[Missing]) {
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
