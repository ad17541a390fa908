//! [KMS:EnableKey]

use kms_ops::enable_key::Request;

use super::{Input, entries::key_id};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request { key_id: key_id(members)? })
}
