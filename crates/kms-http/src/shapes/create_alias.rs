//! [KMS:CreateAlias]

use kms_ops::create_alias::Request;

use super::Input;
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let alias_name = members.required_text("AliasName", &Text::ALIAS_NAME)?;
    Ok(Request { alias_name, target_key_id: members.required_text("TargetKeyId", &Text::KEY_ID)? })
}
