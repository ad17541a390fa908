//! Every bug that is built in is found, by the rule that it breaks, in the shortest run that shows it.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use kms_model::{Bug, Limits, Rule, Search, run, scenario};
use std::time::Duration;

const LIMITS: Limits = Limits { states: 2_000_000, time: Duration::from_secs(300), threads: 1 };

/// Asserts that the bug breaks the rule in this scenario, after so many events and not sooner. What a bug leads to in the
/// end is asked for the rule about that only: it may come sooner than the rule that names the mistake.
fn found(bug: Bug, name: &str, rule: Rule, length: usize) {
    let mut scenario = scenario(name, 1).unwrap();
    scenario.followed = if rule == Rule::Convergence { 1 } else { u64::MAX };
    let report = run(scenario, Some(bug), Search::Breadth, LIMITS, &mut |_| {});
    println!("{bug:?}: {report}");
    let broken = report.broken.get(&rule).map(|counterexample| counterexample.length);
    assert_eq!(broken, Some(length), "{bug:?} in `{name}`: {report}");
}

macro_rules! bugs {
    ($($test:ident: $bug:ident breaks $rule:ident in $name:literal after $length:literal,)*) => {
        $(#[test]
        fn $test() {
            found(Bug::$bug, $name, Rule::$rule, $length);
        })*

        #[test]
        fn every_bug_has_its_test() {
            assert_eq!(Bug::ALL, [$(Bug::$bug),*]);
        }
    };
}

bugs! {
    activate_without_barrier: ActivateWithoutBarrier breaks C1 in "rotation" after 5,
    use_before_commit: UseBeforeCommit breaks Rule1 in "rotation" after 1,
    adopt_own_record: AdoptOwnRecord breaks C5 in "loss" after 6,
    promote_without_majority: PromoteWithoutMajority breaks C5 in "loss" after 4,
    active_before_installed: ActiveBeforeInstalled breaks C1 in "join" after 4,
    accept_lower_epoch: AcceptLowerEpoch breaks C6 in "loss" after 6,
    equal_epoch_of_another: EqualEpochOfAnother breaks C6 in "contest" after 11,
    forget_promise: ForgetPromise breaks C6 in "loss" after 6,
    tombstone_loses: TombstoneLoses breaks D3 in "grave" after 9,
    install_unchecked: InstallUnchecked breaks C4 in "tamper" after 7,
    evict_without_commit: EvictWithoutCommit breaks Rule1 in "members" after 4,
    reuse_version: ReuseVersion breaks C2 in "join" after 2,
    acknowledge_unheld: AcknowledgeUnheld breaks C1 in "rotation" after 8,
    stale_acknowledgement: StaleAcknowledgement breaks C1 in "rejoin" after 16,
    count_every_acceptance: CountEveryAcceptance breaks Rule1 in "rotation" after 9,
    bury_before_deadline: BuryBeforeDeadline breaks D1 in "deletion" after 9,
    destroy_with_replicas: DestroyWithReplicas breaks D2 in "deletion" after 3,
    evicted_keeps_material: EvictedKeepsMaterial breaks C8 in "members" after 8,
    drop_old_material: DropOldMaterial breaks D4 in "rotation" after 9,
    cancel_after_deadline: CancelAfterDeadline breaks D5 in "deletion" after 9,
    skip_survey: SkipSurvey breaks C5 in "replace" after 9,
    directory_without_old_majority: DirectoryWithoutOldMajority breaks Rule12 in "pair" after 3,
    hear_old_incarnation: HearOldIncarnation breaks C5 in "restore" after 7,
    member_comes_back: MemberComesBack breaks C1 in "estranged" after 4,
    silent_candidate: SilentCandidate breaks Convergence in "deserted" after 2,
    give_up_held: GiveUpHeld breaks D1 in "heir" after 4,
}
