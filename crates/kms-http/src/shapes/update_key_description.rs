//! [KMS:UpdateKeyDescription]

use kms_ops::update_key_description::Request;

use super::{Input, entries::key_id};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    Ok(Request { key_id, description: members.required_text("Description", &Text::DESCRIPTION)? })
}
