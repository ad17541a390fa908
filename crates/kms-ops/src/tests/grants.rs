//! Grants from end to end on one node: made, used, passed on, listed, retired and revoked.

mod callers;
mod creation;
mod listing;
mod passing_on;
mod removal;
mod using;

use kms_types::{EncryptionContext, GrantId, GrantOperation};

use super::{fixture::Fixture, requests::context};
use crate::{Denial, Error, GrantConstraintMembers, Response, create_grant};

/// A third account, beside the owner and the foreign one.
const OTHER: &str = "444455556666";

/// Makes a grant as the key's owner; its id and its token.
fn granted(f: &mut Fixture, request: create_grant::Request) -> (GrantId, String) {
    granted_as(f, super::fixture::OWN, request).unwrap()
}

fn granted_as(
    f: &mut Fixture,
    account: &str,
    request: create_grant::Request,
) -> Result<(GrantId, String), Error> {
    match f.call_as(account, request)? {
        Response::CreateGrant(response) => Ok((response.grant_id, response.grant_token)),
        other => panic!("{other:?}"),
    }
}

fn equals(pairs: &[(&str, &str)]) -> Option<GrantConstraintMembers> {
    let encryption_context_equals = Some(context(pairs));
    Some(GrantConstraintMembers { encryption_context_equals, ..GrantConstraintMembers::default() })
}

fn subset(pairs: &[(&str, &str)]) -> Option<GrantConstraintMembers> {
    let encryption_context_subset = Some(context(pairs));
    Some(GrantConstraintMembers { encryption_context_subset, ..GrantConstraintMembers::default() })
}

fn denial(result: Result<Response, Error>) -> (&'static str, Denial) {
    match result {
        Err(Error::AccessDenied { action, reason, .. }) => (action, reason),
        other => panic!("{other:?}"),
    }
}

/// A key policy that lets the owner's root manage the key and use it for nothing.
fn management_only() -> String {
    format!(
        r#"{{"Statement":{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Resource":"*","Action":
        ["kms:*Policy","kms:*Grant*","kms:DisableKey","kms:EnableKey","kms:ScheduleKeyDeletion"]}}}}"#,
        super::fixture::OWN
    )
}

/// The owner's policy with one more statement, a Deny.
fn denying(action: &str, condition: &str) -> String {
    format!(
        r#"{{"Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":"kms:*","Resource":"*"}},
        {{"Effect":"Deny","Principal":"*","Action":"{action}","Resource":"*","Condition":{{{condition}}}}}]}}"#,
        super::fixture::OWN
    )
}

const EVERYBODY: &str = r#""StringLike":{"kms:CallerAccount":"*"}"#;
const DECRYPT: &[GrantOperation] = &[GrantOperation::Decrypt];

fn none() -> EncryptionContext {
    EncryptionContext::default()
}
