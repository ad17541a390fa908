//! [KMS:DeleteAlias]

use kms_ops::delete_alias::Request;

use super::Input;
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request { alias_name: members.required_text("AliasName", &Text::ALIAS_NAME)? })
}
