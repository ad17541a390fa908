//! [KMS:PutKeyPolicy]

use kms_ops::put_key_policy::Request;

use super::{Input, entries::key_id};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let request = Request {
        key_id: key_id(members)?,
        policy_name: members.text("PolicyName", &Text::POLICY_NAME)?,
        policy: members.required_text("Policy", &Text::POLICY)?,
        bypass_policy_lockout_safety_check: members.flag("BypassPolicyLockoutSafetyCheck")?,
    };
    members.default("PolicyName", "default");
    members.default("BypassPolicyLockoutSafetyCheck", false);
    Ok(request)
}
