//! [KMS:ListRetirableGrants]

use kms_ops::list_retirable_grants::{Request, Response};
use serde_json::Value;

use super::{
    Input,
    entries::{grant_list, page},
};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let retiring_principal = members.text("RetiringPrincipal", &Text::PRINCIPAL)?;
    let retiring_service_principal = members.text("RetiringServicePrincipal", &Text::SERVICE_PRINCIPAL)?;
    let (limit, marker) = page(members)?;
    Ok(Request { retiring_principal, retiring_service_principal, limit, marker })
}

pub(super) fn render(response: &Response) -> Value {
    grant_list(&response.grants, response.truncated, response.next_marker.as_deref())
}
