//! What the audit record shows of a write's answer (section 12.1): selected members, never key material.

use kms_state::Key;
use kms_types::{KeyArn, Region, Timestamp};
use serde_json::{Value, json};

use crate::{KeyMetadata, MultiRegionConfiguration, MultiRegionKey, Response};

/// The elements; `key` is the key concerned, named by writes whose answer is empty.
pub(crate) fn of(response: &Response, key: Option<&KeyArn>) -> Option<Value> {
    use Response as R;
    match response {
        R::CreateKey(r) => Some(json!({ "keyMetadata": metadata(&r.key_metadata) })),
        R::ReplicateKey(r) => Some(json!({
            "replicaKeyMetadata": metadata(&r.replica_key_metadata),
            "replicaPolicy": r.replica_policy,
        })),
        R::ScheduleKeyDeletion(r) => Some(without_nulls(json!({
            "keyId": r.key_id,
            "keyState": r.key_state.as_str(),
            "deletionDate": r.deletion_date.map(date),
            "pendingWindowInDays": r.pending_window_in_days,
        }))),
        R::CreateGrant(r) => Some(without_nulls(json!({ "grantId": r.grant_id, "keyId": key }))),
        R::CancelKeyDeletion(r) => Some(json!({ "keyId": r.key_id })),
        R::RotateKeyOnDemand(r) => Some(json!({ "keyId": r.key_id })),
        R::ImportKeyMaterial(r) => {
            Some(without_nulls(json!({ "keyId": r.key_id, "keyMaterialId": r.key_material_id })))
        }
        R::DeleteImportedKeyMaterial(r) => {
            Some(without_nulls(json!({ "keyId": r.key_id, "keyMaterialId": r.key_material_id })))
        }
        R::EnableKey(_)
        | R::DisableKey(_)
        | R::UpdateKeyDescription(_)
        | R::CreateAlias(_)
        | R::UpdateAlias(_)
        | R::DeleteAlias(_)
        | R::TagResource(_)
        | R::UntagResource(_)
        | R::PutKeyPolicy(_)
        | R::RetireGrant(_)
        | R::RevokeGrant(_)
        | R::EnableKeyRotation(_)
        | R::DisableKeyRotation(_)
        | R::UpdatePrimaryRegion(_) => key.map(|arn| json!({ "keyId": arn })),
        R::ConnectCustomKeyStore(_)
        | R::DeleteCustomKeyStore(_)
        | R::DisconnectCustomKeyStore(_)
        | R::UpdateCustomKeyStore(_) => None,
        R::CreateCustomKeyStore(r) => Some(json!({ "customKeyStoreId": r.custom_key_store_id })),
        R::DescribeKey(_)
        | R::DescribeCustomKeyStores(_)
        | R::GetKeyLastUsage(_)
        | R::ListKeys(_)
        | R::Encrypt(_)
        | R::Sign(_)
        | R::Verify(_)
        | R::GenerateMac(_)
        | R::VerifyMac(_)
        | R::DeriveSharedSecret(_)
        | R::Encapsulate(_)
        | R::Decapsulate(_)
        | R::GetPublicKey(_)
        | R::GenerateDataKeyPair(_)
        | R::GenerateDataKeyPairWithoutPlaintext(_)
        | R::Decrypt(_)
        | R::ReEncrypt(_)
        | R::GenerateDataKey(_)
        | R::GenerateDataKeyWithoutPlaintext(_)
        | R::GenerateRandom(_)
        | R::ListAliases(_)
        | R::ListGrants(_)
        | R::ListRetirableGrants(_)
        | R::ListResourceTags(_)
        | R::GetKeyPolicy(_)
        | R::ListKeyPolicies(_)
        | R::GetKeyRotationStatus(_)
        | R::ListKeyRotations(_)
        | R::GetParametersForImport(_) => None,
    }
}

/// `keyMetadata` of a key as `region` shows it, for records of what the service did by itself.
pub fn key_metadata_elements(key: &Key, region: &Region) -> Value {
    metadata(&crate::metadata::of(key, region))
}

/// `keyMetadata` as CloudTrail spells it, odd first letter included.
fn metadata(m: &KeyMetadata) -> Value {
    let mut shown = without_nulls(json!({
        "aWSAccountId": m.aws_account_id,
        "keyId": m.key_id,
        "arn": m.arn,
        "creationDate": date(m.creation_date),
        "enabled": m.enabled,
        "description": m.description,
        "keyUsage": m.key_usage.as_str(),
        "keyState": m.key_state.as_str(),
        "origin": m.origin.as_str(),
        "keyManager": m.key_manager.as_str(),
        "keySpec": m.key_spec.as_str(),
        "customerMasterKeySpec": m.key_spec.as_str(),
        "multiRegion": m.multi_region,
        "multiRegionConfiguration": m.multi_region_configuration.as_ref().map(configuration),
        "currentKeyMaterialId": m.current_key_material_id,
        "expirationModel": m.expiration_model.map(|model| model.as_str()),
        "validTo": m.valid_to.map(date),
    }));
    if let Value::Object(members) = &mut shown {
        members.insert(lower_first(m.algorithms.member()), m.algorithms.names().into());
    }
    shown
}

fn configuration(c: &MultiRegionConfiguration) -> Value {
    let member = |k: &MultiRegionKey| json!({ "arn": k.arn, "region": k.region });
    json!({
        "multiRegionKeyType": c.multi_region_key_type.as_str(),
        "primaryKey": member(&c.primary_key),
        "replicaKeys": c.replica_keys.iter().map(member).collect::<Vec<_>>(),
    })
}

/// `EncryptionAlgorithms` to `encryptionAlgorithms`.
fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

/// `Feb 3, 2026, 9:00:00 AM`.
fn date(at: Timestamp) -> String {
    at.format("%b %-d, %Y, %-I:%M:%S %p")
}

fn without_nulls(mut value: Value) -> Value {
    if let Value::Object(members) = &mut value {
        members.retain(|_, v| !v.is_null());
    }
    value
}
