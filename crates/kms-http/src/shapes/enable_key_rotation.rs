//! [KMS:EnableKeyRotation]

use kms_ops::enable_key_rotation::Request;

use super::{Input, entries::key_id};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let (least, most, _) = kms_types::limits::ROTATION_PERIOD_DAYS;
    let key_id = key_id(members)?;
    Ok(Request { key_id, rotation_period_in_days: members.integer("RotationPeriodInDays", least, most)? })
}
