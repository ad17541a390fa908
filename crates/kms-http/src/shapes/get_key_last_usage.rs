//! [KMS:GetKeyLastUsage]

use kms_ops::{
    LastUsage,
    get_key_last_usage::{Request, Response},
};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, key_id, time},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request { key_id: key_id(members)? })
}

/// A key that was never used has an empty `KeyLastUsage`.
pub(super) fn render(response: &Response) -> Value {
    let last = response.key_last_usage.as_ref().map_or_else(|| Answer::default().done(), usage);
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with("KeyLastUsage", last)
        .with("TrackingStartDate", time(response.tracking_start_date))
        .with("KeyCreationDate", time(response.key_creation_date))
        .done()
}

fn usage(last: &LastUsage) -> Value {
    Answer::default()
        .with_text("Operation", &last.operation)
        .with("Timestamp", time(last.at))
        .with_text("CloudTrailEventId", &last.event)
        .with_text("KmsRequestId", &last.request)
        .done()
}
