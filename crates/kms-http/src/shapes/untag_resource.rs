//! [KMS:UntagResource]

use kms_ops::untag_resource::Request;

use super::{Input, entries::key_id};
use crate::validate::{Length, Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    members.require("TagKeys");
    Ok(Request { key_id, tag_keys: members.texts("TagKeys", Length::ANY, &Text::TAG_KEY)? })
}
