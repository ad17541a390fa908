//! [KMS:DescribeCustomKeyStores]

use kms_ops::describe_custom_key_stores::{Request, Response};
use serde_json::{Value, json};

use super::{
    Input,
    entries::{Answer, page},
};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let custom_key_store_id = members.text("CustomKeyStoreId", &Text::CUSTOM_KEY_STORE_ID)?;
    let custom_key_store_name = members.text("CustomKeyStoreName", &Text::CUSTOM_KEY_STORE_NAME)?;
    let (limit, marker) = page(members)?;
    Ok(Request { custom_key_store_id, custom_key_store_name, limit, marker })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with("CustomKeyStores", json!([]))
        .with_page(response.truncated, response.next_marker.as_deref())
        .done()
}
