//! [KMS:GenerateRandom]

use kms_ops::generate_random::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, recipient},
};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request {
        number_of_bytes: members.integer("NumberOfBytes", 1, kms_types::limits::MAX_RANDOM_BYTES)?,
        custom_key_store_id: members.text("CustomKeyStoreId", &Text::CUSTOM_KEY_STORE_ID)?,
        recipient: recipient(members)?,
    })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default().with_secret("Plaintext", &response.plaintext).done()
}
