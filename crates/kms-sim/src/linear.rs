//! Whether a history can be explained by calls that took effect one after the other, each between its beginning and its
//! end: the search of Wing and Gong with the memory of [LOWE].

use crate::history::{Call, Told};
use crate::key_model::KeyModel;
use std::collections::BTreeSet;

/// Most steps for one history.
const MOST_STEPS: u64 = 400_000;

/// What a history is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Linearizable,
    /// No order of effects explains the answers.
    Impossible,
    /// Not found out within the bound.
    Undecided,
}

/// Judges the history of one key, beginning with `state`.
pub(crate) fn judge(calls: &[Call], state: KeyModel) -> Verdict {
    let mut calls: Vec<&Call> = calls.iter().collect();
    calls.sort_by_key(|call| call.began);
    let mut search = Search { calls, seen: BTreeSet::new(), steps: 0 };
    let mut done = Done::default();
    match search.explains(&mut done, &state) {
        Some(true) => Verdict::Linearizable,
        Some(false) => Verdict::Impossible,
        None => Verdict::Undecided,
    }
}

struct Search<'a> {
    calls: Vec<&'a Call>,
    seen: BTreeSet<(Done, KeyModel)>,
    steps: u64,
}

/// The calls that have had their effect: all before `first`, and these.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Done {
    first: usize,
    beyond: BTreeSet<usize>,
}

impl Done {
    fn contains(&self, call: usize) -> bool {
        call < self.first || self.beyond.contains(&call)
    }

    fn with(&self, call: usize) -> Self {
        let mut done = self.clone();
        done.beyond.insert(call);
        while done.beyond.remove(&done.first) {
            done.first += 1;
        }
        done
    }
}

impl Search<'_> {
    /// Whether the remaining calls can be explained; `None` when the bound is reached.
    fn explains(&mut self, done: &mut Done, state: &KeyModel) -> Option<bool> {
        let mut stack = vec![(done.clone(), state.clone())];
        while let Some((done, state)) = stack.pop() {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return None;
            }
            let open = |at: &usize| !done.contains(*at);
            let answered = |at: &usize| self.calls.get(*at).is_some_and(|call| call.ended.is_some());
            let positions = done.first..self.calls.len();
            if !positions.clone().filter(open).any(|at| answered(&at)) {
                return Some(true);
            }
            // A call may be next if no other open call ended before it began.
            let ends = positions.clone().filter(open).filter_map(|at| self.calls.get(at)?.ended);
            let first_end = ends.min().unwrap_or(u64::MAX);
            let mut next = Vec::new();
            for at in positions.filter(open) {
                let Some(call) = self.calls.get(at) else { continue };
                if call.began > first_end {
                    break;
                }
                let states = match call.told {
                    Told::Nothing => state.after_unanswered(&call.asked),
                    _ => state.after(&call.asked, &call.told),
                };
                next.extend(states.into_iter().map(|state| (done.with(at), state)));
            }
            // Answered calls are tried first, in the order of their beginnings.
            next.reverse();
            next.sort_by_key(|(after, _)| answered_count(&self.calls, after, &done));
            stack.extend(next.into_iter().filter(|entry| self.seen.insert(entry.clone())));
        }
        Some(false)
    }
}

fn answered_count(calls: &[&Call], after: &Done, before: &Done) -> bool {
    (before.first..calls.len())
        .find(|at| after.contains(*at) && !before.contains(*at))
        .and_then(|at| calls.get(at)?.ended)
        .is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Asked;
    use crate::key_model::Course;

    fn call(asked: Asked, told: Told, began: u64, ended: u64) -> Call {
        Call { asked, told, began, ended: (ended > 0).then_some(ended) }
    }

    fn verdict(calls: &[Call]) -> Verdict {
        judge(calls, KeyModel::fresh(Course::default()))
    }

    #[test]
    fn overlapping_calls_may_take_effect_in_any_order() {
        let calls = [call(Asked::Disable, Told::Done, 1, 5), call(Asked::Use, Told::Done, 2, 6)];
        assert_eq!(verdict(&calls), Verdict::Linearizable);
    }

    #[test]
    fn a_use_that_starts_after_a_disable_returned_is_impossible() {
        let calls = [call(Asked::Disable, Told::Done, 1, 2), call(Asked::Use, Told::Done, 3, 4)];
        assert_eq!(verdict(&calls), Verdict::Impossible);
        let stale = [
            call(Asked::Describing(7), Told::Done, 1, 2),
            call(Asked::Describe, Told::Description(kms_types::KeyState::Enabled, 0), 3, 4),
        ];
        assert_eq!(verdict(&stale), Verdict::Impossible);
    }

    #[test]
    fn a_change_without_an_answer_may_take_effect_late_or_never() {
        let lost = call(Asked::Disable, Told::Nothing, 1, 0);
        let used = call(Asked::Use, Told::Done, 2, 3);
        let refused = call(Asked::Use, Told::Disabled, 4, 5);
        assert_eq!(verdict(&[lost.clone(), used.clone(), refused.clone()]), Verdict::Linearizable);
        let again = call(Asked::Use, Told::Done, 6, 7);
        assert_eq!(verdict(&[lost, used, refused, again]), Verdict::Impossible, "it happens at most once");
    }
}
