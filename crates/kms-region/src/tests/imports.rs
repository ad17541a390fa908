//! Keys with imported material (rules 4, 5, 7 and 14; sections 5.5 and 7): the record carries ids and commitments, every
//! Region is given the bytes by its own caller, and nothing becomes current that a member lacks.

use kms_state::{
    Command, ControlRecord, ImportDetails, ImportMaterial, MaterialInfo, MaterialStatus, Outcome, Refusal,
};
use kms_types::{ImportType, KeyOrigin, KeyState, Timestamp};

use super::world::{World, key_id, material_id, new_material, region};
use crate::{Alarm, Force, Input, Message, Offer, Output, Want};

const ALL: [&str; 4] = ["a", "b", "c", "w"];

fn info(n: u8) -> MaterialInfo {
    let material = new_material(n);
    MaterialInfo {
        id: material.id,
        commitment: material.commitment,
        public_key: material.public_key,
        status: MaterialStatus::Staged,
        created_at: Timestamp::from_millis(u64::from(n)),
        rotated_at: None,
        rotation_type: None,
    }
}

fn import(n: u8, import_type: ImportType, valid_to: Option<Timestamp>) -> Box<ImportMaterial> {
    let details = ImportDetails { valid_to, description: None };
    Box::new(ImportMaterial { key: key_id(), material: new_material(n), import_type, details })
}

impl World {
    /// Three Regions with an imported key; each holds material 1.
    fn imported() -> Self {
        let mut world = Self::with_origin(&ALL, KeyOrigin::External);
        world.import_new("a", 1, None);
        for name in ["b", "c"] {
            world.replicate("a", name);
            world.settle(2_000);
            world.import_existing(name, 1);
        }
        world
    }

    fn import_new(&mut self, primary: &str, n: u8, valid_to: Option<Timestamp>) {
        let base = self.committed(primary);
        let record = Box::new(base.import(info(n)).unwrap());
        let import = import(n, ImportType::NewKeyMaterial, valid_to);
        let outcome = self.run(primary, Command::ProposeImport { record, base: base.version, import });
        assert!(matches!(outcome, Outcome::RecordProposed { .. }), "{outcome:?}");
        self.settle(2_000);
    }

    fn import_existing(&mut self, name: &str, n: u8) {
        let import = import(n, ImportType::ExistingKeyMaterial, None);
        assert_eq!(self.run(name, Command::ImportMaterial(import)), Outcome::Applied);
        self.settle(2_000);
    }

    fn delete(&mut self, name: &str, n: u8) -> Outcome {
        let command = Command::DeleteImportedMaterial { key: key_id(), material: material_id(n) };
        let outcome = self.run(name, command);
        self.settle(2_000);
        outcome
    }

    fn change(&mut self, primary: &str, change: impl FnOnce(&ControlRecord) -> ControlRecord) {
        let record = change(&self.committed(primary));
        let outcome = self.propose(primary, record, None);
        assert!(matches!(outcome, Outcome::RecordProposed { .. }), "{outcome:?}");
    }

    fn rotate_imported(&mut self, primary: &str, n: u8) {
        let now = self.now;
        self.change(primary, |record| record.rotate_imported(&material_id(n), now, 25).unwrap());
    }

    fn status(&self, name: &str, n: u8) -> Option<MaterialStatus> {
        self.committed(name).materials.iter().find(|m| m.id == material_id(n)).map(|m| m.status)
    }

    fn shown(&self, name: &str) -> KeyState {
        self.key(name).state(&region(name))
    }
}

#[test]
fn a_key_waits_for_its_first_import_and_its_replicas_wait_for_theirs() {
    let mut world = World::with_origin(&ALL, KeyOrigin::External);
    assert_eq!((world.shown("a"), world.committed("a").current), (KeyState::PendingImport, None));
    world.import_new("a", 1, None);
    assert_eq!((world.shown("a"), world.committed("w").current), (KeyState::Enabled, Some(material_id(1))));
    world.replicate("a", "b");
    world.settle(3_000);
    assert!(world.assert_converged().is_active_member(&region("b")));
    assert_eq!(world.shown("b"), KeyState::PendingImport);
    world.import_existing("b", 1);
    assert_eq!(world.shown("b"), KeyState::Enabled);
}

#[test]
fn rule_14_imported_material_is_neither_asked_for_nor_handed_out() {
    let mut world = World::with_origin(&ALL, KeyOrigin::External);
    world.import_new("a", 1, None);
    world.replicate("a", "b");
    world.settle(10_000);
    assert!(!world.holds("b", 1));
    assert!(!world.delivered.contains_key("offer") && !world.delivered.contains_key("material"));
    let want = Want {
        key: key_id(),
        material: material_id(1),
        commitment: new_material(1).commitment,
        version: world.committed("a").version,
    };
    let receiver = kms_crypto::ReceiverKey::generate(&mut super::world::Zeros).public().clone();
    let offer = Offer { receiver, expires_at: Timestamp::from_millis(u64::MAX), wants: vec![want] };
    let now = world.now;
    let machine = world.site("a").machine.as_mut().unwrap();
    machine.handle(Input::Message { from: region("b"), message: Message::Offer(offer) }, now);
    assert!(std::iter::from_fn(|| machine.poll_output()).all(|o| !matches!(o, Output::SendMaterials { .. })));
    // Nor does the log take it, whoever put it there.
    let install = kms_state::InstallMaterial {
        key: key_id(),
        material: new_material(1),
        version: world.committed("b").version,
    };
    let outcome = world.run("b", Command::InstallMaterials { materials: vec![install] });
    assert!(matches!(outcome, Outcome::Refused(Refusal::MaterialNotWanted { .. })));
    assert!(!world.holds("b", 1));
}

#[test]
fn c4_a_replica_takes_only_the_bytes_that_the_record_names() {
    let mut world = World::imported();
    let mut other = import(1, ImportType::ExistingKeyMaterial, None);
    other.material.commitment = new_material(9).commitment;
    let outcome = world.run("b", Command::ImportMaterial(other));
    assert!(matches!(outcome, Outcome::Refused(Refusal::MaterialNotWanted { .. })));
    let unknown = import(2, ImportType::ExistingKeyMaterial, None);
    let outcome = world.run("b", Command::ImportMaterial(unknown));
    assert!(matches!(outcome, Outcome::Refused(Refusal::MaterialNotWanted { .. })));
    for name in ["a", "b"] {
        let new = import(2, ImportType::NewKeyMaterial, None);
        let outcome = world.run(name, Command::ImportMaterial(new));
        assert!(matches!(outcome, Outcome::Refused(Refusal::MultiRegion(_))), "only by the record");
    }
}

#[test]
fn rule_4_a_new_import_rotates_once_every_member_has_it() {
    let mut world = World::imported();
    world.import_new("a", 2, None);
    assert_eq!(world.status("a", 2), Some(MaterialStatus::PendingMultiRegionImport));
    world.import_existing("b", 2);
    assert_eq!(world.status("a", 2), Some(MaterialStatus::PendingMultiRegionImport), "c is awaited");
    let early = world.committed("a").rotate_imported(&material_id(2), world.now, 25);
    assert!(early.is_err(), "no rotation before");
    world.import_existing("c", 2);
    assert_eq!(world.assert_converged().current, Some(material_id(1)), "nor by itself");
    assert_eq!(world.status("b", 2), Some(MaterialStatus::PendingRotation));
    world.rotate_imported("a", 2);
    world.settle(2_000);
    let record = world.assert_converged();
    assert_eq!((record.current, record.rotation.on_demand_count), (Some(material_id(2)), 1));
    assert!(["a", "b", "c"].iter().all(|name| world.shown(name) == KeyState::Enabled));
}

#[test]
fn rule_4_a_member_that_loses_a_pending_import_is_awaited_again() {
    let mut world = World::imported();
    world.import_new("a", 2, None);
    world.import_existing("b", 2);
    world.import_existing("c", 2);
    assert_eq!(world.status("a", 2), Some(MaterialStatus::PendingRotation));
    assert_eq!(world.delete("b", 2), Outcome::Applied);
    assert_eq!(world.status("a", 2), Some(MaterialStatus::PendingMultiRegionImport));
    assert!(world.holds("a", 2) && world.holds("c", 2), "only there");
    world.import_existing("b", 2);
    assert_eq!(world.status("a", 2), Some(MaterialStatus::PendingRotation));
}

#[test]
fn rule_4_a_rotation_holds_until_a_member_that_lost_the_material_has_it_again() {
    let mut world = World::imported();
    world.import_new("a", 2, None);
    world.import_existing("b", 2);
    world.import_existing("c", 2);
    world.cut_off("b");
    assert_eq!(world.delete("b", 2), Outcome::Applied);
    world.rotate_imported("a", 2);
    world.heal();
    world.settle(3_000);
    assert_eq!(world.assert_converged().current, Some(material_id(1)));
    assert_eq!(world.status("a", 2), Some(MaterialStatus::Staged));
    assert_eq!(world.delete("c", 2), Outcome::Refused(Refusal::RotationInProgress(key_id())));
    world.import_existing("b", 2);
    assert_eq!(world.assert_converged().current, Some(material_id(2)));
}

#[test]
fn rule_5_a_new_replica_is_awaited_too() {
    let mut world = World::with_origin(&ALL, KeyOrigin::External);
    world.import_new("a", 1, None);
    world.import_new("a", 2, None);
    assert_eq!(world.status("a", 2), Some(MaterialStatus::PendingRotation), "nobody else to wait for");
    world.replicate("a", "b");
    world.settle(3_000);
    assert_eq!(world.status("a", 2), Some(MaterialStatus::PendingMultiRegionImport));
    world.import_existing("b", 1);
    world.import_existing("b", 2);
    assert_eq!(world.status("a", 2), Some(MaterialStatus::PendingRotation));
    world.rotate_imported("a", 2);
    world.settle(2_000);
    assert_eq!(world.assert_converged().current, Some(material_id(2)));
    assert_eq!(world.delete("b", 1), Outcome::Applied);
    assert_eq!((world.shown("b"), world.shown("a")), (KeyState::PendingImport, KeyState::Enabled));
}

#[test]
fn a_pending_import_that_the_primary_takes_back_is_gone_everywhere() {
    let mut world = World::imported();
    world.import_new("a", 2, None);
    world.import_existing("b", 2);
    world.change("a", |record| record.forget(&material_id(2)).unwrap());
    world.settle(2_000);
    assert_eq!(world.assert_converged().materials.len(), 1);
    assert!(["a", "b", "c"].iter().all(|name| !world.holds(name, 2)));
    assert!(world.key("b").imports.keys().all(|id| *id == material_id(1)));
    world.import_new("a", 2, None);
    assert_eq!(world.status("a", 2), Some(MaterialStatus::PendingMultiRegionImport), "it may come again");
}

#[test]
fn an_active_material_is_never_taken_back() {
    let mut world = World::imported();
    assert!(world.committed("a").forget(&material_id(1)).is_err());
    let mut record = world.committed("a").set_automatic_rotation(None).unwrap();
    record.materials.clear();
    let outcome = world.propose("a", record, None);
    assert!(matches!(outcome, Outcome::Refused(Refusal::MaterialNotWanted { .. })), "C3");
}

#[test]
fn expiry_is_a_matter_of_one_region() {
    let mut world = World::imported();
    let soon = world.now.plus_days(1);
    let again = import(1, ImportType::ExistingKeyMaterial, Some(soon));
    assert_eq!(world.run("b", Command::ImportMaterial(again)), Outcome::Applied);
    let expire = || Command::ExpireMaterials { key: key_id() };
    assert_eq!(world.run("b", expire()), Outcome::Refused(Refusal::NotDue(key_id())));
    world.pass_days(2);
    assert_eq!(world.state("b").due(world.now).next(), Some(key_id()));
    assert_eq!(world.run("b", expire()), Outcome::Applied);
    assert!(!world.holds("b", 1) && world.holds("a", 1));
    assert_eq!((world.shown("b"), world.shown("a")), (KeyState::PendingImport, KeyState::Enabled));
    world.import_existing("b", 1);
    assert_eq!(world.shown("b"), KeyState::Enabled);
}

#[test]
fn a_pending_import_that_expires_at_the_primary_is_given_up() {
    let mut world = World::imported();
    let soon = world.now.plus_days(1);
    world.import_new("a", 2, Some(soon));
    world.import_existing("b", 2);
    world.pass_days(2);
    assert_eq!(world.run("a", Command::ExpireMaterials { key: key_id() }), Outcome::Applied);
    world.settle(3_000);
    assert_eq!(world.assert_converged().materials.len(), 1);
    assert!(!world.holds("b", 2));
    assert!(world.alarms.iter().any(|(_, a)| matches!(a, Alarm::ImportGivenUp { .. })));
}

#[test]
fn case_2_after_a_promotion_a_pending_import_that_the_new_primary_holds_goes_on() {
    let mut world = World::imported();
    world.import_new("a", 2, None);
    world.import_existing("b", 2);
    world.stop("a");
    world.promote("b", Force::Safe, 1);
    world.settle(2_000);
    world.import_existing("c", 2);
    assert_eq!(world.status("b", 2), Some(MaterialStatus::PendingMultiRegionImport), "a is still a member");
    world.evict("b", "a", 2);
    world.settle(3_000);
    assert_eq!(world.status("b", 2), Some(MaterialStatus::PendingRotation));
    world.rotate_imported("b", 2);
    world.settle(2_000);
    assert_eq!(world.committed("c").current, Some(material_id(2)));
}

#[test]
fn case_2_a_pending_import_that_went_with_the_old_primary_is_given_up() {
    let mut world = World::imported();
    world.import_new("a", 2, None);
    world.import_existing("c", 2);
    world.stop("a");
    world.promote("b", Force::Safe, 1);
    world.settle(3_000);
    assert_eq!(world.status("c", 2), None);
    assert!(!world.holds("c", 2));
    assert_eq!(world.shown("b"), KeyState::Enabled, "what was ever active is not touched");
    world.import_new("b", 3, None);
    assert_eq!(world.status("c", 3), Some(MaterialStatus::PendingMultiRegionImport));
}

#[test]
fn case_2_a_rotation_whose_material_went_with_the_old_primary_is_aborted() {
    let mut world = World::imported();
    world.import_new("a", 2, None);
    world.import_existing("b", 2);
    world.import_existing("c", 2);
    world.cut_off("c");
    assert_eq!(world.delete("c", 2), Outcome::Applied);
    world.rotate_imported("a", 2);
    world.settle(2_000);
    world.heal();
    world.stop("a");
    world.promote("c", Force::Safe, 1);
    world.settle(60_000);
    assert_eq!(world.status("b", 2), Some(MaterialStatus::Aborted));
    assert_eq!(world.committed("b").rotation.on_demand_count, 0, "it does not count");
    world.import_new("c", 2, None);
    assert_eq!(world.status("b", 2), Some(MaterialStatus::PendingMultiRegionImport), "it may come again");
}

#[test]
fn case_7_an_evicted_region_holds_no_imported_material() {
    let mut world = World::imported();
    world.evict("a", "c", 1);
    world.settle(3_000);
    assert!(world.key("c").held.is_empty() && world.key("c").imports.is_empty(), "C8");
    world.replicate("a", "c");
    world.settle(3_000);
    assert_eq!(world.shown("c"), KeyState::PendingImport);
}
