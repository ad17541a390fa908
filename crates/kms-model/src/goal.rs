//! Situations that a scenario must reach, so that its invariants are not true for want of events.

use kms_state::{Lifecycle, MaterialStatus, Phase};

use crate::{Protocol, View, World, history::History, names::region, site::seals_with};

/// One such situation.
#[derive(Debug, Clone, Copy)]
pub struct Goal {
    /// What is reached.
    pub name: &'static str,
    /// Whether a state has reached it.
    pub reached: fn(&Protocol, &World) -> bool,
}

/// Makes a goal of a question to a view.
macro_rules! goal {
    ($constant:ident, $name:literal, $view:ident => $reached:expr) => {
        #[doc = $name]
        pub(crate) const $constant: Goal = Goal {
            name: concat!("reached: ", $name),
            reached: |protocol, world| {
                protocol.is_first($name, || {
                    let $view = protocol.view(world);
                    $reached
                })
            },
        };
    };
}

goal!(ROTATED, "a rotation is complete", view => view.latest().materials.len() > 1 && seals_new(&view));
goal!(ROTATED_EVERYWHERE, "every active member seals with the new material", view =>
seals_new(&view) && view.latest().active_members().all(|member| {
    let sealing = view.sites.iter().find(|site| site.region == *member).and_then(|site| seals_with(site));
    sealing == view.latest().current
}));
goal!(PROMOTED, "a promotion is committed", view => view.latest().version.epoch.counter > 1);
goal!(PROMOTED_AFTER_LOSS, "the primary is lost and another Region is primary", view =>
    world_lost(&view, "a") && view.latest().primary != region("a"));
goal!(ROTATED_AFTER_LOSS, "a rotation is complete after the loss of the primary", view =>
    world_lost(&view, "a") && view.latest().primary != region("a") && seals_new(&view));
goal!(ABORTED, "a rotation is given up after a promotion (failure case 2)", view =>
    view.latest().materials.iter().any(|m| m.status == MaterialStatus::Aborted));
goal!(ADOPTED_UNKNOWN, "a candidate carries on a record that it had not seen (failure case 5)", view => {
    let promoted = view.committed("b").is_some_and(|c| c.version.epoch.region == region("b"));
    promoted && view.latest().primary == region("b") && view.latest().materials.len() > 1
});
goal!(CONTENDED, "two candidates hold promises at the same time (failure case 9)", view => {
    let promised = |name| view.register(name).and_then(|r| r.promised.clone()).map(|e| (e.counter > 1, e.region));
    view.scenario.voters.iter().any(|name| promised(name) == Some((true, region("b"))))
        && view.scenario.voters.iter().any(|name| promised(name) == Some((true, region("c"))))
});
goal!(SECOND_PROMOTION, "a second promotion follows the first", view =>
    committed_epochs(&view.history) > 2);
goal!(EVICTED, "a member is evicted", view => !view.latest().is_member(&region("c")));
goal!(ROTATED_WITHOUT_EVICTED, "a rotation is complete without the evicted member", view =>
    !view.latest().is_member(&region("c")) && seals_new(&view));
goal!(EVICTED_SEALS_ON, "an evicted Region that does not know seals with the older material (failure case 7)", view =>
    !view.latest().is_member(&region("c")) && seals_new(&view) && seals_with(view.site("c")).is_some());
goal!(REJOINED, "an evicted member is active again", view => {
    let was_away = view.history.committed.values().any(|r| !r.is_member(&region("c")));
    was_away && view.latest().is_active_member(&region("c"))
});
goal!(JOINED, "a new member is active", view => view.latest().is_active_member(&region("c")));
goal!(JOINED_DURING_ROTATION, "a member joins during a rotation (failure case 13)", view =>
    view.latest().is_active_member(&region("c")) && view.latest().staged().is_some());
goal!(HANDED_OVER, "a handoff is complete", view => view.latest().primary == region("b"));
goal!(UPDATING, "a handoff is under way", view => matches!(view.latest().phase, Phase::Updating { .. }));
goal!(TAKEN_BACK, "the old primary takes an unfinished handoff back (failure case 11)", view =>
    view.latest().primary == region("a") && view.latest().version.epoch.counter > 1);
goal!(DESERTED, "a voter has promised the key to a candidate that is lost, and the primary has not", view => {
    let promised = |name| view.register(name).and_then(|r| r.promised.as_ref()).map(|e| e.region.clone());
    world_lost(&view, "b") && promised("w") == Some(region("b")) && promised("a") == Some(region("a"))
});
goal!(RECLAIMED, "the primary takes back a key that a candidate has left", view => {
    let left = view.history.committed.values().all(|record| record.primary == region("a"));
    left && view.latest().version.epoch.counter > 1
});
goal!(DESTROYED, "the key is destroyed", view => view.latest().is_destroyed());
goal!(PRIMARY_WAITS, "the primary waits for its replicas (failure case 20)", view =>
    view.key("a").is_some_and(|k| matches!(k.lifecycle, Lifecycle::PendingReplicaDeletion { .. })));
goal!(CANCELLED, "a deletion is cancelled", view =>
    view.key("a").is_some_and(|k| k.lifecycle == Lifecycle::Disabled));
goal!(AWAY_WHILE_DESTROYED, "the key is destroyed while a Region still holds it (failure case 19)", view =>
    view.latest().is_destroyed() && view.key("b").is_some_and(|k| !k.held.is_empty()));
goal!(BURIED_LATE, "a Region that missed the deletion shows its full window without material", view =>
    view.register("b").is_some_and(|r| r.is_destroyed())
        && view.key("b").is_some_and(|k| matches!(k.lifecycle, Lifecycle::PendingDeletion { .. })));
goal!(GONE_EVERYWHERE, "no Region has the key any more", view =>
    view.sites.iter().all(|site| site.state.key(&crate::names::key_id()).is_none()));
goal!(RESTORED, "a Region is back at an earlier state", view => view.world.restored != 0);
goal!(RESTORED_BEHIND, "a restored Region is behind a completed rotation", view =>
    view.world.restored != 0 && seals_new(&view));
goal!(RESTORED_AFTER_TOMBSTONE, "a destroyed key comes back with a restored Region and is buried again", view =>
view.world.restored != 0 && view.scenario.voters.iter().enumerate().any(|(place, name)| {
    view.world.restored & (1 << place) != 0 && view.register(name).is_some_and(|r| r.is_destroyed())
}));
goal!(FORCED, "a promotion without a majority takes effect", view => view.history.forced);
goal!(SPLIT, "both sides of an unsafe promotion have activated a material of their own", view => {
    let known: std::collections::BTreeSet<_> = view.sites.iter().filter_map(|site| seals_with(site)).collect();
    view.history.forced && known.len() > 1
});
goal!(MERGED, "the winner has adopted what was active on the other side", view =>
    view.history.forced && view.latest().unsafe_promotions > 0 && view.latest().version.n > 1
        && view.latest().materials.iter().any(|m| m.status == MaterialStatus::Active && Some(m.id) != view.latest().current)
        && view.latest().materials.len() > 1);

goal!(IMPORT_PENDING, "an imported material waits for another Region's import", view =>
    view.latest().materials.iter().any(|m| m.status == MaterialStatus::PendingMultiRegionImport));
goal!(IMPORTED_EVERYWHERE, "an imported material is everywhere and waits for its rotation", view =>
    view.latest().materials.iter().any(|m| m.status == MaterialStatus::PendingRotation));
goal!(DIRECTORY_CHANGED, "another directory is in force", view =>
    view.sites.iter().any(|site| generation(site) > 1));
goal!(ESTRANGED, "the primary goes by an older directory and still counts a removed Region as a member", view =>
    generation(view.site("a")) == 1 && generation(view.site("b")) > 1
        && view.committed("a").is_some_and(|record| record.is_member(&region("c"))));
goal!(DIRECTORY_CONTENDED, "two Regions hold ballots for the next directory at the same time", view => {
    let ballots = view.sites.iter().filter_map(|site| site.state.next_directory_promise());
    ballots.map(|ballot| &ballot.region).collect::<std::collections::BTreeSet<_>>().len() > 1
});
goal!(REMOVED_KNOWS, "a Region that was removed knows it", view =>
    view.sites.iter().any(|site| !site.state.is_in_directory()));
goal!(ROTATED_ALONE, "a rotation is complete with the only Region that is left", view =>
    view.latest().members.len() == 1 && seals_new(&view));
goal!(REPLACED, "a Region is back with an empty disk and has a vote again", view => back(&view).next().is_some());
goal!(REPLACED_IS_MEMBER, "a Region that is back is an active member again", view =>
    back(&view).any(|site| view.latest().is_active_member(&site.region)));

goal!(GIVEN_UP, "a key that left the deployment with its primary is given up", view => view.latest().is_given_up());
goal!(GIVEN_UP_JOINING, "a replica that was not active yet is given up with its key", view =>
    view.latest().is_given_up() && view.key("b").is_some());
goal!(KEPT, "the primary left, and a holder that the others did not know of has the key", view =>
    view.latest().primary == region("b") && view.sites.iter().any(|site| generation(site) > 1));

fn generation(site: &crate::Site) -> u64 {
    site.state.directory().map_or(0, |directory| directory.generation)
}

/// Regions that lost everything, came back, and vote.
fn back<'a>(view: &'a View<'_>) -> impl Iterator<Item = &'a crate::Site> {
    let places = view.sites.iter().enumerate();
    places
        .filter(|(place, site)| view.world.rebuilt & (1 << place) != 0 && site.state.has_vote())
        .map(|(_, site)| &**site)
}

fn seals_new(view: &View<'_>) -> bool {
    view.latest().current.is_some_and(|id| crate::names::number(&id) > 1)
}

fn world_lost(view: &View<'_>, name: &str) -> bool {
    view.scenario
        .voters
        .iter()
        .position(|voter| *voter == name)
        .is_some_and(|place| !view.world.is_alive(place))
}

fn committed_epochs(history: &History) -> usize {
    history.committed.keys().map(|version| &version.epoch).collect::<std::collections::BTreeSet<_>>().len()
}
