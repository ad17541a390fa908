//! [KMS:ListAliases]

use kms_ops::AliasEntry;
use kms_ops::list_aliases::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, page, time},
};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = members.text("KeyId", &Text::KEY_ID)?;
    let (limit, marker) = page(members)?;
    Ok(Request { key_id, limit, marker })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with("Aliases", response.aliases.iter().map(entry).collect::<Value>())
        .with_page(response.truncated, response.next_marker.as_deref())
        .done()
}

fn entry(alias: &AliasEntry) -> Value {
    Answer::default()
        .with_text("AliasName", &alias.alias_name)
        .with_text("AliasArn", &alias.alias_arn)
        .with_some("TargetKeyId", alias.target_key_id.map(|key| key.to_string()))
        .with_some("CreationDate", alias.creation_date.map(time))
        .with_some("LastUpdatedDate", alias.last_updated_date.map(time))
        .done()
}
