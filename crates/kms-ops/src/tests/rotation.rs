use kms_state::Outcome;
use kms_types::{IncludeKeyMaterial, RotationType};

use super::{
    fixture::{Fixture, START},
    requests::{
        cancel, disable, disable_rotation, enable, enable_rotation, list_rotations, rotate, rotation_status,
        schedule,
    },
};
use crate::{Error, Quota, Response, due_proposals, list_key_rotations};

fn status(f: &mut Fixture, key: &kms_types::KeyId) -> crate::get_key_rotation_status::Response {
    match f.call(rotation_status(key)) {
        Ok(Response::GetKeyRotationStatus(response)) => response,
        other => panic!("{other:?}"),
    }
}

/// Applies what falls due, and returns how much did.
fn due(f: &mut Fixture) -> usize {
    let (mut env, view) = f.env();
    let proposals = due_proposals(view, &mut env, 1);
    for proposal in &proposals {
        assert_eq!(f.apply(proposal), Outcome::Applied);
        let repeated = f.state.hash();
        assert_eq!(f.apply(proposal), Outcome::Applied);
        assert_eq!(f.state.hash(), repeated, "B4: a repeated proposal has one effect");
    }
    proposals.len()
}

#[test]
fn the_schedule_is_set_changed_and_cleared() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    assert!(!status(&mut f, &key).key_rotation_enabled);
    f.call(disable_rotation(&key)).unwrap();
    for days in [89, 2561] {
        assert!(matches!(f.call(enable_rotation(&key, Some(days))), Err(Error::Validation(_))));
    }
    f.call(enable_rotation(&key, None)).unwrap();
    let set = status(&mut f, &key);
    assert_eq!(
        (set.rotation_period_in_days, set.next_rotation_date),
        (Some(365), Some(START.plus_days(365)))
    );
    f.pass_days(10);
    f.call(enable_rotation(&key, None)).unwrap();
    assert_eq!(
        status(&mut f, &key).next_rotation_date,
        Some(START.plus_days(365)),
        "the same period changes nothing"
    );
    f.call(enable_rotation(&key, Some(90))).unwrap();
    assert_eq!(status(&mut f, &key).next_rotation_date, Some(START.plus_days(100)));
    f.call(disable_rotation(&key)).unwrap();
    let cleared = status(&mut f, &key);
    assert!(!cleared.key_rotation_enabled && cleared.next_rotation_date.is_none());
}

#[test]
fn automatic_rotation_happens_when_due_and_only_then() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    f.call(enable_rotation(&key, Some(90))).unwrap();
    f.pass_days(89);
    assert_eq!(due(&mut f), 0);
    f.pass_days(1);
    assert_eq!(due(&mut f), 1);
    assert_eq!(due(&mut f), 0);
    assert_eq!(status(&mut f, &key).next_rotation_date, Some(START.plus_days(180)));
    let Ok(Response::ListKeyRotations(listed)) = f.call(list_rotations(&key)) else { panic!() };
    assert_eq!(listed.rotations.len(), 1);
    assert_eq!(listed.rotations[0].rotation_type, Some(RotationType::Automatic));
    assert_eq!(listed.rotations[0].rotation_date, Some(START.plus_days(90)));
}

/// Section 5.2: a disabled key does not rotate, and catches up at once when it is enabled again.
#[test]
fn a_disabled_key_rotates_when_it_is_enabled_again() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    f.call(enable_rotation(&key, Some(90))).unwrap();
    f.call(disable(&key)).unwrap();
    f.pass_days(500);
    assert_eq!(due(&mut f), 0);
    assert!(status(&mut f, &key).key_rotation_enabled);
    f.call(enable(&key)).unwrap();
    assert_eq!(due(&mut f), 1);
    assert_eq!(status(&mut f, &key).next_rotation_date, Some(START.plus_days(540)));
}

#[test]
fn while_deletion_is_pending_the_status_reads_false() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    f.call(enable_rotation(&key, None)).unwrap();
    f.call(schedule(&key, None)).unwrap();
    assert!(!status(&mut f, &key).key_rotation_enabled);
    f.call(cancel(&key)).unwrap();
    assert!(status(&mut f, &key).key_rotation_enabled);
}

#[test]
fn on_demand_rotations_are_counted_and_leave_the_schedule() {
    let mut f = Fixture::new();
    let key = f.single();
    f.call(enable_rotation(&key.key_id, None)).unwrap();
    for _ in 0..25 {
        f.call(rotate(&key.key_id)).unwrap();
    }
    let quota = Quota::OnDemandRotations { arn: key.arn.clone() };
    assert_eq!(f.call(rotate(&key.key_id)).unwrap_err(), Error::LimitExceeded(quota));
    assert_eq!(status(&mut f, &key.key_id).next_rotation_date, Some(START.plus_days(365)));
    let mut seen = Vec::new();
    let mut marker = None;
    loop {
        let request = list_key_rotations::Request {
            include_key_material: Some(IncludeKeyMaterial::AllKeyMaterial),
            limit: Some(10),
            marker,
            ..list_rotations(&key.key_id)
        };
        let Ok(Response::ListKeyRotations(page)) = f.call(request) else { panic!() };
        seen.extend(page.rotations);
        marker = page.next_marker;
        if marker.is_none() {
            break;
        }
    }
    assert_eq!(seen.len(), 26);
    assert_eq!(Some(seen[0].key_material_id), key.current_key_material_id);
    assert!(seen[0].rotation_date.is_none() && seen[1..].iter().all(|r| r.rotation_date.is_some()));
}

#[test]
fn on_demand_rotation_keeps_clear_of_an_automatic_one() {
    let mut f = Fixture::new();
    let key = f.single();
    f.call(enable_rotation(&key.key_id, Some(90))).unwrap();
    f.pass_days(90);
    assert_eq!(f.call(rotate(&key.key_id)).unwrap_err(), Error::Conflict { arn: key.arn });
    assert_eq!(due(&mut f), 1);
    f.call(rotate(&key.key_id)).unwrap();
}

/// C6: a primary that was replaced, and does not know it yet, must not say that a schedule is off.
#[test]
fn disabling_what_is_off_is_agreed_between_regions_all_the_same() {
    let (mut primary, mut replica, key) = Fixture::replicated();
    let before = primary.committed(&key).version;
    primary.call(disable_rotation(&key)).unwrap();
    assert!(primary.committed(&key).version > before);
    assert!(matches!(replica.call(disable_rotation(&key)), Err(Error::NotPrimary { .. })));
}

/// Section 5.5: the schedule is a shared property, and whoever is primary follows it.
#[test]
fn the_schedule_moves_with_the_primary() {
    let (mut old, mut new, key) = Fixture::replicated();
    old.call(enable_rotation(&key, Some(90))).unwrap();
    let epoch = kms_types::Epoch { counter: 2, region: super::fixture::region("eu-west-1") };
    let promoted = old.committed(&key).promote(epoch).unwrap();
    for f in [&mut old, &mut new] {
        f.learn(&promoted);
        f.pass_days(90);
    }
    assert_eq!(status(&mut new, &key).next_rotation_date, Some(START.plus_days(90)));
    let proposals = |f: &mut Fixture| {
        let (mut env, view) = f.env();
        (due_proposals(view, &mut env, 1).len(), view.due(view.region_time()).count())
    };
    assert_eq!(proposals(&mut old), (0, 0));
    assert_eq!(proposals(&mut new), (1, 1));
}

/// A Region that was away for long, or whose virtual clock jumped, rotates once and goes on by its old dates.
#[test]
fn a_long_jump_rotates_once_and_keeps_the_grid() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    f.call(enable_rotation(&key, Some(90))).unwrap();
    f.pass_days(400);
    assert_eq!((due(&mut f), due(&mut f)), (1, 0));
    assert_eq!(status(&mut f, &key).next_rotation_date, Some(START.plus_days(450)));
}

#[test]
fn a_key_that_is_pending_deletion_does_not_rotate_and_catches_up_when_it_is_enabled() {
    let mut f = Fixture::new();
    let key = f.single().key_id;
    f.call(enable_rotation(&key, Some(90))).unwrap();
    f.pass_days(80);
    f.call(schedule(&key, Some(30))).unwrap();
    f.pass_days(20);
    assert_eq!(due(&mut f), 0);
    f.call(cancel(&key)).unwrap();
    assert_eq!(due(&mut f), 0, "cancelling leaves it disabled");
    f.call(enable(&key)).unwrap();
    assert_eq!(due(&mut f), 1);
}

#[test]
fn a_marker_of_rotations_belongs_to_its_key_and_filter() {
    let mut f = Fixture::new();
    let (one, two) = (f.single().key_id, f.single().key_id);
    for key in [&one, &two] {
        f.call(rotate(key)).unwrap();
        f.call(rotate(key)).unwrap();
    }
    let page = |f: &mut Fixture, key, include, marker| {
        let request = list_key_rotations::Request {
            include_key_material: include,
            limit: Some(1),
            marker,
            ..list_rotations(key)
        };
        f.call(request)
    };
    let Ok(Response::ListKeyRotations(first)) = page(&mut f, &one, None, None) else { panic!() };
    assert!(page(&mut f, &one, None, first.next_marker.clone()).is_ok());
    let all = Some(IncludeKeyMaterial::AllKeyMaterial);
    assert_eq!(page(&mut f, &one, all, first.next_marker.clone()).unwrap_err(), Error::InvalidMarker);
    assert_eq!(page(&mut f, &two, None, first.next_marker).unwrap_err(), Error::InvalidMarker);
}
