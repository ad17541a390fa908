//! The one entrance: a verified call and a view lead to a step.

use kms_state::State;

use crate::{AuditFacts, Call, Env, Error, Request as R, Step, case::Case, identity};

/// Decides a call on a linearizable view: an answer, or a proposal. `facts` is filled as far as the decision gets, so
/// that a refusal is recorded with the keys it concerns.
pub fn prepare(call: &Call, view: &State, env: &mut Env<'_>, facts: &mut AuditFacts) -> Result<Step, Error> {
    // The credential was verified in an earlier view, perhaps this one: what it stood for must still be so (B1).
    if view.caller(&call.credential).as_ref() != Ok(&call.caller) {
        return Err(Error::CredentialGone);
    }
    let identity = identity::attached(&call.caller, &call.credential, view);
    let case = &Case::new(call, view, &identity, env.settings)?;
    if let Some(first) = crate::managed_key::first_use(case, env)? {
        return Ok(first);
    }
    match &call.request {
        R::CancelKeyDeletion(r) => crate::cancel_key_deletion::decide(case, r, env, facts),
        R::ConnectCustomKeyStore(r) => crate::connect_custom_key_store::decide(case, r),
        R::CreateAlias(r) => crate::create_alias::decide(case, r, env, facts),
        R::CreateCustomKeyStore(r) => crate::create_custom_key_store::decide(case, r),
        R::CreateGrant(r) => crate::create_grant::decide(case, r, env, facts),
        R::CreateKey(r) => crate::create_key::decide(case, r, env, facts),
        R::Decapsulate(r) => crate::decapsulate::decide(case, r, env, facts),
        R::Decrypt(r) => crate::decrypt::decide(case, r, env, facts),
        R::DeleteAlias(r) => crate::delete_alias::decide(case, r, env, facts),
        R::DeleteCustomKeyStore(r) => crate::delete_custom_key_store::decide(case, r),
        R::DeleteImportedKeyMaterial(r) => crate::delete_imported_key_material::decide(case, r, env, facts),
        R::DeriveSharedSecret(r) => crate::derive_shared_secret::decide(case, r, env, facts),
        R::DescribeCustomKeyStores(r) => crate::describe_custom_key_stores::decide(case, r),
        R::DescribeKey(r) => crate::describe_key::decide(case, r, env, facts),
        R::DisableKey(r) => crate::disable_key::decide(case, r, env, facts),
        R::DisableKeyRotation(r) => crate::disable_key_rotation::decide(case, r, env, facts),
        R::DisconnectCustomKeyStore(r) => crate::disconnect_custom_key_store::decide(case, r),
        R::EnableKey(r) => crate::enable_key::decide(case, r, env, facts),
        R::EnableKeyRotation(r) => crate::enable_key_rotation::decide(case, r, env, facts),
        R::Encapsulate(r) => crate::encapsulate::decide(case, r, env, facts),
        R::Encrypt(r) => crate::encrypt::decide(case, r, env, facts),
        R::GenerateDataKey(r) => crate::generate_data_key::decide(case, r, env, facts),
        R::GenerateDataKeyPair(r) => crate::generate_data_key_pair::decide(case, r, env, facts),
        R::GenerateDataKeyPairWithoutPlaintext(r) => {
            crate::generate_data_key_pair_without_plaintext::decide(case, r, env, facts)
        }
        R::GenerateDataKeyWithoutPlaintext(r) => {
            crate::generate_data_key_without_plaintext::decide(case, r, env, facts)
        }
        R::GenerateMac(r) => crate::generate_mac::decide(case, r, env, facts),
        R::GenerateRandom(r) => crate::generate_random::decide(case, r, env, facts),
        R::GetKeyLastUsage(r) => crate::get_key_last_usage::decide(case, r, facts),
        R::GetKeyPolicy(r) => crate::get_key_policy::decide(case, r, facts),
        R::GetKeyRotationStatus(r) => crate::get_key_rotation_status::decide(case, r, facts),
        R::GetPublicKey(r) => crate::get_public_key::decide(case, r, env, facts),
        R::GetParametersForImport(r) => crate::get_parameters_for_import::decide(case, r, env, facts),
        R::ImportKeyMaterial(r) => crate::import_key_material::decide(case, r, env, facts),
        R::ListAliases(r) => crate::list_aliases::decide(case, r, facts),
        R::ListGrants(r) => crate::list_grants::decide(case, r, facts),
        R::ListKeyPolicies(r) => crate::list_key_policies::decide(case, r, facts),
        R::ListKeyRotations(r) => crate::list_key_rotations::decide(case, r, facts),
        R::ListKeys(r) => crate::list_keys::decide(case, r),
        R::ListResourceTags(r) => crate::list_resource_tags::decide(case, r, facts),
        R::ListRetirableGrants(r) => crate::list_retirable_grants::decide(case, r),
        R::PutKeyPolicy(r) => crate::put_key_policy::decide(case, r, env, facts),
        R::ReEncrypt(r) => crate::re_encrypt::decide(case, r, env, facts),
        R::ReplicateKey(r) => crate::replicate_key::decide(case, r, env, facts),
        R::RetireGrant(r) => crate::retire_grant::decide(case, r, env, facts),
        R::RevokeGrant(r) => crate::revoke_grant::decide(case, r, env, facts),
        R::RotateKeyOnDemand(r) => crate::rotate_key_on_demand::decide(case, r, env, facts),
        R::ScheduleKeyDeletion(r) => crate::schedule_key_deletion::decide(case, r, env, facts),
        R::Sign(r) => crate::sign::decide(case, r, env, facts),
        R::TagResource(r) => crate::tag_resource::decide(case, r, env, facts),
        R::UntagResource(r) => crate::untag_resource::decide(case, r, env, facts),
        R::UpdateAlias(r) => crate::update_alias::decide(case, r, env, facts),
        R::UpdateCustomKeyStore(r) => crate::update_custom_key_store::decide(case, r),
        R::UpdateKeyDescription(r) => crate::update_key_description::decide(case, r, env, facts),
        R::UpdatePrimaryRegion(r) => crate::update_primary_region::decide(case, r, env, facts),
        R::Verify(r) => crate::verify::decide(case, r, env, facts),
        R::VerifyMac(r) => crate::verify_mac::decide(case, r, env, facts),
    }
}
