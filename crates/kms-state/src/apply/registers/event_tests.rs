//! What the service did by itself is noted once per Region, in the entry that has the effect (docs/adr/0009).

use kms_types::{RotationType, Timestamp};

use super::fixture::{TestRegion, epoch, info, key_id, material_id, new_material, region, requested, seed};
use crate::{
    Command, ControlRecord, InstallMaterial, Lifecycle, MaterialStatus, Membership, NewMaterial, Outcome,
    ServiceAct, ServiceEventId, State,
};

const NOW: Timestamp = Timestamp::from_millis(1_000);

/// Everything noted since the last call, which is then forgotten as if it was recorded.
fn noted(region: &mut TestRegion) -> Vec<ServiceAct> {
    let (ids, acts): (Vec<ServiceEventId>, Vec<ServiceAct>) =
        region.state.service_events().map(|(id, event)| (*id, event.act.clone())).unzip();
    assert_eq!(region.run(Command::ForgetServiceEvents { events: ids }), Outcome::Applied);
    assert_eq!(region.state.service_events().count(), 0);
    acts
}

fn install(n: u8, record: &ControlRecord) -> Command {
    let material = NewMaterial { ..new_material(n) };
    let one = InstallMaterial { key: key_id(), material, version: record.version.clone() };
    Command::InstallMaterials { materials: vec![one] }
}

/// `b` as an active replica of `a`'s key; what was noted until then is forgotten.
fn replicated() -> (TestRegion, TestRegion) {
    let (mut a, mut b) = (TestRegion::with_key(), TestRegion::new("b"));
    let joining = a.change(&a.committed().replicate(region("b"), *seed()).unwrap(), None);
    b.commit(&joining);
    b.run(install(1, &joining));
    assert_eq!(noted(&mut b), [ServiceAct::ReplicaCreated { requested: requested() }]);
    let active = a.change(&joining.admit(&region("b")).unwrap(), None);
    b.commit(&active);
    assert_eq!(noted(&mut a), [ServiceAct::Synchronized, ServiceAct::Synchronized]);
    assert!(noted(&mut b).is_empty());
    (a, b)
}

#[test]
fn every_member_notes_a_rotation_when_it_takes_effect_and_not_before() {
    let (mut a, mut b) = replicated();
    let staged = a.committed().stage(info(2, MaterialStatus::Staged), NOW).unwrap();
    a.change(&staged, Some(new_material(2)));
    b.commit(&staged);
    b.run(install(2, &staged));
    assert_eq!(noted(&mut a), [ServiceAct::Synchronized]);
    assert!(noted(&mut b).is_empty());
    let active = a.change(&staged.activate(&material_id(2), NOW).unwrap(), None);
    b.commit(&active);
    let rotated = ServiceAct::Rotated {
        rotation: RotationType::OnDemand,
        origin: active.origin,
        previous: Some(material_id(1)),
        current: material_id(2),
    };
    assert_eq!(noted(&mut a), [rotated.clone(), ServiceAct::Synchronized]);
    assert_eq!(noted(&mut b), [rotated]);
    for region in [&mut a, &mut b] {
        region.commit(&active);
        assert!(noted(region).is_empty(), "C7: a record that is learned again");
    }
}

#[test]
fn the_successor_notes_the_change_of_the_primary_with_its_caller() {
    let (mut a, mut b) = replicated();
    let updating = a.change(&a.committed().update_primary(region("b"), NOW, requested()).unwrap(), None);
    b.commit(&updating);
    let promoted = updating.promote(epoch(2, "b")).unwrap();
    a.commit(&promoted);
    b.commit(&promoted);
    assert_eq!(noted(&mut b), [ServiceAct::BecamePrimary { requested: requested() }]);
    assert!(noted(&mut a).is_empty());
    let back = promoted.promote(epoch(3, "a")).unwrap();
    a.commit(&back);
    assert!(noted(&mut a).is_empty(), "an operator's promotion is recorded as a command");
}

#[test]
fn the_end_of_a_window_is_noted_where_the_key_goes() {
    let (mut a, mut b) = replicated();
    b.change_key(|key| key.lifecycle = Lifecycle::PendingDeletion { delete_at: NOW, window_days: 7 });
    let removed = a.change(&a.committed().remove(&region("b")).unwrap(), None);
    b.commit(&removed);
    assert!(noted(&mut b).is_empty());
    assert_eq!(b.run(Command::DestroyKey { key: key_id() }), Outcome::Applied);
    assert_eq!(noted(&mut b), [ServiceAct::Deleted]);
    assert!(!removed.members.values().any(|m| matches!(m, Membership::Joining(_))));
}

#[test]
fn events_survive_a_restart_and_a_repeated_entry_notes_nothing() {
    let (mut a, mut b) = replicated();
    let staged = a.committed().stage(info(2, MaterialStatus::Staged), NOW).unwrap();
    a.change(&staged, Some(new_material(2)));
    b.commit(&staged);
    let restored = State::restore(a.state.records()).unwrap();
    assert!(restored.service_events().eq(a.state.service_events()));
    assert_eq!(restored.hash(), a.state.hash());
    let (id, event) = a.state.service_events().next().unwrap();
    assert_eq!((id.number, event.key, event.at), (0, key_id(), NOW));
    assert!(id.index > 0);
}
