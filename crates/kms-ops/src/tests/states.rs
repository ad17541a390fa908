//! Section 3 over real keys: every operation on a key in every state that a key of this milestone can reach.

use kms_state::{Command, CreateKey, ImportDetails, ImportMaterial};
use kms_types::{
    DataKeyPairSpec, GrantId, GrantOperation, ImportType, KeyId, KeyIdKind, KeyOrigin, KeySpec, KeyState,
    KeyUsage, MacAlgorithm, MessageType, Operation, SigningAlgorithm,
};

use super::{
    fixture::{Fixture, OWN, region},
    imports,
    requests::*,
};
use crate::{
    Error, Request, Response, Tag, generate_data_key_pair_without_plaintext,
    generate_data_key_without_plaintext, get_key_last_usage, get_key_policy, list_aliases, list_key_policies,
    list_resource_tags, tag_resource, untag_resource, update_key_description,
};

/// Keys of one kind, the operations that are asked of them, and what those need: a blob, a signature, a tag.
struct Group {
    spec: KeySpec,
    usage: KeyUsage,
    requests: fn(&KeyId, &[u8]) -> Vec<Request>,
    made: fn(&mut Fixture, &KeyId) -> Vec<u8>,
}

const GROUPS: [Group; 5] = [
    Group {
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        requests,
        made: |f, key| match f.call(encrypt(key, b"x")) {
            Ok(Response::Encrypt(sealed)) => sealed.ciphertext_blob,
            other => panic!("{other:?}"),
        },
    },
    Group {
        spec: KeySpec::EccNistP256,
        usage: KeyUsage::SignVerify,
        requests: |key, signature| {
            vec![
                sign(key, ECDSA, RAW, b"x").into(),
                verify(key, ECDSA, RAW, b"x", signature).into(),
                get_public_key(key).into(),
            ]
        },
        made: |f, key| match f.call(sign(key, ECDSA, RAW, b"x")) {
            Ok(Response::Sign(signed)) => signed.signature,
            other => panic!("{other:?}"),
        },
    },
    Group {
        spec: KeySpec::Hmac256,
        usage: KeyUsage::GenerateVerifyMac,
        requests: |key, tag| vec![generate_mac(key, HMAC).into(), verify_mac(key, HMAC, tag).into()],
        made: |f, key| match f.call(generate_mac(key, HMAC)) {
            Ok(Response::GenerateMac(made)) => made.mac,
            other => panic!("{other:?}"),
        },
    },
    Group {
        spec: KeySpec::EccNistP384,
        usage: KeyUsage::KeyAgreement,
        requests: |key, peer| vec![derive_shared_secret(key, peer).into()],
        made: |f, key| match f.call(get_public_key(key)) {
            Ok(Response::GetPublicKey(shown)) => shown.public_key,
            other => panic!("{other:?}"),
        },
    },
    Group {
        spec: KeySpec::MlKem512,
        usage: KeyUsage::EncapsulateDecapsulate,
        requests: |key, blob| vec![encapsulate(key).into(), decapsulate(key, blob).into()],
        made: |f, key| match f.call(encapsulate(key)) {
            Ok(Response::Encapsulate(made)) => made.shared_secret_ciphertext_blob,
            other => panic!("{other:?}"),
        },
    },
];

const ECDSA: SigningAlgorithm = SigningAlgorithm::EcdsaSha256;
const RAW: MessageType = MessageType::Raw;
const HMAC: MacAlgorithm = MacAlgorithm::HmacSha256;

/// A key of the group in this state, in a Region of its own, with what it made before.
fn key_in(group: &Group, state: KeyState) -> (Fixture, KeyId, Vec<u8>) {
    let request = crate::create_key::Request { multi_region: true, ..create_key_of(group.spec, group.usage) };
    let (mut primary, mut replica, key) = Fixture::replicated_of(request.clone());
    let made = (group.made)(&mut primary, &key);
    match state {
        KeyState::Enabled => {}
        KeyState::Disabled => drop(primary.call(disable(&key)).unwrap()),
        KeyState::PendingReplicaDeletion => drop(primary.call(schedule(&key, None)).unwrap()),
        KeyState::PendingDeletion => {
            let removed = primary.committed(&key).remove(&region("eu-west-1")).unwrap();
            primary.change(&removed);
            primary.call(schedule(&key, None)).unwrap();
        }
        KeyState::Updating => drop(primary.call(update_primary(&key, "eu-west-1")).unwrap()),
        KeyState::Creating => {
            let (mut first, mut second) = (Fixture::new(), Fixture::in_region("eu-west-1"));
            let key = first.create(request).key_id;
            let made = (group.made)(&mut first, &key);
            first.call(replicate(&key, "eu-west-1")).unwrap();
            second.learn(&first.committed(&key));
            return (second, key, made);
        }
        KeyState::Unavailable => {
            let removed = primary.committed(&key).remove(&region("eu-west-1")).unwrap();
            replica.learn(&removed);
            return (replica, key, made);
        }
        KeyState::PendingImport => return awaiting_import(group),
    }
    (primary, key, made)
}

/// A single-Region key whose imported material made something and was deleted again.
fn awaiting_import(group: &Group) -> (Fixture, KeyId, Vec<u8>) {
    let mut f = Fixture::new();
    let own = f.create(create_key_of(group.spec, group.usage)).key_id;
    let (like, key) = (f.key(&own), KeyId::from_random(KeyIdKind::SingleRegion, [9; 16]));
    f.run(Command::CreateKey(Box::new(CreateKey {
        account: like.account,
        key,
        spec: group.spec,
        usage: group.usage,
        origin: KeyOrigin::External,
        policy: like.policy,
        description: String::new(),
        tags: like.tags,
        material: None,
        managed_as: None,
        most_keys: 1_000,
    })));
    let material = crate::material::draw(&mut f.env().0, &key, group.spec).unwrap();
    let id = material.id;
    let (import_type, details) = (ImportType::NewKeyMaterial, ImportDetails::default());
    f.run(Command::ImportMaterial(Box::new(ImportMaterial { key, material, import_type, details })));
    let made = (group.made)(&mut f, &key);
    f.run(Command::DeleteImportedMaterial { key, material: id });
    (f, key, made)
}

fn requests(key: &KeyId, blob: &[u8]) -> Vec<Request> {
    let key_id = key.to_string();
    vec![
        describe(key).into(),
        enable(key).into(),
        disable(key).into(),
        update_key_description::Request { key_id: key_id.clone(), description: "d".into() }.into(),
        schedule(key, None).into(),
        cancel(key).into(),
        encrypt(key, b"x").into(),
        decrypt(blob).into(),
        re_encrypt(blob, key).into(),
        generate_data_key(key).into(),
        generate_data_key_without_plaintext::Request {
            key_id: key_id.clone(),
            encryption_context: context(&[]),
            number_of_bytes: Some(8),
            key_spec: None,
            grant_tokens: Vec::new(),
            dry_run: false,
        }
        .into(),
        generate_data_key_pair(key, DataKeyPairSpec::EccNistP256).into(),
        generate_data_key_pair_without_plaintext::Request {
            encryption_context: context(&[]),
            key_id: key_id.clone(),
            key_pair_spec: DataKeyPairSpec::EccNistP256,
            grant_tokens: Vec::new(),
            dry_run: false,
        }
        .into(),
        create_alias("alias/new", key).into(),
        update_alias("alias/old", key).into(),
        delete_alias("alias/old").into(),
        list_aliases::Request { key_id: Some(key_id.clone()), limit: None, marker: None }.into(),
        tag_resource::Request {
            key_id: key_id.clone(),
            tags: vec![Tag { tag_key: "k".into(), tag_value: "v".into() }],
        }
        .into(),
        untag_resource::Request { key_id: key_id.clone(), tag_keys: vec!["k".into()] }.into(),
        list_resource_tags::Request { key_id: key_id.clone(), limit: None, marker: None }.into(),
        get_key_policy::Request { key_id: key_id.clone(), policy_name: None }.into(),
        put_policy(
            key,
            r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}}"#,
        )
        .into(),
        list_key_policies::Request { key_id: key_id.clone(), limit: None, marker: None }.into(),
        get_key_last_usage::Request { key_id }.into(),
        enable_rotation(key, None).into(),
        disable_rotation(key).into(),
        rotation_status(key).into(),
        rotate(key).into(),
        list_rotations(key).into(),
        replicate(key, "eu-west-1").into(),
        update_primary(key, "eu-west-1").into(),
        create_grant(key, OWN, &[GrantOperation::Decrypt]).into(),
        list_grants(key).into(),
        revoke(key, &GrantId::FIRST).into(),
        retire(key, &GrantId::FIRST).into(),
        imports::parameters(key).into(),
        imports::garbage(key).into(),
        imports::delete(key, None).into(),
    ]
}

fn cell(result: Result<crate::Response, Error>) -> String {
    match result {
        Ok(_) => "ok".into(),
        Err(Error::Disabled { .. }) => "Disabled".into(),
        Err(Error::InvalidState { state, .. }) => format!("is {state}"),
        Err(Error::NotPrimary { .. }) => "NotPrimary".into(),
        Err(Error::UnsupportedOrigin { origin, .. }) => format!("origin {origin}"),
        Err(Error::ReplicaExists { .. }) => "ReplicaExists".into(),
        Err(Error::GrantNotFound { .. }) => "GrantNotFound".into(),
        Err(Error::Unsupported(_)) => "Unsupported".into(),
        Err(other) => format!("{other}"),
    }
}

#[test]
fn every_operation_on_a_real_key_in_every_state() {
    use KeyState::*;
    let states = [
        Enabled,
        Disabled,
        PendingDeletion,
        PendingReplicaDeletion,
        PendingImport,
        Unavailable,
        Creating,
        Updating,
    ];
    let header: String = states.iter().map(|s| format!("{:<29}", s.as_str())).collect();
    let mut table = format!("{:<36}{}", "", header.trim_end());
    for group in &GROUPS {
        let built: Vec<(Fixture, KeyId, Vec<u8>)> =
            states.iter().map(|state| key_in(group, *state)).collect();
        let operations = (group.requests)(&built[0].1, &[]).len();
        for n in 0..operations {
            let mut row = String::new();
            for ((fixture, key, made), state) in built.iter().zip(states) {
                let mut f = fixture.copy();
                assert_eq!(f.key(key).state(f.state.region().unwrap()), state);
                // The old target of UpdateAlias and DeleteAlias is another key for one, this key for the other.
                let other = f.create(create_key_of(group.spec, group.usage)).key_id;
                f.call(create_alias("alias/old", &other)).unwrap();
                let request = (group.requests)(key, made).remove(n);
                if row.is_empty() {
                    row = format!("\n{:<36}", request.operation().name());
                }
                row += &format!("{:<29}", cell(f.call(request)));
            }
            table += row.trim_end();
        }
    }
    insta::assert_snapshot!(table);
}

/// Every operation that this crate has is a row of the table above, or has no key whose state could matter.
#[test]
fn no_operation_is_missing_from_the_table() {
    let (fixture, key, made) = key_in(&GROUPS[0], KeyState::Enabled);
    drop(fixture);
    let asked: Vec<Operation> =
        GROUPS.iter().flat_map(|g| (g.requests)(&key, &made)).map(|r| r.operation()).collect();
    let without_state = [
        Operation::CreateKey,
        Operation::ListKeys,
        Operation::ListRetirableGrants,
        Operation::GenerateRandom,
        Operation::ConnectCustomKeyStore,
        Operation::CreateCustomKeyStore,
        Operation::DeleteCustomKeyStore,
        Operation::DescribeCustomKeyStores,
        Operation::DisconnectCustomKeyStore,
        Operation::UpdateCustomKeyStore,
    ];
    let missing: Vec<&Operation> =
        Request::IMPLEMENTED.iter().filter(|o| !asked.contains(o) && !without_state.contains(o)).collect();
    assert_eq!(missing, Vec::<&Operation>::new());
}
