//! Imported material: GetParametersForImport, ImportKeyMaterial, DeleteImportedKeyMaterial, and what they do to the
//! operations around them (sections 5.4, 5.5 and 7).

use kms_crypto::rsa_oaep;
use kms_state::{Command, Outcome};
use kms_types::{
    EncryptionAlgorithm, ExpirationModel, ImportState, ImportType, IncludeKeyMaterial, KeyId,
    KeyMaterialState, KeyOrigin, KeySpec, KeyState, KeyUsage, MaterialId, Region, Timestamp,
    WrappingAlgorithm, WrappingKeySpec,
};
use std::{cell::RefCell, collections::BTreeMap};

use super::{
    fixture::{FOREIGN, Fixture, START, region},
    requests::{
        cancel, create_key, decrypt, describe, disable, disable_rotation, enable, enable_rotation, encrypt,
        list_rotations, replicate, rotate, rotation_status, schedule, update_primary,
    },
};
use crate::{
    Error, ImportFault, KeyMetadata, Quota, Response, RotationEntry, create_key,
    delete_imported_key_material as delete_operation, due_proposals,
    get_parameters_for_import as parameters_operation, import_key_material as import_operation,
    list_key_rotations,
};

const DAY: u64 = 1;

pub(super) fn parameters(key: &KeyId) -> parameters_operation::Request {
    parameters_operation::Request {
        key_id: key.to_string(),
        wrapping_algorithm: WrappingAlgorithm::RsaesOaepSha256,
        wrapping_key_spec: WrappingKeySpec::Rsa2048,
    }
}

pub(super) fn delete(key: &KeyId, material: Option<MaterialId>) -> delete_operation::Request {
    delete_operation::Request { key_id: key.to_string(), key_material_id: material }
}

thread_local! {
    /// What a test was given for each key, while it is valid: a wrapping key takes long to make.
    static GIVEN: RefCell<BTreeMap<(Region, KeyId), parameters_operation::Response>> = RefCell::default();
}

fn given(f: &mut Fixture, key: &KeyId) -> parameters_operation::Response {
    let place = (f.state.region().unwrap().clone(), *key);
    let now = f.state.region_time();
    let known = GIVEN.with_borrow(|given| given.get(&place).cloned());
    known.filter(|given| given.parameters_valid_to > now).unwrap_or_else(|| {
        let Ok(Response::GetParametersForImport(made)) = f.call(parameters(key)) else {
            panic!("no parameters")
        };
        GIVEN.with_borrow_mut(|given| given.insert(place, made.clone()));
        made
    })
}

/// An import whose token nobody made.
pub(super) fn garbage(key: &KeyId) -> import_operation::Request {
    import_operation::Request {
        key_id: key.to_string(),
        import_token: vec![1],
        encrypted_key_material: vec![2],
        valid_to: None,
        expiration_model: Some(ExpirationModel::KeyMaterialDoesNotExpire),
        import_type: None,
        key_material_description: None,
        key_material_id: None,
    }
}

/// An import of `bytes` that does not expire.
fn request(f: &mut Fixture, key: &KeyId, bytes: &[u8]) -> import_operation::Request {
    let given = given(f, key);
    let algorithm = EncryptionAlgorithm::RsaesOaepSha256;
    import_operation::Request {
        import_token: given.import_token,
        encrypted_key_material: rsa_oaep::encrypt(KeySpec::Rsa2048, &given.public_key, algorithm, bytes)
            .unwrap(),
        ..garbage(key)
    }
}

fn run(f: &mut Fixture, request: import_operation::Request) -> Result<Option<MaterialId>, Error> {
    f.call(request).map(|response| match response {
        Response::ImportKeyMaterial(imported) => imported.key_material_id,
        other => panic!("{other:?}"),
    })
}

pub(super) fn import(f: &mut Fixture, key: &KeyId, byte: u8) -> MaterialId {
    let request = request(f, key, &[byte; 32]);
    run(f, request).unwrap().unwrap()
}

fn import_new(f: &mut Fixture, key: &KeyId, byte: u8) -> MaterialId {
    let new = Some(ImportType::NewKeyMaterial);
    let request = import_operation::Request { import_type: new, ..request(f, key, &[byte; 32]) };
    run(f, request).unwrap().unwrap()
}

fn import_until(f: &mut Fixture, key: &KeyId, byte: u8, valid_to: Timestamp) -> Result<MaterialId, Error> {
    let expiring = import_operation::Request {
        valid_to: Some(valid_to),
        expiration_model: None,
        ..request(f, key, &[byte; 32])
    };
    run(f, expiring).map(Option::unwrap)
}

pub(super) fn external(f: &mut Fixture, multi_region: bool) -> KeyMetadata {
    f.create(create_key::Request { origin: Some(KeyOrigin::External), multi_region, ..create_key() })
}

fn shown(f: &mut Fixture, key: &KeyId) -> KeyMetadata {
    match f.call(describe(key)) {
        Ok(Response::DescribeKey(described)) => described.key_metadata,
        other => panic!("{other:?}"),
    }
}

fn rotations(f: &mut Fixture, key: &KeyId) -> Vec<RotationEntry> {
    let all = list_key_rotations::Request {
        include_key_material: Some(IncludeKeyMaterial::AllKeyMaterial),
        ..list_rotations(key)
    };
    match f.call(all) {
        Ok(Response::ListKeyRotations(listed)) => listed.rotations,
        other => panic!("{other:?}"),
    }
}

fn states(f: &mut Fixture, key: &KeyId) -> Vec<KeyMaterialState> {
    rotations(f, key).iter().map(|entry| entry.key_material_state).collect()
}

fn expire(f: &mut Fixture) -> usize {
    let (mut env, view) = f.env();
    let proposals = due_proposals(view, &mut env, 1);
    for proposal in &proposals {
        assert_eq!(f.apply(proposal), Outcome::Applied);
    }
    proposals.len()
}

#[test]
fn the_first_import_makes_the_key_usable() {
    let mut f = Fixture::new();
    let created = external(&mut f, false);
    assert_eq!((created.key_state, created.enabled), (KeyState::PendingImport, false));
    assert_eq!((created.current_key_material_id, created.expiration_model), (None, None));
    let arn = created.arn.clone();
    let pending = Error::invalid_state(&arn, KeyState::PendingImport);
    assert_eq!(f.call(encrypt(&arn, b"x")).unwrap_err(), pending);
    let id = import(&mut f, &created.key_id, 1);
    let now = shown(&mut f, &created.key_id);
    assert_eq!((now.key_state, now.current_key_material_id), (KeyState::Enabled, Some(id)));
    assert_eq!(now.expiration_model, Some(ExpirationModel::KeyMaterialDoesNotExpire));
    let Ok(Response::Encrypt(sealed)) = f.call(encrypt(&arn, b"x")) else { panic!() };
    let Ok(Response::Decrypt(opened)) = f.call(decrypt(&sealed.ciphertext_blob)) else { panic!() };
    assert_eq!((opened.plaintext.bytes(), opened.key_material_id), (&b"x"[..], Some(id)));
}

#[test]
fn parameters_are_refused_where_they_lead_nowhere() {
    let mut f = Fixture::new();
    let own = f.single();
    let refused = f.call(parameters(&own.key_id)).unwrap_err();
    assert_eq!(refused, Error::UnsupportedOrigin { arn: own.arn, origin: KeyOrigin::AwsKms });
    let key = external(&mut f, false).key_id;
    for (wrapping_algorithm, wrapping_key_spec) in [
        (WrappingAlgorithm::RsaesPkcs1V15, WrappingKeySpec::Rsa2048),
        (WrappingAlgorithm::Sm2pke, WrappingKeySpec::Sm2),
        (WrappingAlgorithm::RsaesOaepSha256, WrappingKeySpec::Sm2),
    ] {
        let request =
            parameters_operation::Request { wrapping_algorithm, wrapping_key_spec, ..parameters(&key) };
        assert!(matches!(f.call(request), Err(Error::Unsupported(_))));
    }
    let foreign = f.call_as(FOREIGN, parameters(&key)).unwrap_err();
    assert!(matches!(foreign, Error::AccessDenied { .. } | Error::KeyNotFound { .. }));
    let before = f.state.hash();
    let Ok(Response::GetParametersForImport(given)) = f.call(parameters(&key)) else { panic!() };
    assert_eq!(given.parameters_valid_to, START.plus_days(1));
    assert_eq!(f.state.hash(), before, "nothing is written");
}

#[test]
fn tokens_are_for_one_key_and_one_day() {
    let mut f = Fixture::new();
    let (key, other) = (external(&mut f, false).key_id, external(&mut f, false).key_id);
    let mut foreign = request(&mut f, &other, &[1; 32]);
    foreign.key_id = key.to_string();
    assert_eq!(run(&mut f, foreign).unwrap_err(), Error::InvalidImportToken);
    for token in [vec![1], vec![0; 6144]] {
        let malformed = import_operation::Request { import_token: token, ..request(&mut f, &key, &[1; 32]) };
        assert_eq!(run(&mut f, malformed).unwrap_err(), Error::InvalidImportToken);
    }
    let late = request(&mut f, &key, &[1; 32]);
    f.pass_days(DAY);
    let expired_at = START.plus_days(1);
    assert_eq!(run(&mut f, late).unwrap_err(), Error::ExpiredImportToken { expired_at });
    let mut garbled = request(&mut f, &key, &[1; 32]);
    garbled.encrypted_key_material[9] ^= 1;
    assert_eq!(run(&mut f, garbled).unwrap_err(), Error::InvalidCiphertext);
    let again = request(&mut f, &key, &[1; 32]);
    run(&mut f, again.clone()).unwrap();
    run(&mut f, again).unwrap();
}

#[test]
fn material_of_the_wrong_length_is_incorrect() {
    let mut f = Fixture::new();
    let key = external(&mut f, false);
    for length in [1, 16, 31, 33, 64] {
        let request = request(&mut f, &key.key_id, &vec![1; length]);
        let fault = ImportFault::NotOfSpec { spec: KeySpec::SymmetricDefault };
        let arn = key.arn.clone();
        assert_eq!(run(&mut f, request).unwrap_err(), Error::IncorrectKeyMaterial { arn, fault });
    }
}

#[test]
fn expiry_is_checked_and_carried_out() {
    let mut f = Fixture::new();
    let key = external(&mut f, false).key_id;
    for (valid_to, expiration_model) in [
        (None, None),
        (None, Some(ExpirationModel::KeyMaterialExpires)),
        (Some(START.plus_days(1)), Some(ExpirationModel::KeyMaterialDoesNotExpire)),
        (Some(START), None),
        (Some(START.plus_days(366)), None),
    ] {
        let given = request(&mut f, &key, &[1; 32]);
        let refused = import_operation::Request { valid_to, expiration_model, ..given };
        assert!(matches!(run(&mut f, refused), Err(Error::Validation(_))));
    }
    let id = import_until(&mut f, &key, 1, START.plus_days(365)).unwrap();
    import_until(&mut f, &key, 1, START.plus_days(10)).unwrap();
    let now = shown(&mut f, &key);
    assert_eq!(now.expiration_model, Some(ExpirationModel::KeyMaterialExpires));
    assert_eq!(now.valid_to, Some(START.plus_days(10)), "the second import moved it");
    f.pass_days(9);
    assert_eq!(expire(&mut f), 0);
    f.pass_days(1);
    assert_eq!(expire(&mut f), 1);
    assert_eq!(expire(&mut f), 0);
    let gone = shown(&mut f, &key);
    assert_eq!((gone.key_state, gone.current_key_material_id), (KeyState::PendingImport, Some(id)));
    assert_eq!((gone.expiration_model, gone.valid_to), (None, None));
    assert_eq!(f.key(&key).held.len(), 0, "the bytes are gone");
    assert_eq!(import(&mut f, &key, 1), id);
    assert_eq!(shown(&mut f, &key).key_state, KeyState::Enabled);
}

#[test]
fn deleted_material_comes_back_and_other_material_does_not() {
    let mut f = Fixture::new();
    let created = external(&mut f, false);
    let key = created.key_id;
    let Ok(Response::DeleteImportedKeyMaterial(nothing)) = f.call(delete(&key, None)) else { panic!() };
    assert_eq!(nothing.key_material_id, None);
    let id = import(&mut f, &key, 1);
    let Ok(Response::Encrypt(sealed)) = f.call(encrypt(&key, b"x")) else { panic!() };
    for _ in 0..2 {
        let Ok(Response::DeleteImportedKeyMaterial(deleted)) = f.call(delete(&key, None)) else { panic!() };
        assert_eq!(deleted.key_material_id, Some(id));
        assert_eq!(shown(&mut f, &key).key_state, KeyState::PendingImport);
    }
    let pending = Error::invalid_state(&created.arn, KeyState::PendingImport);
    assert_eq!(f.call(decrypt(&sealed.ciphertext_blob)).unwrap_err(), pending);
    assert_eq!(f.call(enable(&key)).unwrap_err(), pending);
    let other = request(&mut f, &key, &[2; 32]);
    let incorrect = Error::IncorrectKeyMaterial { arn: created.arn.clone(), fault: ImportFault::Unknown };
    assert_eq!(run(&mut f, other).unwrap_err(), incorrect);
    import(&mut f, &key, 1);
    let Ok(Response::Decrypt(opened)) = f.call(decrypt(&sealed.ciphertext_blob)) else { panic!() };
    assert_eq!(opened.plaintext.bytes(), b"x");
    let unknown = MaterialId::from_bytes([9; 32]);
    let not_found = Error::MaterialNotFound { arn: created.arn, material: unknown };
    assert_eq!(f.call(delete(&key, Some(unknown))).unwrap_err(), not_found);
}

#[test]
fn import_types_and_names_must_fit() {
    let mut f = Fixture::new();
    let created = external(&mut f, false);
    let key = created.key_id;
    let incorrect = |fault| Error::IncorrectKeyMaterial { arn: created.arn.clone(), fault };
    let (new, existing) = (Some(ImportType::NewKeyMaterial), Some(ImportType::ExistingKeyMaterial));
    let given = request(&mut f, &key, &[1; 32]);
    let early = import_operation::Request { import_type: existing, ..given.clone() };
    assert_eq!(run(&mut f, early).unwrap_err(), incorrect(ImportFault::Unknown));
    let id = run(&mut f, given.clone()).unwrap().unwrap();
    let again = import_operation::Request { import_type: new, ..given.clone() };
    assert_eq!(run(&mut f, again).unwrap_err(), incorrect(ImportFault::Known));
    let named = import_operation::Request { key_material_id: Some(id), ..given.clone() };
    assert_eq!(run(&mut f, named.clone()).unwrap(), Some(id));
    let new_named = import_operation::Request { import_type: new, ..named };
    assert!(matches!(run(&mut f, new_named), Err(Error::Validation(_))));
    let other = Some(MaterialId::from_bytes([9; 32]));
    let misnamed = import_operation::Request { key_material_id: other, ..given };
    assert_eq!(run(&mut f, misnamed).unwrap_err(), incorrect(ImportFault::OtherThanNamed));
}

#[test]
fn several_materials_rotate_on_demand_and_all_are_needed() {
    let mut f = Fixture::new();
    let created = external(&mut f, false);
    let (key, arn) = (created.key_id, created.arn);
    let first = import(&mut f, &key, 1);
    let Ok(Response::Encrypt(old)) = f.call(encrypt(&key, b"x")) else { panic!() };
    let none = Error::NoPendingMaterial { arn: arn.clone() };
    assert_eq!(f.call(rotate(&key)).unwrap_err(), none);
    let second = import_new(&mut f, &key, 2);
    assert_eq!(shown(&mut f, &key).current_key_material_id, Some(first));
    assert_eq!(states(&mut f, &key), [KeyMaterialState::Current, KeyMaterialState::PendingRotation]);
    let new = Some(ImportType::NewKeyMaterial);
    let third = import_operation::Request { import_type: new, ..request(&mut f, &key, &[3; 32]) };
    let Err(Error::MaterialPending { pending, .. }) = run(&mut f, third.clone()) else { panic!() };
    assert_eq!(pending, second);
    f.call(rotate(&key)).unwrap();
    assert_eq!(shown(&mut f, &key).current_key_material_id, Some(second));
    assert_eq!(states(&mut f, &key), [KeyMaterialState::NonCurrent, KeyMaterialState::Current]);
    assert_eq!(f.call(rotate(&key)).unwrap_err(), none);
    let Ok(Response::ListKeyRotations(listed)) = f.call(list_rotations(&key)) else { panic!() };
    assert_eq!(listed.rotations.len(), 1, "the first material came by no rotation");
    let Ok(Response::Decrypt(opened)) = f.call(decrypt(&old.ciphertext_blob)) else { panic!() };
    assert_eq!(opened.key_material_id, Some(first));
    // One missing is enough: no use at all.
    f.call(delete(&key, Some(first))).unwrap();
    let pending = Error::invalid_state(&arn, KeyState::PendingImport);
    assert_eq!(f.call(encrypt(&key, b"x")).unwrap_err(), pending);
    assert_eq!(f.call(rotate(&key)).unwrap_err(), pending);
    let listed = rotations(&mut f, &key);
    let imported = |n: usize| listed[n].imported.clone().unwrap();
    assert_eq!(imported(0).import_state, ImportState::PendingImport);
    assert_eq!(imported(1).import_state, ImportState::Imported);
    import(&mut f, &key, 1);
    assert_eq!(shown(&mut f, &key).key_state, KeyState::Enabled);
    run(&mut f, third).unwrap();
    // Pending ones do not count, and may be replaced.
    let pending = rotations(&mut f, &key)[2].key_material_id;
    f.call(delete(&key, Some(pending))).unwrap();
    assert_eq!(shown(&mut f, &key).key_state, KeyState::Enabled);
    assert_eq!(rotations(&mut f, &key).len(), 2);
    import_new(&mut f, &key, 4);
}

#[test]
fn pending_material_opens_nothing() {
    let mut f = Fixture::new();
    let (key, twin) = (external(&mut f, false).key_id, external(&mut f, false).key_id);
    import(&mut f, &key, 1);
    import(&mut f, &twin, 2);
    let pending = import_new(&mut f, &key, 2);
    let Ok(Response::Encrypt(sealed)) = f.call(encrypt(&key, b"x")) else { panic!() };
    // The header of version 1: version, suite, kind and key id, material id.
    let mut forged = sealed.ciphertext_blob;
    forged[19..51].copy_from_slice(pending.bytes());
    assert_eq!(f.call(decrypt(&forged)).unwrap_err(), Error::InvalidCiphertext);
}

#[test]
fn a_pending_material_that_expires_is_forgotten() {
    let mut f = Fixture::new();
    let key = external(&mut f, false).key_id;
    import(&mut f, &key, 1);
    let mut expiring = request(&mut f, &key, &[2; 32]);
    expiring.import_type = Some(ImportType::NewKeyMaterial);
    expiring.expiration_model = None;
    expiring.valid_to = Some(START.plus_days(2));
    run(&mut f, expiring).unwrap();
    assert_eq!(shown(&mut f, &key).valid_to, None, "it does not belong to the key yet");
    f.pass_days(2);
    assert_eq!(expire(&mut f), 1);
    assert_eq!(rotations(&mut f, &key).len(), 1);
    assert_eq!(shown(&mut f, &key).key_state, KeyState::Enabled);
}

#[test]
fn descriptions_stay_until_another_one_comes() {
    let mut f = Fixture::new();
    let key = external(&mut f, false).key_id;
    let mut described = request(&mut f, &key, &[1; 32]);
    described.key_material_description = Some("first".into());
    run(&mut f, described.clone()).unwrap();
    let text = |f: &mut Fixture| rotations(f, &key)[0].imported.clone().unwrap().key_material_description;
    f.call(delete(&key, None)).unwrap();
    assert_eq!(text(&mut f).as_deref(), Some("first"));
    described.key_material_description = None;
    run(&mut f, described.clone()).unwrap();
    assert_eq!(text(&mut f).as_deref(), Some("first"));
    described.key_material_description = Some("second".into());
    run(&mut f, described).unwrap();
    assert_eq!(text(&mut f).as_deref(), Some("second"));
}

#[test]
fn on_demand_rotations_of_imported_keys_count() {
    rotate_to_the_quota(25);
    rotate_to_the_quota(27);
}

fn rotate_to_the_quota(most: u8) {
    let mut f = Fixture::new();
    f.settings.quotas.on_demand_rotations = most.into();
    let created = external(&mut f, false);
    let key = created.key_id;
    let mut given = request(&mut f, &key, &[0; 32]);
    run(&mut f, given.clone()).unwrap();
    let parameters = f.call(parameters(&key)).unwrap();
    let Response::GetParametersForImport(parameters) = parameters else { panic!() };
    given.import_token = parameters.import_token;
    given.import_type = Some(ImportType::NewKeyMaterial);
    for byte in 1..=most + 1 {
        let algorithm = EncryptionAlgorithm::RsaesOaepSha256;
        given.encrypted_key_material =
            rsa_oaep::encrypt(KeySpec::Rsa2048, &parameters.public_key, algorithm, &[byte; 32]).unwrap();
        run(&mut f, given.clone()).unwrap();
        match f.call(rotate(&key)) {
            Ok(_) => assert!(byte <= most),
            Err(refused) => {
                assert_eq!(byte, most + 1);
                let quota = Quota::OnDemandRotations { arn: created.arn.clone() };
                assert_eq!(refused, Error::LimitExceeded(quota));
            }
        }
    }
}

#[test]
fn automatic_rotation_is_not_for_imported_keys() {
    let mut f = Fixture::new();
    let created = external(&mut f, false);
    let key = created.key_id;
    let refused = Error::UnsupportedOrigin { arn: created.arn, origin: KeyOrigin::External };
    for imported in [false, true] {
        if imported {
            import(&mut f, &key, 1);
        }
        assert_eq!(f.call(enable_rotation(&key, None)).unwrap_err(), refused);
        assert_eq!(f.call(disable_rotation(&key)).unwrap_err(), refused);
        assert_eq!(f.call(rotation_status(&key)).unwrap_err(), refused);
    }
}

#[test]
fn only_symmetric_keys_take_types_names_and_descriptions() {
    let mut f = Fixture::new();
    let (spec, usage) = (Some(KeySpec::Hmac256), Some(KeyUsage::GenerateVerifyMac));
    let origin = Some(KeyOrigin::External);
    let created = f.create(create_key::Request { key_spec: spec, key_usage: usage, origin, ..create_key() });
    let key = created.key_id;
    let given = request(&mut f, &key, &[1; 32]);
    let with_type =
        import_operation::Request { import_type: Some(ImportType::NewKeyMaterial), ..given.clone() };
    let with_text = import_operation::Request { key_material_description: Some("d".into()), ..given.clone() };
    let with_name =
        import_operation::Request { key_material_id: Some(MaterialId::from_bytes([1; 32])), ..given.clone() };
    for refused in [with_type, with_text, with_name] {
        assert!(matches!(run(&mut f, refused), Err(Error::Unsupported(_))));
    }
    assert_eq!(run(&mut f, given).unwrap(), None, "its id is not shown");
    let other = request(&mut f, &key, &[2; 32]);
    let incorrect = Error::IncorrectKeyMaterial { arn: created.arn, fault: ImportFault::Unknown };
    assert_eq!(run(&mut f, other).unwrap_err(), incorrect, "the first import fixes it for ever");
}

#[test]
fn lifecycle_and_material_go_their_own_ways() {
    let mut f = Fixture::new();
    let created = external(&mut f, false);
    let key = created.key_id;
    import(&mut f, &key, 1);
    f.call(disable(&key)).unwrap();
    import(&mut f, &key, 1);
    assert_eq!(shown(&mut f, &key).key_state, KeyState::Disabled, "nothing was missing");
    f.call(delete(&key, None)).unwrap();
    assert_eq!(shown(&mut f, &key).key_state, KeyState::PendingImport);
    import(&mut f, &key, 1);
    assert_eq!(shown(&mut f, &key).key_state, KeyState::Enabled, "an import that completes a key enables it");
    f.call(schedule(&key, None)).unwrap();
    f.call(delete(&key, None)).unwrap();
    assert_eq!(shown(&mut f, &key).key_state, KeyState::PendingDeletion);
    let pending = Error::invalid_state(&created.arn, KeyState::PendingDeletion);
    assert_eq!(f.call(parameters(&key)).unwrap_err(), pending);
    f.call(cancel(&key)).unwrap();
    assert_eq!(shown(&mut f, &key).key_state, KeyState::PendingImport);
    import(&mut f, &key, 1);
    assert_eq!(shown(&mut f, &key).key_state, KeyState::Enabled);
}

#[test]
fn a_node_without_its_domain_key_imports_nothing() {
    let mut f = Fixture::new();
    let key = external(&mut f, false).key_id;
    let given = request(&mut f, &key, &[1; 32]);
    f.lose_domain_key();
    assert!(matches!(f.call(parameters(&key)), Err(Error::Internal(_))));
    assert!(run(&mut f, given).is_err());
}

/// A primary in us-east-1 with one material and its active replica in eu-west-1 without.
fn replicated() -> (Fixture, Fixture, KeyId) {
    let (mut primary, mut replica) = (Fixture::new(), Fixture::in_region("eu-west-1"));
    let created = external(&mut primary, true);
    let key = created.key_id;
    let pending = Error::invalid_state(&created.arn, KeyState::PendingImport);
    assert_eq!(primary.call(replicate(&key, "eu-west-1")).unwrap_err(), pending);
    import(&mut primary, &key, 1);
    primary.call(replicate(&key, "eu-west-1")).unwrap();
    replica.learn(&primary.committed(&key));
    let active = primary.committed(&key).admit(&region("eu-west-1")).unwrap();
    primary.change(&active);
    replica.learn(&active);
    (primary, replica, key)
}

#[test]
fn replicas_import_the_same_bytes_and_nothing_else() {
    let (mut primary, mut replica, key) = replicated();
    let current = shown(&mut primary, &key).current_key_material_id;
    let waiting = shown(&mut replica, &key);
    assert_eq!((waiting.key_state, waiting.current_key_material_id), (KeyState::PendingImport, current));
    let Ok(Response::Encrypt(sealed)) = primary.call(encrypt(&key, b"x")) else { panic!() };
    let pending = Error::invalid_state(&waiting.arn, KeyState::PendingImport);
    assert_eq!(replica.call(decrypt(&sealed.ciphertext_blob)).unwrap_err(), pending);
    let other = request(&mut replica, &key, &[2; 32]);
    let incorrect = Error::IncorrectKeyMaterial { arn: waiting.arn.clone(), fault: ImportFault::Unknown };
    assert_eq!(run(&mut replica, other.clone()).unwrap_err(), incorrect);
    let new = import_operation::Request { import_type: Some(ImportType::NewKeyMaterial), ..other };
    assert_eq!(run(&mut replica, new).unwrap_err(), Error::NotPrimary { arn: waiting.arn });
    let elsewhere = request(&mut primary, &key, &[1; 32]);
    assert_eq!(run(&mut replica, elsewhere).unwrap_err(), Error::InvalidImportToken);
    assert_eq!(Some(import(&mut replica, &key, 1)), current);
    let Ok(Response::Decrypt(opened)) = replica.call(decrypt(&sealed.ciphertext_blob)) else { panic!() };
    assert_eq!(opened.plaintext.bytes(), b"x");
}

#[test]
fn a_new_material_goes_through_every_region_before_it_rotates() {
    let (mut primary, mut replica, key) = replicated();
    import(&mut replica, &key, 1);
    let second = import_new(&mut primary, &key, 2);
    replica.learn(&primary.committed(&key));
    let both = [KeyMaterialState::Current, KeyMaterialState::PendingMultiRegionImportAndRotation];
    assert_eq!(states(&mut primary, &key), both);
    assert_eq!(states(&mut replica, &key), both);
    let entry = rotations(&mut replica, &key)[1].imported.clone().unwrap();
    assert_eq!(entry.import_state, ImportState::PendingImport);
    let arn = shown(&mut primary, &key).arn;
    let none = Error::NoPendingMaterial { arn: arn.clone() };
    assert_eq!(primary.call(rotate(&key)).unwrap_err(), none);
    import(&mut replica, &key, 2);
    let ready = primary.committed(&key).imported_everywhere(&second).unwrap();
    primary.change(&ready);
    assert_eq!(states(&mut primary, &key)[1], KeyMaterialState::PendingRotation);
    replica.learn(&ready);
    let replica_arn = shown(&mut replica, &key).arn;
    assert_eq!(replica.call(rotate(&key)).unwrap_err(), Error::NotPrimary { arn: replica_arn });
    primary.call(rotate(&key)).unwrap();
    assert_eq!(
        states(&mut primary, &key)[1],
        KeyMaterialState::PendingRotation,
        "members are asked once more"
    );
    assert_eq!(primary.call(rotate(&key)).unwrap_err(), Error::Conflict { arn: arn.clone() });
    let rotating = Error::MaterialRotating { arn: arn.clone(), material: second };
    assert_eq!(primary.call(delete(&key, Some(second))).unwrap_err(), rotating);
    replica.learn(&primary.committed(&key));
    assert!(matches!(replica.call(delete(&key, Some(second))), Err(Error::MaterialRotating { .. })));
    assert!(matches!(primary.call(update_primary(&key, "eu-west-1")), Err(Error::DependencyTimeout { .. })));
    let active = primary.committed(&key).activate(&second, primary.state.region_time()).unwrap();
    primary.change(&active);
    replica.learn(&active);
    assert_eq!(states(&mut replica, &key), [KeyMaterialState::NonCurrent, KeyMaterialState::Current]);
    assert_eq!(shown(&mut replica, &key).key_state, KeyState::Enabled);
}

#[test]
fn a_pending_material_is_deleted_everywhere_by_the_primary_and_here_by_a_replica() {
    let (mut primary, mut replica, key) = replicated();
    import(&mut replica, &key, 1);
    let second = import_new(&mut primary, &key, 2);
    replica.learn(&primary.committed(&key));
    import(&mut replica, &key, 2);
    replica.call(delete(&key, Some(second))).unwrap();
    assert!(!replica.key(&key).held.contains_key(&second));
    assert_eq!(rotations(&mut replica, &key).len(), 2, "still asked for");
    import(&mut replica, &key, 2);
    primary.call(delete(&key, Some(second))).unwrap();
    assert_eq!(rotations(&mut primary, &key).len(), 1);
    replica.learn(&primary.committed(&key));
    assert_eq!(rotations(&mut replica, &key).len(), 1);
    assert!(!replica.key(&key).held.contains_key(&second));
}

#[test]
fn an_entry_that_names_the_wrong_bytes_changes_nothing() {
    let (mut primary, _, key) = replicated();
    let before = primary.state.hash();
    let own = primary.single().key_id;
    let held = primary.key(&own);
    let (id, wrapped) = held.held.iter().next().unwrap();
    let material = kms_state::NewMaterial {
        id: *id,
        commitment: held.materials[0].commitment,
        public_key: None,
        wrapped: wrapped.clone(),
    };
    let import = kms_state::ImportMaterial {
        key,
        material,
        import_type: ImportType::ExistingKeyMaterial,
        details: kms_state::ImportDetails::default(),
    };
    let outcome = primary.run(Command::ImportMaterial(Box::new(import)));
    assert!(matches!(outcome, Outcome::Refused(_)));
    assert_ne!(primary.state.hash(), before, "another key was made, nothing else");
    assert_eq!(primary.key(&key).held.len(), 1);
}
