//! One exploration of one scenario, and what came of it.

use stateright::{Checker, CheckerBuilder, HasDiscoveries, Model, UniformChooser};
use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use crate::{Bug, Protocol, Rule, Scenario, trace::trace};

/// The order in which states are visited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Short runs first: everything within the bound, and the shortest counterexample.
    Breadth,
    /// Long runs first.
    Depth,
    /// Random runs from a seed, for bounds that cannot be exhausted.
    Random {
        /// The seed.
        seed: u64,
    },
}

/// When to stop before the end.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// After about so many states, repeats included.
    pub states: usize,
    /// After this time.
    pub time: Duration,
    /// How many threads explore.
    pub threads: usize,
}

/// What an exploration found.
#[derive(Debug)]
pub struct Report {
    /// The scenario.
    pub scenario: &'static str,
    /// Different states.
    pub unique: usize,
    /// States with repeats.
    pub states: usize,
    /// The longest run.
    pub depth: usize,
    /// Different Regions, letters, histories and steps.
    pub sizes: [usize; 4],
    /// How long it took.
    pub time: Duration,
    /// True when every state within the bound was visited.
    pub exhausted: bool,
    /// Rules that do not hold, each with a run that breaks it.
    pub broken: BTreeMap<Rule, Counterexample>,
    /// Goals that were not reached.
    pub missed: Vec<&'static str>,
    /// Goals that were reached, with the length of a run that does.
    pub reached: BTreeMap<&'static str, usize>,
}

/// A run that breaks a rule.
#[derive(Debug)]
pub struct Counterexample {
    /// How many events it has.
    pub length: usize,
    /// In words.
    pub trace: String,
}

/// What is known while an exploration goes on.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// States with repeats.
    pub states: usize,
    /// Different states.
    pub unique: usize,
    /// The longest run.
    pub depth: usize,
    /// Since the beginning.
    pub time: Duration,
}

/// Explores a scenario until everything is visited, a rule is broken, or a limit is reached.
pub fn run(
    scenario: Scenario,
    bug: Option<Bug>,
    search: Search,
    limits: Limits,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Report {
    let checker = Protocol::new(scenario, bug)
        .checker()
        .threads(limits.threads)
        .finish_when(HasDiscoveries::AnyFailures);
    match search {
        Search::Breadth => finish(checker.spawn_bfs(), limits, progress),
        Search::Depth => finish(checker.spawn_dfs(), limits, progress),
        Search::Random { seed } => finish(random(checker, seed), limits, progress),
    }
}

fn random(checker: CheckerBuilder<Protocol>, seed: u64) -> impl Checker<Protocol> {
    checker.spawn_simulation(seed, UniformChooser)
}

fn finish(
    mut checker: impl Checker<Protocol>,
    limits: Limits,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Report {
    let started = Instant::now();
    let handles = checker.handles();
    while handles.iter().any(|handle| !handle.is_finished()) {
        std::thread::sleep(Duration::from_millis(20));
        if started.elapsed() > limits.time || checker.state_count() > limits.states {
            // stateright's own limits are looked at now and then only.
            checker.model().stop(true);
        }
        progress(Progress {
            states: checker.state_count(),
            unique: checker.unique_state_count(),
            depth: checker.max_depth(),
            time: started.elapsed(),
        });
    }
    for handle in handles {
        handle.join().expect("the checker does not panic");
    }
    let early = checker.model().is_stopped();
    checker.model().stop(false);
    report(&checker, started.elapsed(), early)
}

fn report(checker: &impl Checker<Protocol>, time: Duration, early: bool) -> Report {
    let protocol = checker.model();
    let mut found = checker.discoveries();
    let broken: BTreeMap<Rule, Counterexample> = Rule::ALL
        .into_iter()
        .filter_map(|rule| {
            let path = found.remove(rule.name())?;
            let length = path.clone().into_actions().len();
            Some((rule, Counterexample { length, trace: trace(protocol, path) }))
        })
        .collect();
    let reached: BTreeMap<&'static str, usize> =
        found.into_iter().map(|(name, path)| (name, path.into_actions().len())).collect();
    let goals = protocol.scenario.goals.iter().map(|goal| goal.name);
    Report {
        scenario: protocol.scenario.name,
        unique: checker.unique_state_count(),
        states: checker.state_count(),
        depth: checker.max_depth(),
        sizes: protocol.sizes(),
        time,
        exhausted: broken.is_empty() && !early,
        missed: goals.filter(|name| !reached.contains_key(name)).collect(),
        broken,
        reached,
    }
}

impl Report {
    /// True when no rule is broken and every goal is reached.
    pub fn is_good(&self) -> bool {
        self.broken.is_empty() && self.missed.is_empty()
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs_f64();
        let rate = self.states as f64 / seconds.max(0.001);
        write!(
            f,
            "{} states, {} with repeats, depth {}, {seconds:.0} s, {rate:.0} states/s",
            self.unique, self.states, self.depth
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.time.as_secs_f64();
        let rate = self.states as f64 / seconds.max(0.001);
        let extent = if self.exhausted { "all of them" } else { "not all" };
        writeln!(
            f,
            "{}: {} states ({extent}), {} with repeats, depth {}, {seconds:.1} s, {rate:.0} states/s",
            self.scenario, self.unique, self.states, self.depth
        )?;
        let [sites, letters, histories, steps] = self.sizes;
        writeln!(f, "  {sites} Regions, {letters} letters, {histories} histories, {steps} steps")?;
        for (goal, length) in &self.reached {
            writeln!(f, "  {goal}, after {length} events")?;
        }
        for goal in &self.missed {
            writeln!(f, "  NOT {goal}")?;
        }
        for (rule, counterexample) in &self.broken {
            writeln!(f, "BROKEN {rule}, after {} events:\n{}", counterexample.length, counterexample.trace)?;
        }
        Ok(())
    }
}
