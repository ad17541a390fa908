//! [KMS:RetireGrant]

use kms_ops::retire_grant::Request;

use super::Input;
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request {
        grant_token: members.text("GrantToken", &Text::GRANT_TOKEN)?,
        key_id: members.text("KeyId", &Text::KEY_ID)?,
        grant_id: members.text("GrantId", &Text::GRANT_ID)?,
        dry_run: members.flag("DryRun")?.unwrap_or(false),
    })
}
