//! [KMS:TagResource]

use kms_ops::tag_resource::Request;

use super::{
    Input,
    entries::{key_id, tags},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    members.require("Tags");
    Ok(Request { key_id, tags: tags(members)? })
}
