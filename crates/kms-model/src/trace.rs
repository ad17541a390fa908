//! A run in words.

use stateright::Path;
use std::fmt::Write;

use crate::{Action, Call, Pause, Protocol, Step, World, letter};

/// One line for each event, and where it left the Regions.
pub(crate) fn trace(protocol: &Protocol, path: Path<World, Action>) -> String {
    let mut text = String::new();
    let mut steps = path.into_vec();
    let states: Vec<World> = steps.iter().map(|(state, _)| state.clone()).collect();
    for (number, (_, action)) in steps.drain(..).enumerate() {
        let Some(action) = action else { continue };
        let _ = writeln!(text, "{:>4}. {}", number + 1, describe(protocol, &action));
        for line in
            states.get(number + 1).map(|next| changes(protocol, &states[number], next)).into_iter().flatten()
        {
            let _ = writeln!(text, "        {line}");
        }
    }
    text
}

fn describe(protocol: &Protocol, action: &Action) -> String {
    let name = |place: &usize| protocol.scenario.voters[*place];
    match action {
        Action::Deliver(letter) => protocol.book().letter(*letter).to_string(),
        Action::Repeat(letter) => format!("{} (and stays under way)", protocol.book().letter(*letter)),
        Action::Corrupt(letter) => format!("under way, other bytes in {}", protocol.book().letter(*letter)),
        Action::Lose(place) => format!("{} is lost", name(place)),
        Action::Restore(place) => format!("{} is restored to its first state", name(place)),
        Action::Found(place) => format!("{} comes back with an empty disk", name(place)),
        Action::At(place, step) => format!("{}: {}", name(place), describe_step(step)),
    }
}

fn describe_step(step: &Step) -> String {
    match step {
        Step::Receive(_) => "a letter arrives".to_owned(),
        Step::Call(Call::Rotate { n }) => format!("RotateKeyOnDemand with material {n}"),
        Step::Call(Call::Replicate { to }) => format!("ReplicateKey to {to}"),
        Step::Call(Call::UpdatePrimary { to }) => format!("UpdatePrimaryRegion to {to}"),
        Step::Call(Call::Import { n }) => format!("ImportKeyMaterial of material {n}"),
        Step::Call(Call::RotateImported) => "RotateKeyOnDemand to the pending material".to_owned(),
        Step::Call(Call::ScheduleDeletion) => "ScheduleKeyDeletion".to_owned(),
        Step::Call(Call::CancelDeletion) => "CancelKeyDeletion".to_owned(),
        Step::Promote => "an operator promotes".to_owned(),
        Step::PromoteUnsafely => "an operator promotes, with force".to_owned(),
        Step::Evict(region) => format!("an operator evicts {region}"),
        Step::Remove(region) => format!("an operator removes {region}"),
        Step::Add(region) => format!("an operator lets {region} in"),
        Step::Pass(Pause::Short) => "a short time passes".to_owned(),
        Step::Pass(Pause::Long) => "a long time passes".to_owned(),
        Step::Window => "a deletion window passes in Region time".to_owned(),
        Step::Apply => "the oldest entry of the log is applied".to_owned(),
        Step::Crash => "the leader dies".to_owned(),
        Step::CrashWithLog => "the leader dies with the entries that are not applied".to_owned(),
    }
}

/// The Regions whose register or material changed.
fn changes(protocol: &Protocol, before: &World, after: &World) -> Vec<String> {
    let (old, new) = (protocol.view(before), protocol.view(after));
    let line = |name: &&str| {
        let register = new.register(name)?;
        let held = |view: &crate::View<'_>| {
            view.key(name)
                .map(|k| k.held.keys().map(crate::names::number).collect::<Vec<_>>())
                .unwrap_or_default()
        };
        let lifecycle = |view: &crate::View<'_>| view.key(name).map(|k| k.lifecycle);
        let same = old.register(name) == Some(register)
            && held(&old) == held(&new)
            && lifecycle(&old) == lifecycle(&new);
        let committed = register.committed.as_deref().map(letter::record).unwrap_or_default();
        let outstanding = register.accepted.as_deref().filter(|_| register.has_outstanding());
        let outstanding =
            outstanding.map(|r| format!(", accepted {}", letter::record(r))).unwrap_or_default();
        let promised = register.promised.as_ref().map(ToString::to_string).unwrap_or_default();
        let state = lifecycle(&new).map_or("no key".to_owned(), |l| format!("{l:?}"));
        (!same).then(|| {
            format!(
                "{name}: committed {committed}{outstanding}, promised {promised}, holds {:?}, {state}",
                held(&new)
            )
        })
    };
    new.scenario.voters.iter().filter_map(line).collect()
}
