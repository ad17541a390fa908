//! [KMS:GetKeyRotationStatus]

use kms_ops::get_key_rotation_status::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, key_id, time},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request { key_id: key_id(members)? })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with("KeyRotationEnabled", response.key_rotation_enabled)
        .with_text("KeyId", &response.key_id)
        .with_some("RotationPeriodInDays", response.rotation_period_in_days)
        .with_some("NextRotationDate", response.next_rotation_date.map(time))
        .with_some("OnDemandRotationStartDate", response.on_demand_rotation_start_date.map(time))
        .done()
}
