//! Everything that the steps of one drill share: the cluster, the clients, the books.

use kms_types::{NodeId, Region};
use rand::{SeedableRng, rngs::StdRng};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tokio::task::JoinSet;

use crate::{
    drill::{
        callers::Callers,
        changes::Changes,
        definition::{Definition, Part, Place},
        in_force::InForce,
        observer::{Gap, Observer},
        probing::Watchman,
        report::{Checkpoint, Checks, Figures, Rpo, StepRun},
        scene::{self, DrillKey, Keys, Scene},
        stop::StopConditions,
    },
    failure::Failure,
};

/// The state of a drill under way.
pub struct Stage<'a> {
    /// The cluster.
    pub scene: &'a Scene,
    /// Who writes down what is seen.
    pub observer: Arc<Observer>,
    /// API clients.
    pub callers: Callers,
    /// Probes.
    pub watchman: Watchman,
    /// The drill's keys.
    pub keys: Keys,
    /// Its management changes.
    pub changes: Changes,
    /// The data Regions.
    pub regions: Vec<Region>,
    /// The definition's parts.
    pub parts: BTreeMap<String, Region>,
    /// The faults.
    pub faults: InForce,
    /// When the first fault or planned change of the primary began.
    pub disturbed_ms: Option<u64>,
    /// The end of the faults after which all Regions were last seen to agree.
    pub agreed_after_ms: Option<u64>,
    /// Regions that do not come back: they are not part of the checks any more.
    pub excluded: BTreeSet<Region>,
    /// Keys that another Region took from their primary, with both.
    pub moved: Vec<Moved>,
    /// Who led a Region before its leader was hurt.
    pub old_leaders: BTreeMap<Region, NodeId>,
    /// Rotations that were asked for and not yet answered.
    pub rotating: JoinSet<()>,
    /// Chance.
    pub rng: StdRng,
    /// What ends the drill early.
    pub stop: StopConditions,
    /// What holds are multiplied by.
    pub pace: f64,
    /// Promises.
    pub checks: Checks,
    /// Times.
    pub figures: Figures,
    /// Changes.
    pub rpo: Rpo,
    /// Looks at everything.
    pub checkpoints: Vec<Checkpoint>,
    /// The longest stretch without success of each Region's clients.
    pub outages: BTreeMap<String, Gap>,
    /// Steps so far.
    pub steps: Vec<StepRun>,
    /// The step under way.
    pub current: Option<StepRun>,
}

/// A key with a new primary.
#[derive(Debug, Clone)]
pub struct Moved {
    /// The key, as it is now.
    pub key: DrillKey,
    /// Who led it.
    pub from: Region,
}

impl<'a> Stage<'a> {
    /// Makes the keys and starts the probes.
    pub async fn set(
        definition: &Definition,
        scene: &'a Scene,
        observer: &Arc<Observer>,
        seed: u64,
        pace: f64,
    ) -> Result<Self, Failure> {
        let regions = scene.data_regions();
        let parts = cast(definition, &regions)?;
        if let Some(step) = definition.steps().find(|written| written.step.needs_own_cluster())
            && !scene.is_own()
        {
            let text = format!(
                "step {} (line {}) needs a cluster of the drill's own: leave --use-running out",
                step.number, step.line
            );
            return Err(Failure::Usage(text));
        }
        for place in definition.steps().flat_map(|written| written.step.places()) {
            find(&parts, scene, place)?;
        }
        let leader = match &definition.load.led_by {
            Some(place) => find(&parts, scene, place)?,
            None => regions
                .first()
                .cloned()
                .ok_or_else(|| Failure::Usage("the cluster has no data Region".into()))?,
        };
        let callers = Callers::new(&scene.cluster().endpoint(), &regions, observer.clone());
        let keys = scene::make_keys(&callers, &regions, &leader, definition.load.keys.max(1)).await?;
        let multi_region = keys.all().iter().filter(|key| key.multi_region).count();
        observer.event(format!("{multi_region} multi-Region keys Enabled in {} Regions", regions.len()));
        Ok(Self {
            scene,
            observer: observer.clone(),
            changes: Changes::new(&callers, &keys, &regions),
            callers,
            watchman: Watchman::start(scene),
            keys,
            regions,
            parts,
            faults: InForce::default(),
            disturbed_ms: None,
            agreed_after_ms: None,
            excluded: BTreeSet::new(),
            moved: Vec::new(),
            old_leaders: BTreeMap::new(),
            rotating: JoinSet::new(),
            rng: StdRng::seed_from_u64(seed.wrapping_add(2_000)),
            stop: definition.stop.clone(),
            pace,
            checks: Checks::default(),
            figures: Figures::default(),
            rpo: Rpo::default(),
            checkpoints: Vec::new(),
            outages: BTreeMap::new(),
            steps: Vec::new(),
            current: None,
        })
    }

    /// The Region that a definition means.
    pub fn region(&self, place: &Place) -> Result<Region, Failure> {
        find(&self.parts, self.scene, place)
    }

    /// The data Regions that the drill still counts on.
    pub fn standing(&self) -> Vec<Region> {
        self.regions.iter().filter(|region| !self.excluded.contains(region)).cloned().collect()
    }

    /// Those of them that answer.
    pub fn live(&self) -> Vec<Region> {
        let away = self.faults.away(&self.scene.cluster());
        self.standing().into_iter().filter(|region| !away.contains(region)).collect()
    }

    /// Milliseconds since the first disturbance, if there was one.
    pub fn since_fault_ms(&self) -> Option<u64> {
        Some(self.observer.now_ms().saturating_sub(self.disturbed_ms?))
    }

    /// A fault, or a planned change of the primary, begins: what is under way now meets it.
    pub fn disturbance_begins(&mut self) {
        if self.disturbed_ms.is_none() {
            self.disturbed_ms = Some(self.observer.now_ms());
            self.rpo.rotations_in_progress_at_loss = self.changes.rotations_in_progress().len();
        }
    }

    /// Tells the stream of changes who is there.
    pub fn tell_changes(&self) {
        let away = self.faults.away(&self.scene.cluster());
        let stale = self.regions.iter().filter(|region| self.observer.is_stale(region)).cloned();
        self.changes.hindered(away.into_iter().chain(stale).collect(), self.faults.cut());
    }
}

/// Which Region plays which part. Parts with a name come first; where they take a Region that a number means, the first
/// free one takes its place.
fn cast(definition: &Definition, regions: &[Region]) -> Result<BTreeMap<String, Region>, Failure> {
    let mut cast: BTreeMap<String, Region> = BTreeMap::new();
    for (name, part) in &definition.parts {
        let Part::Named(wanted) = part else { continue };
        if !regions.contains(wanted) {
            return Err(Failure::Usage(format!("the cluster has no data Region `{wanted}` to be `{name}`")));
        }
        if let Some((other, _)) = cast.iter().find(|(_, taken)| *taken == wanted) {
            return Err(Failure::Usage(format!("`{wanted}` cannot be both `{other}` and `{name}`")));
        }
        cast.insert(name.clone(), wanted.clone());
    }
    let mut numbered: Vec<(&String, usize)> = definition
        .parts
        .iter()
        .filter_map(|(name, part)| if let Part::Number(number) = part { Some((name, *number)) } else { None })
        .collect();
    numbered.sort_by_key(|(_, number)| *number);
    for (name, number) in numbered {
        let meant = regions.get(number.saturating_sub(1));
        let free = |region: &&Region| !cast.values().any(|taken| taken == *region);
        let region = meant.filter(free).or_else(|| regions.iter().find(free)).filter(|_| meant.is_some());
        let few = || {
            let text = format!(
                "part `{name}` is data Region number {number}, and the cluster has {}",
                regions.len()
            );
            Failure::Usage(text)
        };
        let region = region.cloned().ok_or_else(few)?;
        cast.insert(name.clone(), region);
    }
    Ok(cast)
}

fn find(parts: &BTreeMap<String, Region>, scene: &Scene, place: &Place) -> Result<Region, Failure> {
    let region = parts.get(place.as_str()).cloned().or_else(|| place.as_str().parse().ok());
    let known = region.filter(|region| scene.region(region).is_some());
    known.ok_or_else(|| Failure::Usage(format!("the cluster has no Region `{place}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(parts: &str) -> Definition {
        let text = format!(
            "version = 1\nname = \"x\"\ndescription = \"\"\nsteps = [{{ hold = \"1s\" }}]\n[parts]\n{parts}"
        );
        Definition::parse(&text).unwrap()
    }

    fn regions() -> Vec<Region> {
        ["us-east-1", "eu-west-1"].map(|region| region.parse().unwrap()).to_vec()
    }

    #[test]
    fn parts_are_cast_by_number_and_by_name() {
        let cast = cast(&definition("lost = \"eu-west-1\"\nheir = 1"), &regions()).unwrap();
        assert_eq!(cast["lost"].as_str(), "eu-west-1");
        assert_eq!(cast["heir"].as_str(), "us-east-1");
    }

    #[test]
    fn number_gives_way_to_a_name() {
        let cast = cast(&definition("lost = \"eu-west-1\"\nheir = 2"), &regions()).unwrap();
        assert_eq!((cast["lost"].as_str(), cast["heir"].as_str()), ("eu-west-1", "us-east-1"));
    }

    #[test]
    fn region_plays_one_part_only() {
        let failure =
            cast(&definition("lost = \"eu-west-1\"\nheir = \"eu-west-1\""), &regions()).unwrap_err();
        assert!(failure.explain().contains("both"), "{}", failure.explain());
        assert!(cast(&definition("lost = 3"), &regions()).is_err());
        assert!(cast(&definition("a = 1\nb = 1\nc = 1"), &regions()).is_err());
    }
}
