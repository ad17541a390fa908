//! One file per operation: its JSON request to the typed one, its typed answer to JSON, and what of the request the audit
//! record shows.
//!
//! Deliberately absent: any rule that the API model does not state for a single member.

mod cancel_key_deletion;
mod connect_custom_key_store;
mod create_alias;
mod create_custom_key_store;
mod create_grant;
mod create_key;
mod custom_key_store_members;
mod decapsulate;
mod decrypt;
mod delete_alias;
mod delete_custom_key_store;
mod delete_imported_key_material;
mod derive_shared_secret;
mod describe_custom_key_stores;
mod describe_key;
mod disable_key;
mod disable_key_rotation;
mod disconnect_custom_key_store;
mod enable_key;
mod enable_key_rotation;
mod encapsulate;
mod encrypt;
mod entries;
mod generate_data_key;
mod generate_data_key_pair;
mod generate_data_key_pair_without_plaintext;
mod generate_data_key_without_plaintext;
mod generate_mac;
mod generate_random;
mod get_key_last_usage;
mod get_key_policy;
mod get_key_rotation_status;
mod get_parameters_for_import;
mod get_public_key;
mod import_key_material;
mod list_aliases;
mod list_grants;
mod list_key_policies;
mod list_key_rotations;
mod list_keys;
mod list_resource_tags;
mod list_retirable_grants;
mod put_key_policy;
mod re_encrypt;
mod replicate_key;
mod retire_grant;
mod revoke_grant;
mod rotate_key_on_demand;
mod schedule_key_deletion;
mod sign;
mod tag_resource;
mod untag_resource;
mod update_alias;
mod update_custom_key_store;
mod update_key_description;
mod update_primary_region;
mod verify;
mod verify_mac;

#[cfg(test)]
mod tests;

use kms_ops::{Request, Response};
use kms_types::Operation;
use serde_json::{Map, Value};

use crate::{
    target::TargetError,
    validate::{InputError, Members},
};

/// What an operation's `parse` gives.
type Input<T> = Result<T, InputError>;

/// A request body as read: typed or refused, and in both cases what the audit record may show of it.
pub(crate) struct Parsed {
    pub(crate) request: Result<Request, InputError>,
    pub(crate) audit_parameters: Value,
}

/// Reads the body of an operation that is implemented.
pub(crate) fn parse(operation: Operation, object: &Map<String, Value>) -> Result<Parsed, TargetError> {
    let parsed = match operation {
        Operation::CreateKey => read(object, create_key::parse),
        Operation::DescribeKey => read(object, describe_key::parse),
        Operation::ListKeys => read(object, list_keys::parse),
        Operation::EnableKey => read(object, enable_key::parse),
        Operation::DisableKey => read(object, disable_key::parse),
        Operation::UpdateKeyDescription => read(object, update_key_description::parse),
        Operation::ScheduleKeyDeletion => read(object, schedule_key_deletion::parse),
        Operation::CancelKeyDeletion => read(object, cancel_key_deletion::parse),
        Operation::Encrypt => read(object, encrypt::parse),
        Operation::Decrypt => read(object, decrypt::parse),
        Operation::ReEncrypt => read(object, re_encrypt::parse),
        Operation::GenerateDataKey => read(object, generate_data_key::parse),
        Operation::GenerateDataKeyWithoutPlaintext => {
            read(object, generate_data_key_without_plaintext::parse)
        }
        Operation::GenerateRandom => read(object, generate_random::parse),
        Operation::CreateAlias => read(object, create_alias::parse),
        Operation::UpdateAlias => read(object, update_alias::parse),
        Operation::DeleteAlias => read(object, delete_alias::parse),
        Operation::ListAliases => read(object, list_aliases::parse),
        Operation::TagResource => read(object, tag_resource::parse),
        Operation::UntagResource => read(object, untag_resource::parse),
        Operation::ListResourceTags => read(object, list_resource_tags::parse),
        Operation::GetKeyPolicy => read(object, get_key_policy::parse),
        Operation::PutKeyPolicy => read(object, put_key_policy::parse),
        Operation::ListKeyPolicies => read(object, list_key_policies::parse),
        Operation::EnableKeyRotation => read(object, enable_key_rotation::parse),
        Operation::DisableKeyRotation => read(object, disable_key_rotation::parse),
        Operation::GetKeyRotationStatus => read(object, get_key_rotation_status::parse),
        Operation::RotateKeyOnDemand => read(object, rotate_key_on_demand::parse),
        Operation::ListKeyRotations => read(object, list_key_rotations::parse),
        Operation::ReplicateKey => read(object, replicate_key::parse),
        Operation::UpdatePrimaryRegion => read(object, update_primary_region::parse),
        Operation::Decapsulate => read(object, decapsulate::parse),
        Operation::DeriveSharedSecret => read(object, derive_shared_secret::parse),
        Operation::Encapsulate => read(object, encapsulate::parse),
        Operation::GenerateDataKeyPair => read(object, generate_data_key_pair::parse),
        Operation::GenerateDataKeyPairWithoutPlaintext => {
            read(object, generate_data_key_pair_without_plaintext::parse)
        }
        Operation::GenerateMac => read(object, generate_mac::parse),
        Operation::GetPublicKey => read(object, get_public_key::parse),
        Operation::Sign => read(object, sign::parse),
        Operation::Verify => read(object, verify::parse),
        Operation::VerifyMac => read(object, verify_mac::parse),
        Operation::GetKeyLastUsage => read(object, get_key_last_usage::parse),
        Operation::ConnectCustomKeyStore => read(object, connect_custom_key_store::parse),
        Operation::CreateCustomKeyStore => read(object, create_custom_key_store::parse),
        Operation::DeleteCustomKeyStore => read(object, delete_custom_key_store::parse),
        Operation::DescribeCustomKeyStores => read(object, describe_custom_key_stores::parse),
        Operation::DisconnectCustomKeyStore => read(object, disconnect_custom_key_store::parse),
        Operation::UpdateCustomKeyStore => read(object, update_custom_key_store::parse),
        Operation::CreateGrant => read(object, create_grant::parse),
        Operation::ListGrants => read(object, list_grants::parse),
        Operation::ListRetirableGrants => read(object, list_retirable_grants::parse),
        // The record shows the grant's id instead (section 12.1).
        Operation::RetireGrant => {
            Parsed { audit_parameters: Value::Null, ..read(object, retire_grant::parse) }
        }
        Operation::RevokeGrant => read(object, revoke_grant::parse),
        Operation::GetParametersForImport => read(object, get_parameters_for_import::parse),
        Operation::ImportKeyMaterial => read(object, import_key_material::parse),
        Operation::DeleteImportedKeyMaterial => read(object, delete_imported_key_material::parse),
    };
    Ok(parsed)
}

fn read<R: Into<Request>>(object: &Map<String, Value>, parse: fn(&mut Members<'_>) -> Input<R>) -> Parsed {
    let mut members = Members::new(object);
    let request = parse(&mut members).and_then(|request| members.finish().map(|()| request.into()));
    Parsed { request, audit_parameters: members.into_parameters() }
}

/// The JSON of an answer; operations without an output shape answer an empty body.
pub fn response_json(response: &Response) -> Option<Value> {
    match response {
        Response::CreateKey(response) => Some(create_key::render(response)),
        Response::DescribeKey(response) => Some(describe_key::render(response)),
        Response::ListKeys(response) => Some(list_keys::render(response)),
        Response::ScheduleKeyDeletion(response) => Some(schedule_key_deletion::render(response)),
        Response::CancelKeyDeletion(response) => Some(cancel_key_deletion::render(response)),
        Response::Encrypt(response) => Some(encrypt::render(response)),
        Response::Decrypt(response) => Some(decrypt::render(response)),
        Response::ReEncrypt(response) => Some(re_encrypt::render(response)),
        Response::GenerateDataKey(response) => Some(generate_data_key::render(response)),
        Response::GenerateDataKeyWithoutPlaintext(response) => {
            Some(generate_data_key_without_plaintext::render(response))
        }
        Response::GenerateRandom(response) => Some(generate_random::render(response)),
        Response::ListAliases(response) => Some(list_aliases::render(response)),
        Response::ListResourceTags(response) => Some(list_resource_tags::render(response)),
        Response::GetKeyPolicy(response) => Some(get_key_policy::render(response)),
        Response::ListKeyPolicies(response) => Some(list_key_policies::render(response)),
        Response::GetKeyRotationStatus(response) => Some(get_key_rotation_status::render(response)),
        Response::RotateKeyOnDemand(response) => Some(rotate_key_on_demand::render(response)),
        Response::ListKeyRotations(response) => Some(list_key_rotations::render(response)),
        Response::ReplicateKey(response) => Some(replicate_key::render(response)),
        Response::Decapsulate(response) => Some(decapsulate::render(response)),
        Response::DeriveSharedSecret(response) => Some(derive_shared_secret::render(response)),
        Response::Encapsulate(response) => Some(encapsulate::render(response)),
        Response::GenerateDataKeyPair(response) => Some(generate_data_key_pair::render(response)),
        Response::GenerateDataKeyPairWithoutPlaintext(response) => {
            Some(generate_data_key_pair_without_plaintext::render(response))
        }
        Response::GenerateMac(response) => Some(generate_mac::render(response)),
        Response::GetPublicKey(response) => Some(get_public_key::render(response)),
        Response::Sign(response) => Some(sign::render(response)),
        Response::Verify(response) => Some(verify::render(response)),
        Response::VerifyMac(response) => Some(verify_mac::render(response)),
        Response::CreateGrant(response) => Some(create_grant::render(response)),
        Response::ListGrants(response) => Some(list_grants::render(response)),
        Response::ListRetirableGrants(response) => Some(list_retirable_grants::render(response)),
        Response::GetParametersForImport(response) => Some(get_parameters_for_import::render(response)),
        Response::ImportKeyMaterial(response) => Some(import_key_material::render(response)),
        Response::DeleteImportedKeyMaterial(response) => Some(delete_imported_key_material::render(response)),
        Response::GetKeyLastUsage(response) => Some(get_key_last_usage::render(response)),
        Response::CreateCustomKeyStore(response) => Some(create_custom_key_store::render(response)),
        Response::DescribeCustomKeyStores(response) => Some(describe_custom_key_stores::render(response)),
        // Operations with an empty output structure, unlike those below that have none.
        Response::ConnectCustomKeyStore(_)
        | Response::DeleteCustomKeyStore(_)
        | Response::DisconnectCustomKeyStore(_)
        | Response::UpdateCustomKeyStore(_) => Some(entries::Answer::default().done()),
        Response::CreateAlias(_)
        | Response::DeleteAlias(_)
        | Response::DisableKey(_)
        | Response::DisableKeyRotation(_)
        | Response::EnableKey(_)
        | Response::EnableKeyRotation(_)
        | Response::PutKeyPolicy(_)
        | Response::RetireGrant(_)
        | Response::RevokeGrant(_)
        | Response::TagResource(_)
        | Response::UntagResource(_)
        | Response::UpdateAlias(_)
        | Response::UpdateKeyDescription(_)
        | Response::UpdatePrimaryRegion(_) => None,
    }
}
