//! [KMS:ListKeys]

use kms_ops::list_keys::{Request, Response};
use kms_types::{KeyArn, ResourceOwner};
use serde_json::{Value, json};

use super::{
    Input,
    entries::{Answer, page},
};
use crate::validate::{Length, Members};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let (limit, marker) = page(members)?;
    let resource_owners = members.choices("ResourceOwners", Length::new(1, 2), ResourceOwner::ALL)?;
    Ok(Request { limit, marker, resource_owners })
}

pub(super) fn render(response: &Response) -> Value {
    let entry = |arn: &KeyArn| json!({"KeyId": arn.key.to_string(), "KeyArn": arn.to_string()});
    Answer::default()
        .with("Keys", response.keys.iter().map(entry).collect::<Value>())
        .with_page(response.truncated, response.next_marker.as_deref())
        .done()
}
