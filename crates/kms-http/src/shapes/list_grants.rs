//! [KMS:ListGrants]

use kms_ops::list_grants::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{grant_list, key_id, page},
};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let key_id = key_id(members)?;
    let grant_id = members.text("GrantId", &Text::GRANT_ID)?;
    let grantee_principal = members.text("GranteePrincipal", &Text::PRINCIPAL)?;
    let grantee_service_principal = members.text("GranteeServicePrincipal", &Text::SERVICE_PRINCIPAL)?;
    let (limit, marker) = page(members)?;
    Ok(Request { key_id, grant_id, grantee_principal, grantee_service_principal, limit, marker })
}

pub(super) fn render(response: &Response) -> Value {
    grant_list(&response.grants, response.truncated, response.next_marker.as_deref())
}
