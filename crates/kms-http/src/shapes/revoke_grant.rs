//! [KMS:RevokeGrant]

use kms_ops::revoke_grant::Request;

use super::{Input, entries::key_id};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request {
        key_id: key_id(members)?,
        grant_id: members.required_text("GrantId", &Text::GRANT_ID)?,
        dry_run: members.flag("DryRun")?.unwrap_or(false),
    })
}
