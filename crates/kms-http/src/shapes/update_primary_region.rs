//! [KMS:UpdatePrimaryRegion]

use kms_ops::update_primary_region::Request;

use super::{Input, entries::key_id};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    let primary_region = members.required_region("PrimaryRegion")?;
    let Some(primary_region) = primary_region else { return Err(members.refusal()) };
    Ok(Request { key_id, primary_region })
}
