//! [KMS:CreateKey]

use kms_ops::create_key::{Request, Response};
use kms_types::{KeyOrigin, KeySpec, KeyUsage};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, key_metadata, tags},
};
use crate::validate::{Members, Text};

/// The specs that the deprecated member knew when it was frozen.
const DEPRECATED_SPECS: &[KeySpec] = &[
    KeySpec::Rsa2048,
    KeySpec::Rsa3072,
    KeySpec::Rsa4096,
    KeySpec::EccNistP256,
    KeySpec::EccNistP384,
    KeySpec::EccNistP521,
    KeySpec::EccSecgP256k1,
    KeySpec::SymmetricDefault,
    KeySpec::Hmac224,
    KeySpec::Hmac256,
    KeySpec::Hmac384,
    KeySpec::Hmac512,
    KeySpec::Sm2,
];

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let customer_master_key_spec = members.choice("CustomerMasterKeySpec", DEPRECATED_SPECS)?;
    let request = Request {
        policy: members.text("Policy", &Text::POLICY)?,
        description: members.text("Description", &Text::DESCRIPTION)?,
        key_usage: members.choice("KeyUsage", KeyUsage::ALL)?,
        customer_master_key_spec,
        key_spec: members.choice("KeySpec", KeySpec::ALL)?,
        origin: members.choice("Origin", KeyOrigin::ALL)?,
        custom_key_store_id: members.text("CustomKeyStoreId", &Text::CUSTOM_KEY_STORE_ID)?,
        bypass_policy_lockout_safety_check: members.flag("BypassPolicyLockoutSafetyCheck")?,
        tags: tags(members)?,
        multi_region: members.flag("MultiRegion")?.unwrap_or(false),
        xks_key_id: members.text("XksKeyId", &Text::XKS_KEY_ID)?,
    };
    note_defaults(&request, members);
    Ok(request)
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default().with("KeyMetadata", key_metadata(&response.key_metadata)).done()
}

fn note_defaults(request: &Request, members: &mut Members<'_>) {
    let spec = request.key_spec.or(request.customer_master_key_spec).unwrap_or(KeySpec::SymmetricDefault);
    members.default("KeySpec", spec.as_str());
    if spec == KeySpec::SymmetricDefault {
        members.default("KeyUsage", KeyUsage::EncryptDecrypt.as_str());
    }
    members.default("Origin", KeyOrigin::AwsKms.as_str());
    members.default("Description", "");
    members.default("MultiRegion", false);
    members.default("BypassPolicyLockoutSafetyCheck", false);
}
