//! Runs a definition: load first, then step after step under the eye of the stop conditions, then the finale.

use std::sync::Arc;
use tokio_util::sync::CancellationToken;

use crate::{
    clock,
    drill::{
        changes::ChangeStream,
        definition::{Definition, Written},
        latency,
        load::Load,
        observer::Observer,
        report::{ClusterShape, Report, StepOutcome, StepRun, VERSION},
        scene::Scene,
        stage::Stage,
    },
    failure::Failure,
    local::layout::Role,
};

/// How one run differs from another of the same definition.
#[derive(Debug, Clone)]
pub struct Run {
    /// Seed of every choice.
    pub seed: u64,
    /// What `hold` steps are multiplied by.
    pub pace: f64,
    /// What repeats the run.
    pub command: String,
}

/// Plays `definition` on `scene`; the report says how it went. An error only if there is nothing to report: the cluster
/// does not fit, keys cannot be made, or `interrupt` was cancelled.
pub async fn play(
    definition: &Definition,
    run: &Run,
    scene: &Scene,
    observer: &Arc<Observer>,
    interrupt: &CancellationToken,
) -> Result<Report, Failure> {
    let played = tokio::select! {
        played = perform(definition, run, scene, observer, interrupt) => played,
        never = observer.show_progress() => match never {},
    };
    observer.end_progress();
    played
}

async fn perform(
    definition: &Definition,
    run: &Run,
    scene: &Scene,
    observer: &Arc<Observer>,
    interrupt: &CancellationToken,
) -> Result<Report, Failure> {
    let started = clock::now().to_rfc3339();
    let mut stage = tokio::select! {
        stage = Stage::set(definition, scene, observer, run.seed, run.pace) => stage?,
        () = interrupt.cancelled() => return Err(Failure::Interrupted),
    };
    let (load, stream) = begin_load(&stage, definition, run.seed);
    let (stop, watched) = (definition.stop.clone(), observer.clone());
    let ended = tokio::select! {
        told = stage.tell(definition) => Ended::Told(told),
        reason = stop.watch(&watched) => Ended::Stopped(reason),
        () = interrupt.cancelled() => Ended::Interrupted,
    };
    let stopped = match ended {
        Ended::Told(Ok(())) => None,
        Ended::Told(Err(failure)) => Some(stage.cut_short(StepOutcome::Failed, &failure.explain())),
        Ended::Stopped(reason) => Some(stage.cut_short(StepOutcome::Stopped, &reason)),
        Ended::Interrupted => {
            // A cluster of others is left as it was found; the drill's own ends with it.
            stage.mend().await?;
            return Err(Failure::Interrupted);
        }
    };
    tokio::select! {
        () = stage.finish(load, stream, &definition.targets) => Ok(stage.report(definition, run, started, stopped)),
        () = interrupt.cancelled() => Err(Failure::Interrupted),
    }
}

enum Ended {
    Told(Result<(), Failure>),
    Stopped(String),
    Interrupted,
}

fn begin_load(stage: &Stage<'_>, definition: &Definition, seed: u64) -> (Load, ChangeStream) {
    let plan = &definition.load;
    let load = Load::start(&stage.callers, &stage.keys, &stage.regions, plan.rate, seed, &definition.name);
    let stream = stage.changes.start(plan.changes, seed.wrapping_add(1_000));
    stage.observer.event(format!("{} operations per second in each Region; seed {seed}", plan.rate));
    (load, stream)
}

impl Stage<'_> {
    async fn tell(&mut self, definition: &Definition) -> Result<(), Failure> {
        let steps = definition.steps().count();
        for written in definition.steps() {
            self.begin_step(&written, steps);
            self.take(written.step).await?;
            self.end_step(StepOutcome::Done);
        }
        Ok(())
    }

    fn begin_step(&mut self, written: &Written<'_>, steps: usize) {
        let from_ms = self.observer.event(format!("step {} of {steps}: {}", written.number, written.text));
        self.current = Some(StepRun {
            number: written.number,
            line: written.line,
            step: written.text.to_owned(),
            from_ms,
            to_ms: from_ms,
            outcome: StepOutcome::Done,
        });
    }

    fn end_step(&mut self, outcome: StepOutcome) {
        if let Some(step) = self.current.take() {
            self.steps.push(StepRun { to_ms: self.observer.now_ms(), outcome, ..step });
        }
    }

    /// The story ends here; the answer is why, with the step.
    fn cut_short(&mut self, outcome: StepOutcome, reason: &str) -> String {
        let step = self
            .current
            .as_ref()
            .map(|step| format!("step {} (line {}), {}", step.number, step.line, step.step));
        let step = step.unwrap_or_else(|| "between steps".to_owned());
        let name = match outcome {
            StepOutcome::Stopped => "no stop condition is met",
            StepOutcome::Done | StepOutcome::Failed => "every step is carried out",
        };
        self.checks.add(name, false, format!("{step}: {reason}"));
        self.observer.event(format!("stopped: {step}: {reason}"));
        self.end_step(outcome);
        format!("{step}: {reason}")
    }

    fn report(self, definition: &Definition, run: &Run, started: String, stopped: Option<String>) -> Report {
        let cluster = self.scene.cluster();
        let witness = cluster.regions.iter().find(|region| region.role == Role::Witness);
        let part = |name: &str| self.parts.get(name).map(ToString::to_string);
        let end_ms = self.observer.now_ms();
        let checks = self.checks.into_list();
        Report {
            version: VERSION,
            drill: definition.name.clone(),
            description: definition.description.clone(),
            started,
            seed: run.seed,
            command: run.command.clone(),
            cluster: ClusterShape {
                regions: self.regions.iter().map(ToString::to_string).collect(),
                witness: witness.map(|region| region.name.to_string()),
                nodes_per_region: cluster.data_regions().next().map_or(0, |region| region.nodes.len()),
            },
            lost: part("lost"),
            promoted: part("heir"),
            parts: self.parts.iter().map(|(name, region)| (name.clone(), region.to_string())).collect(),
            figures: self.figures,
            rpo: self.rpo,
            counts: self.observer.counts(),
            checkpoints: self.checkpoints,
            passed: checks.iter().all(|check| check.held),
            checks,
            stopped,
            steps: self.steps,
            faults: self.faults.windows().to_vec(),
            outages: self.outages,
            latency: latency::series(&self.observer.operations(), end_ms),
            end_ms,
            timeline: self.observer.events(),
        }
    }
}
