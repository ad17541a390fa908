//! [KMS:CreateGrant]

use kms_ops::GrantConstraintMembers;
use kms_ops::create_grant::{Request, Response};
use kms_types::GrantOperation;
use serde_json::Value;

use super::{
    Input,
    entries::{Answer, grant_tokens, key_id},
};
use crate::validate::{Length, Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    members.require("Operations");
    Ok(Request {
        key_id,
        grantee_principal: members.text("GranteePrincipal", &Text::PRINCIPAL)?,
        grantee_service_principal: members.text("GranteeServicePrincipal", &Text::SERVICE_PRINCIPAL)?,
        retiring_principal: members.text("RetiringPrincipal", &Text::PRINCIPAL)?,
        retiring_service_principal: members.text("RetiringServicePrincipal", &Text::SERVICE_PRINCIPAL)?,
        operations: members.choices("Operations", Length::ANY, GrantOperation::ALL)?,
        constraints: members.object("Constraints", |constraints| {
            Ok(GrantConstraintMembers {
                encryption_context_subset: constraints.optional_context("EncryptionContextSubset")?,
                encryption_context_equals: constraints.optional_context("EncryptionContextEquals")?,
                source_arn: constraints.text("SourceArn", &Text::GRANT_SOURCE_ARN)?,
            })
        })?,
        grant_tokens: grant_tokens(members)?,
        name: members.text("Name", &Text::GRANT_NAME)?,
        dry_run: members.flag("DryRun")?.unwrap_or(false),
    })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default()
        .with("GrantToken", response.grant_token.as_str())
        .with_text("GrantId", &response.grant_id)
        .done()
}
