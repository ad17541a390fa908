//! [KMS:ScheduleKeyDeletion]

use kms_ops::schedule_key_deletion::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, key_id, time},
};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    // The shape allows more than the operation does, so 31 days is refused further in.
    let pending_window_in_days = members.integer("PendingWindowInDays", 1, 365)?;
    members.default("PendingWindowInDays", kms_types::limits::DELETION_WINDOW_DAYS.2);
    Ok(Request { key_id, pending_window_in_days })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with_text("KeyId", &response.key_id)
        .with_some("DeletionDate", response.deletion_date.map(time))
        .with_text("KeyState", &response.key_state)
        .with("PendingWindowInDays", response.pending_window_in_days)
        .done()
}
