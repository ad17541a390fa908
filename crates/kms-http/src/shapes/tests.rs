//! Every shape from JSON and back: tables as snapshots, so that a change of the wire shows in review.

use kms_ops::{
    Algorithms, AliasEntry, ContextConstraint, GrantConstraintMembers, GrantConstraints, GrantEntry,
    ImportedEntry, KeyMetadata, LastUsage, MultiRegionConfiguration, MultiRegionKey, Recipient,
    RotationEntry, Secret, ShownPrincipal, Tag, cancel_key_deletion, connect_custom_key_store, create_grant,
    create_key, decrypt, delete_imported_key_material, describe_custom_key_stores, describe_key, disable_key,
    encrypt, generate_data_key, generate_data_key_without_plaintext, get_key_last_usage, get_key_policy,
    get_key_rotation_status, get_parameters_for_import, import_key_material, list_aliases, list_grants,
    list_key_policies, list_key_rotations, list_keys, list_resource_tags, re_encrypt, replicate_key,
    retire_grant, schedule_key_deletion,
};
use kms_types::{
    CustomerKeyManager, DataKeySpec, DryRunModifier, EncryptionAlgorithm, EncryptionContext, ExpirationModel,
    GrantId, GrantOperation, ImportState, IncludeKeyMaterial, KeyArn, KeyMaterialState, KeyOrigin, KeySpec,
    KeyState, KeyUsage, MaterialId, MultiRegionKeyType, RequestId, ResourceOwner, RotationType, Timestamp,
    UsageOperation,
};
use serde_json::json;
use std::collections::BTreeMap;
use zeroize::Zeroizing;

use super::*;

mod asymmetric;

const MRK: &str = "arn:aws:kms:us-east-1:000000000000:key/mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0";
const REPLICA: &str = "arn:aws:kms:eu-west-1:000000000000:key/mrk-0f1e2d3c4b5a69788796a5b4c3d2e1f0";

const GRANTEE: &str = "arn:aws:iam::000000000000:role/a";
const SOURCE: &str = "arn:aws:ledger:us-east-1:000000000000:table/a";

fn arn() -> KeyArn {
    MRK.parse().unwrap()
}

fn material() -> MaterialId {
    MaterialId::from_bytes([0xab; 32])
}

fn parsed(operation: Operation, body: Value) -> Parsed {
    parse(operation, body.as_object().unwrap()).unwrap()
}

/// A body with every member that the operation's shape has, all of them allowed.
fn full_body(operation: Operation) -> Value {
    let tags = json!([{"TagKey": "team", "TagValue": "blue"}]);
    let recipient = json!({"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": "YQ=="});
    let page = |body: Value| {
        let mut body = body;
        body["Limit"] = 5.into();
        body["Marker"] = "m".into();
        body
    };
    match operation {
        Operation::CreateKey => json!({
            "Policy": "{}", "Description": "d", "KeyUsage": "SIGN_VERIFY", "CustomerMasterKeySpec": "RSA_2048",
            "KeySpec": "ML_DSA_44", "Origin": "EXTERNAL", "CustomKeyStoreId": "cks-1",
            "BypassPolicyLockoutSafetyCheck": true, "Tags": tags, "MultiRegion": true, "XksKeyId": "x",
        }),
        Operation::DescribeKey => json!({"KeyId": "alias/a", "GrantTokens": ["t"]}),
        Operation::ListKeys => page(json!({"ResourceOwners": ["SELF"]})),
        Operation::UpdateKeyDescription => json!({"KeyId": "k", "Description": ""}),
        Operation::ScheduleKeyDeletion => json!({"KeyId": "k", "PendingWindowInDays": 7}),
        Operation::Encrypt => json!({
            "KeyId": "k", "Plaintext": "YQ==", "EncryptionContext": {"a": "b"}, "GrantTokens": ["t"],
            "EncryptionAlgorithm": "RSAES_OAEP_SHA_1", "DryRun": true,
        }),
        Operation::Decrypt => json!({
            "CiphertextBlob": "YQ==", "EncryptionContext": {"a": "b"}, "GrantTokens": ["t"], "KeyId": "k",
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT", "Recipient": recipient, "DryRun": true,
            "DryRunModifiers": ["IGNORE_CIPHERTEXT"],
        }),
        Operation::ReEncrypt => json!({
            "CiphertextBlob": "YQ==", "SourceEncryptionContext": {"a": "b"}, "SourceKeyId": "s",
            "DestinationKeyId": "d", "DestinationEncryptionContext": {"c": "d"},
            "SourceEncryptionAlgorithm": "SYMMETRIC_DEFAULT", "DestinationEncryptionAlgorithm": "RSAES_OAEP_SHA_256",
            "GrantTokens": ["t"], "DryRun": false, "DryRunModifiers": [],
        }),
        Operation::GenerateDataKey => json!({
            "KeyId": "k", "EncryptionContext": {"a": "b"}, "NumberOfBytes": 64, "KeySpec": "AES_256",
            "GrantTokens": ["t"], "Recipient": recipient, "DryRun": false,
        }),
        Operation::GenerateDataKeyWithoutPlaintext => json!({
            "KeyId": "k", "EncryptionContext": {"a": "b"}, "NumberOfBytes": 64, "KeySpec": "AES_128",
            "GrantTokens": ["t"], "DryRun": false,
        }),
        Operation::GenerateRandom => {
            json!({"NumberOfBytes": 1024, "CustomKeyStoreId": "cks-1", "Recipient": recipient})
        }
        Operation::CreateAlias | Operation::UpdateAlias => {
            json!({"AliasName": "alias/a", "TargetKeyId": "k"})
        }
        Operation::CreateGrant => json!({
            "KeyId": "k", "GranteePrincipal": GRANTEE, "GranteeServicePrincipal": "a.b.c",
            "RetiringPrincipal": GRANTEE, "RetiringServicePrincipal": "d.e.f", "Operations": ["Decrypt", "Sign"],
            "Constraints": {
                "EncryptionContextSubset": {"a": "b"}, "EncryptionContextEquals": {"c": "d"}, "SourceArn": SOURCE,
            },
            "GrantTokens": ["t"], "Name": "n", "DryRun": true,
        }),
        Operation::ListGrants => page(json!({
            "KeyId": "k", "GrantId": "g", "GranteePrincipal": GRANTEE, "GranteeServicePrincipal": "a.b.c",
        })),
        Operation::ListRetirableGrants => {
            page(json!({"RetiringPrincipal": GRANTEE, "RetiringServicePrincipal": "d.e.f"}))
        }
        Operation::RetireGrant => json!({"GrantToken": "t", "KeyId": "k", "GrantId": "g", "DryRun": true}),
        Operation::RevokeGrant => json!({"KeyId": "k", "GrantId": "g", "DryRun": true}),
        Operation::DeleteAlias => json!({"AliasName": "alias/a"}),
        Operation::ListAliases | Operation::ListResourceTags | Operation::ListKeyPolicies => {
            page(json!({"KeyId": "k"}))
        }
        Operation::TagResource => json!({"KeyId": "k", "Tags": tags}),
        Operation::UntagResource => json!({"KeyId": "k", "TagKeys": ["team"]}),
        Operation::GetKeyPolicy => json!({"KeyId": "k", "PolicyName": "default"}),
        Operation::PutKeyPolicy => {
            json!({"KeyId": "k", "PolicyName": "default", "Policy": "{}", "BypassPolicyLockoutSafetyCheck": true})
        }
        Operation::EnableKeyRotation => json!({"KeyId": "k", "RotationPeriodInDays": 90}),
        Operation::ListKeyRotations => page(json!({"KeyId": "k", "IncludeKeyMaterial": "ALL_KEY_MATERIAL"})),
        Operation::ReplicateKey => json!({
            "KeyId": "k", "ReplicaRegion": "eu-west-1", "Policy": "{}", "BypassPolicyLockoutSafetyCheck": true,
            "Description": "d", "Tags": tags,
        }),
        Operation::DescribeCustomKeyStores => {
            page(json!({"CustomKeyStoreId": "cks-1", "CustomKeyStoreName": "n"}))
        }
        Operation::CreateCustomKeyStore => json!({
            "CustomKeyStoreName": "n", "CloudHsmClusterId": "cluster-2a23b4cdefg",
            "TrustAnchorCertificate": "c", "KeyStorePassword": "password", "CustomKeyStoreType": "AWS_CLOUDHSM",
            "XksProxyUriEndpoint": "https://xks.example.com", "XksProxyUriPath": "/example/kms/xks/v1",
            "XksProxyVpcEndpointServiceName": "com.amazonaws.vpce.us-east-1.vpce-svc-0a1b2c",
            "XksProxyVpcEndpointServiceOwner": "123456789012",
            "XksProxyAuthenticationCredential": {
                "AccessKeyId": "ABCDEFGHIJKLMNOPQRST", "RawSecretAccessKey": "a".repeat(43),
            },
            "XksProxyConnectivity": "PUBLIC_ENDPOINT",
        }),
        Operation::UpdateCustomKeyStore => json!({
            "CustomKeyStoreId": "cks-1", "NewCustomKeyStoreName": "n", "KeyStorePassword": "password",
            "XksProxyConnectivity": "VPC_ENDPOINT_SERVICE",
        }),
        Operation::ConnectCustomKeyStore
        | Operation::DeleteCustomKeyStore
        | Operation::DisconnectCustomKeyStore => {
            json!({"CustomKeyStoreId": "cks-1"})
        }
        Operation::GetParametersForImport => {
            json!({"KeyId": "k", "WrappingAlgorithm": "RSAES_OAEP_SHA_256", "WrappingKeySpec": "RSA_4096"})
        }
        Operation::ImportKeyMaterial => json!({
            "KeyId": "k", "ImportToken": "YQ==", "EncryptedKeyMaterial": "Yg==", "ValidTo": 1_770_106_449.5,
            "ExpirationModel": "KEY_MATERIAL_EXPIRES", "ImportType": "EXISTING_KEY_MATERIAL",
            "KeyMaterialDescription": "a b", "KeyMaterialId": "ab".repeat(32),
        }),
        Operation::DeleteImportedKeyMaterial => json!({"KeyId": "k", "KeyMaterialId": "ab".repeat(32)}),
        Operation::UpdatePrimaryRegion => json!({"KeyId": "k", "PrimaryRegion": "eu-west-1"}),
        other => asymmetric::body(other).unwrap_or_else(|| json!({"KeyId": "k"})),
    }
}

#[test]
fn every_implemented_operation_reads_all_its_members() {
    let mut table = BTreeMap::new();
    for &operation in Request::IMPLEMENTED {
        let Parsed { request, audit_parameters } = parsed(operation, full_body(operation));
        let request = request.unwrap();
        assert_eq!(request.operation(), operation);
        table.insert(operation.name(), audit_parameters);
    }
    insta::assert_json_snapshot!("audit_parameters", table);
}

/// Members that could be mixed up land where their names say.
#[test]
fn members_land_in_their_fields() {
    let text = |text: &str| Some(text.to_owned());
    let context =
        |key: &str, value: &str| EncryptionContext::new(BTreeMap::from([(key.into(), value.into())]));
    let tags = vec![Tag { tag_key: "team".into(), tag_value: "blue".into() }];
    let recipient = Some(Recipient {
        key_encryption_algorithm: text("RSAES_OAEP_SHA_256"),
        attestation_document: Some(b"a".to_vec()),
    });
    let expected: Vec<Request> = vec![
        create_key::Request {
            policy: text("{}"),
            description: text("d"),
            key_usage: Some(KeyUsage::SignVerify),
            customer_master_key_spec: Some(KeySpec::Rsa2048),
            key_spec: Some(KeySpec::MlDsa44),
            origin: Some(KeyOrigin::External),
            custom_key_store_id: text("cks-1"),
            bypass_policy_lockout_safety_check: Some(true),
            tags: tags.clone(),
            multi_region: true,
            xks_key_id: text("x"),
        }
        .into(),
        encrypt::Request {
            key_id: "k".into(),
            plaintext: Zeroizing::new(b"a".to_vec()),
            encryption_context: context("a", "b"),
            grant_tokens: vec!["t".into()],
            encryption_algorithm: Some(EncryptionAlgorithm::RsaesOaepSha1),
            dry_run: true,
        }
        .into(),
        decrypt::Request {
            ciphertext_blob: Some(b"a".to_vec()),
            encryption_context: context("a", "b"),
            grant_tokens: vec!["t".into()],
            key_id: text("k"),
            encryption_algorithm: Some(EncryptionAlgorithm::SymmetricDefault),
            recipient: recipient.clone(),
            dry_run: true,
            dry_run_modifiers: vec![DryRunModifier::IgnoreCiphertext],
        }
        .into(),
        re_encrypt::Request {
            ciphertext_blob: Some(b"a".to_vec()),
            source_encryption_context: context("a", "b"),
            source_key_id: text("s"),
            destination_key_id: "d".into(),
            destination_encryption_context: context("c", "d"),
            source_encryption_algorithm: Some(EncryptionAlgorithm::SymmetricDefault),
            destination_encryption_algorithm: Some(EncryptionAlgorithm::RsaesOaepSha256),
            grant_tokens: vec!["t".into()],
            dry_run: false,
            dry_run_modifiers: vec![],
        }
        .into(),
        generate_data_key::Request {
            key_id: "k".into(),
            encryption_context: context("a", "b"),
            number_of_bytes: Some(64),
            key_spec: Some(DataKeySpec::Aes256),
            grant_tokens: vec!["t".into()],
            recipient,
            dry_run: false,
        }
        .into(),
        create_grant::Request {
            key_id: "k".into(),
            grantee_principal: text(GRANTEE),
            grantee_service_principal: text("a.b.c"),
            retiring_principal: text(GRANTEE),
            retiring_service_principal: text("d.e.f"),
            operations: vec![GrantOperation::Decrypt, GrantOperation::Sign],
            constraints: Some(GrantConstraintMembers {
                encryption_context_subset: Some(context("a", "b")),
                encryption_context_equals: Some(context("c", "d")),
                source_arn: text(SOURCE),
            }),
            grant_tokens: vec!["t".into()],
            name: text("n"),
            dry_run: true,
        }
        .into(),
        retire_grant::Request {
            grant_token: text("t"),
            key_id: text("k"),
            grant_id: text("g"),
            dry_run: true,
        }
        .into(),
        list_keys::Request { limit: Some(5), marker: text("m"), resource_owners: vec![ResourceOwner::Own] }
            .into(),
        list_key_rotations::Request {
            key_id: "k".into(),
            include_key_material: Some(IncludeKeyMaterial::AllKeyMaterial),
            limit: Some(5),
            marker: text("m"),
        }
        .into(),
        replicate_key::Request {
            key_id: "k".into(),
            replica_region: "eu-west-1".parse().unwrap(),
            policy: text("{}"),
            bypass_policy_lockout_safety_check: Some(true),
            description: text("d"),
            tags,
        }
        .into(),
    ];
    for wanted in expected {
        let operation = wanted.operation();
        assert!(parsed(operation, full_body(operation)).request.unwrap() == wanted, "{operation}");
    }
}

#[test]
fn an_empty_body_names_what_is_required_and_fills_in_defaults() {
    let mut table = BTreeMap::new();
    for &operation in Request::IMPLEMENTED {
        let Parsed { request, audit_parameters } = parsed(operation, json!({}));
        let refused = request.err().map(|error| crate::ApiError::from(&error).message);
        table.insert(operation.name(), json!({"refused": refused, "audit": audit_parameters}));
    }
    insta::assert_json_snapshot!("empty_bodies", table);
}

#[test]
fn the_other_operations_are_known_and_not_implemented() {
    let open: Vec<_> = Operation::ALL.iter().filter(|o| !Request::IMPLEMENTED.contains(o)).collect();
    assert_eq!(open.len() + Request::IMPLEMENTED.len(), 56);
    for &&operation in &open {
        assert_eq!(parse(operation, &Map::new()).err(), Some(TargetError::NotImplemented(operation)));
    }
}

/// G3: nothing that may be secret is in audit parameters.
#[test]
fn audit_parameters_hold_no_blob_and_no_token() {
    for &operation in Request::IMPLEMENTED {
        let audit = parsed(operation, full_body(operation)).audit_parameters;
        for hidden in [
            "plaintext",
            "ciphertextBlob",
            "grantTokens",
            "attestationDocument",
            "message\"",
            "signature",
            "mac\"",
            "Blob",
            "password",
            "ccessKey",
        ] {
            assert!(!audit.to_string().contains(hidden), "{operation}: {audit}");
        }
    }
}

#[test]
fn a_dry_run_may_leave_the_ciphertext_out() {
    let body = json!({"KeyId": "k", "DryRun": true, "DryRunModifiers": ["IGNORE_CIPHERTEXT"]});
    assert!(parsed(Operation::Decrypt, body).request.is_ok());
    assert!(parsed(Operation::Decrypt, json!({"KeyId": "k", "DryRun": true})).request.is_err());
}

#[test]
fn deprecated_specs_end_where_they_were_frozen() {
    assert!(parsed(Operation::CreateKey, json!({"CustomerMasterKeySpec": "HMAC_256"})).request.is_ok());
    assert!(parsed(Operation::CreateKey, json!({"CustomerMasterKeySpec": "ML_DSA_44"})).request.is_err());
}

fn metadata(key_state: KeyState) -> KeyMetadata {
    let member = |arn: &str| {
        let arn: KeyArn = arn.parse().unwrap();
        MultiRegionKey { region: arn.region.clone(), arn }
    };
    KeyMetadata {
        aws_account_id: "000000000000".parse().unwrap(),
        key_id: arn().key,
        arn: arn(),
        creation_date: Timestamp::from_millis(1_568_565_290_000),
        enabled: key_state == KeyState::Enabled,
        description: String::new(),
        key_usage: KeyUsage::EncryptDecrypt,
        key_state,
        deletion_date: (key_state == KeyState::PendingDeletion)
            .then(|| Timestamp::from_millis(1_609_193_147_831)),
        origin: KeyOrigin::AwsKms,
        key_manager: CustomerKeyManager::Customer,
        key_spec: KeySpec::SymmetricDefault,
        algorithms: Algorithms { spec: KeySpec::SymmetricDefault, usage: KeyUsage::EncryptDecrypt },
        multi_region: true,
        multi_region_configuration: Some(MultiRegionConfiguration {
            multi_region_key_type: MultiRegionKeyType::Primary,
            primary_key: member(MRK),
            replica_keys: vec![member(REPLICA)],
        }),
        pending_deletion_window_in_days: (key_state == KeyState::PendingReplicaDeletion).then_some(7),
        current_key_material_id: (key_state != KeyState::Creating).then(material),
        expiration_model: None,
        valid_to: None,
    }
}

fn single_region(mut key: KeyMetadata) -> KeyMetadata {
    key.multi_region = false;
    key.multi_region_configuration = None;
    key
}

fn used(at: Timestamp) -> LastUsage {
    let id = RequestId::from_random([1; 16]);
    LastUsage {
        at,
        operation: UsageOperation::GenerateDataKey,
        request: id,
        event: RequestId::from_random([2; 16]),
    }
}

fn last_usage(key_last_usage: Option<LastUsage>) -> get_key_last_usage::Response {
    let created = Timestamp::from_millis(1_770_000_000_000);
    get_key_last_usage::Response {
        key_id: arn(),
        key_last_usage,
        tracking_start_date: created,
        key_creation_date: created,
    }
}

/// One with every member, one with only those that each grant has.
fn grants() -> Vec<GrantEntry> {
    let full = GrantEntry {
        key_id: arn(),
        grant_id: GrantId::from_bytes([0xcd; 32]),
        name: "n".into(),
        creation_date: Timestamp::from_millis(1_770_106_449_250),
        grantee: ShownPrincipal::Service("a.b.c".into()),
        retiring: Some(ShownPrincipal::Identity(GRANTEE.into())),
        issuing_account: "arn:aws:iam::000000000000:root".into(),
        operations: vec![GrantOperation::Decrypt, GrantOperation::CreateGrant],
        constraints: GrantConstraints {
            encryption_context: Some(ContextConstraint::Subset(EncryptionContext::new(BTreeMap::from([(
                "Tenant".into(),
                "blue".into(),
            )])))),
            source_arn: Some(SOURCE.into()),
        },
    };
    let bare = GrantEntry {
        name: String::new(),
        grantee: ShownPrincipal::Identity(GRANTEE.into()),
        retiring: None,
        constraints: GrantConstraints::default(),
        ..full.clone()
    };
    vec![full, bare]
}

fn responses() -> Vec<(&'static str, Response)> {
    let now = Timestamp::from_millis(1_770_106_449_250);
    let symmetric = EncryptionAlgorithm::SymmetricDefault;
    let next_marker = Some("more".to_owned());
    let tags = vec![Tag { tag_key: "team".into(), tag_value: "blue".into() }];
    vec![
        ("create_key", create_key::Response { key_metadata: metadata(KeyState::Enabled) }.into()),
        (
            "create_key single",
            create_key::Response { key_metadata: single_region(metadata(KeyState::Enabled)) }.into(),
        ),
        (
            "pending deletion",
            create_key::Response { key_metadata: metadata(KeyState::PendingDeletion) }.into(),
        ),
        ("creating", create_key::Response { key_metadata: metadata(KeyState::Creating) }.into()),
        ("disable_key", disable_key::Response.into()),
        ("cancel_key_deletion", cancel_key_deletion::Response { key_id: arn() }.into()),
        (
            "list_keys",
            list_keys::Response { keys: vec![arn()], truncated: true, next_marker: next_marker.clone() }
                .into(),
        ),
        ("list_keys end", list_keys::Response { keys: vec![], truncated: false, next_marker: None }.into()),
        (
            "schedule_key_deletion",
            schedule_key_deletion::Response {
                key_id: arn(),
                deletion_date: None,
                key_state: KeyState::PendingReplicaDeletion,
                pending_window_in_days: 7,
            }
            .into(),
        ),
        (
            "encrypt",
            encrypt::Response {
                ciphertext_blob: vec![0xff; 4],
                key_id: arn(),
                encryption_algorithm: symmetric,
            }
            .into(),
        ),
        (
            "decrypt",
            decrypt::Response {
                key_id: arn(),
                plaintext: Secret::Plaintext(Zeroizing::new(vec![1, 2, 3])),
                encryption_algorithm: symmetric,
                key_material_id: Some(material()),
            }
            .into(),
        ),
        (
            "decrypt for a recipient",
            decrypt::Response {
                key_id: arn(),
                plaintext: Secret::ForRecipient(vec![1, 2, 3]),
                encryption_algorithm: symmetric,
                key_material_id: None,
            }
            .into(),
        ),
        (
            "re_encrypt",
            re_encrypt::Response {
                ciphertext_blob: vec![0],
                source_key_id: arn(),
                key_id: arn(),
                source_encryption_algorithm: symmetric,
                destination_encryption_algorithm: symmetric,
                source_key_material_id: Some(material()),
                destination_key_material_id: Some(material()),
            }
            .into(),
        ),
        (
            "generate_data_key",
            generate_data_key::Response {
                ciphertext_blob: vec![0],
                plaintext: Secret::Plaintext(Zeroizing::new(vec![1])),
                key_id: arn(),
                key_material_id: Some(material()),
            }
            .into(),
        ),
        (
            "generate_data_key_without_plaintext",
            generate_data_key_without_plaintext::Response {
                ciphertext_blob: vec![0],
                key_id: arn(),
                key_material_id: material(),
            }
            .into(),
        ),
        (
            "list_aliases",
            list_aliases::Response {
                aliases: vec![AliasEntry {
                    alias_name: "alias/a".parse().unwrap(),
                    alias_arn: "arn:aws:kms:us-east-1:000000000000:alias/a".parse().unwrap(),
                    target_key_id: Some(arn().key),
                    creation_date: Some(now),
                    last_updated_date: Some(now),
                }],
                truncated: false,
                next_marker: None,
            }
            .into(),
        ),
        (
            "list_aliases predefined",
            list_aliases::Response {
                aliases: vec![AliasEntry {
                    alias_name: "alias/aws/s3".parse().unwrap(),
                    alias_arn: "arn:aws:kms:us-east-1:000000000000:alias/aws/s3".parse().unwrap(),
                    target_key_id: None,
                    creation_date: None,
                    last_updated_date: None,
                }],
                truncated: false,
                next_marker: None,
            }
            .into(),
        ),
        ("get_key_last_usage", last_usage(Some(used(now))).into()),
        ("get_key_last_usage never used", last_usage(None).into()),
        ("connect_custom_key_store", connect_custom_key_store::Response.into()),
        (
            "describe_custom_key_stores",
            describe_custom_key_stores::Response { truncated: false, next_marker: None }.into(),
        ),
        (
            "create_grant",
            create_grant::Response { grant_token: "t".into(), grant_id: GrantId::from_bytes([0xcd; 32]) }
                .into(),
        ),
        (
            "list_grants",
            list_grants::Response { grants: grants(), truncated: true, next_marker: next_marker.clone() }
                .into(),
        ),
        (
            "list_resource_tags",
            list_resource_tags::Response { tags: tags.clone(), truncated: true, next_marker }.into(),
        ),
        (
            "get_key_policy",
            get_key_policy::Response { policy: "{}".into(), policy_name: "default".into() }.into(),
        ),
        (
            "list_key_policies",
            list_key_policies::Response {
                policy_names: vec!["default".into()],
                truncated: false,
                next_marker: None,
            }
            .into(),
        ),
        (
            "get_key_rotation_status",
            get_key_rotation_status::Response {
                key_rotation_enabled: true,
                key_id: arn(),
                rotation_period_in_days: Some(365),
                next_rotation_date: Some(now),
                on_demand_rotation_start_date: None,
            }
            .into(),
        ),
        (
            "list_key_rotations",
            list_key_rotations::Response {
                rotations: vec![RotationEntry {
                    key_id: arn(),
                    key_material_id: material(),
                    key_material_state: KeyMaterialState::Current,
                    rotation_date: Some(now),
                    rotation_type: Some(RotationType::OnDemand),
                    imported: None,
                }],
                truncated: false,
                next_marker: None,
            }
            .into(),
        ),
        (
            "list_key_rotations of an imported key",
            list_key_rotations::Response {
                rotations: vec![RotationEntry {
                    key_id: arn(),
                    key_material_id: material(),
                    key_material_state: KeyMaterialState::PendingMultiRegionImportAndRotation,
                    rotation_date: None,
                    rotation_type: None,
                    imported: Some(ImportedEntry {
                        import_state: ImportState::Imported,
                        expiration_model: Some(ExpirationModel::KeyMaterialExpires),
                        valid_to: Some(now),
                        key_material_description: Some("of 2026".into()),
                    }),
                }],
                truncated: false,
                next_marker: None,
            }
            .into(),
        ),
        (
            "describe_key of an imported key",
            describe_key::Response {
                key_metadata: KeyMetadata {
                    origin: KeyOrigin::External,
                    expiration_model: Some(ExpirationModel::KeyMaterialExpires),
                    valid_to: Some(now),
                    ..single_region(metadata(KeyState::Enabled))
                },
            }
            .into(),
        ),
        (
            "get_parameters_for_import",
            get_parameters_for_import::Response {
                key_id: arn(),
                import_token: vec![1],
                public_key: vec![2],
                parameters_valid_to: now,
            }
            .into(),
        ),
        (
            "import_key_material",
            import_key_material::Response { key_id: arn(), key_material_id: Some(material()) }.into(),
        ),
        (
            "delete_imported_key_material",
            delete_imported_key_material::Response { key_id: arn(), key_material_id: None }.into(),
        ),
        (
            "replicate_key",
            replicate_key::Response {
                replica_key_metadata: metadata(KeyState::Creating),
                replica_policy: "{}".into(),
                replica_tags: tags,
            }
            .into(),
        ),
    ]
}

#[test]
fn answers_have_the_members_that_the_model_names() {
    let table: BTreeMap<_, _> = responses().into_iter().map(|(name, r)| (name, response_json(&r))).collect();
    insta::assert_json_snapshot!("responses", table);
}
