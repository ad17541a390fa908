//! [KMS:ReplicateKey]

use kms_ops::replicate_key::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, key_id, key_metadata, tag_list, tags},
};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    let replica_region = members.required_region("ReplicaRegion")?;
    let policy = members.text("Policy", &Text::POLICY)?;
    let bypass_policy_lockout_safety_check = members.flag("BypassPolicyLockoutSafetyCheck")?;
    let description = members.text("Description", &Text::DESCRIPTION)?;
    let tags = tags(members)?;
    members.default("BypassPolicyLockoutSafetyCheck", false);
    members.default("Description", "");
    let Some(replica_region) = replica_region else { return Err(members.refusal()) };
    Ok(Request { key_id, replica_region, policy, bypass_policy_lockout_safety_check, description, tags })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with("ReplicaKeyMetadata", key_metadata(&response.replica_key_metadata))
        .with("ReplicaPolicy", response.replica_policy.as_str())
        .with("ReplicaTags", tag_list(&response.replica_tags))
        .done()
}
