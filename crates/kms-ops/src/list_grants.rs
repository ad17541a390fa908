//! ListGrants [KMS:ListGrants].

use kms_state::Grant;
use kms_types::{GrantId, Operation};
use std::sync::Arc;

use crate::{
    AuditFacts, Error, GrantEntry, Step,
    authorize::{self, Authorized, authorize},
    case::Case,
    conditions,
    entries::grant_entry,
    grants::principal::{self, Named, named},
    page::{self, List},
    resolve::{Forms, resolve},
    revoke_grant::grant_id,
    state_table,
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Only this grant.
    pub grant_id: Option<String>,
    /// Only grants to this principal.
    pub grantee_principal: Option<String>,
    /// Only grants to this service, which must be the caller.
    pub grantee_service_principal: Option<String>,
    /// Most entries of the answer.
    pub limit: Option<u32>,
    /// Where the answer before this one ended.
    pub marker: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The grants, in order of their ids.
    pub grants: Vec<GrantEntry>,
    /// True when there is more.
    pub truncated: bool,
    /// Where to go on; present exactly when truncated.
    pub next_marker: Option<String>,
}

/// Decides the call; every key state allows it.
pub(crate) fn decide(case: &Case<'_>, request: &Request, facts: &mut AuditFacts) -> Result<Step, Error> {
    let grantee = named(
        request.grantee_principal.as_deref(),
        request.grantee_service_principal.as_deref(),
        "GranteePrincipal and GranteeServicePrincipal",
    )?;
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    let key = authorize(case, key, |context| conditions::add_for_aws_resource(context, case))?;
    state_table::check(Operation::ListGrants, key.key().state(case.region), key.arn())?;
    let id = request.grant_id.as_deref().map(grant_id).transpose()?;
    let grantee = match grantee {
        Named::Identity(arn) => Some(arn.to_owned()),
        Named::Service(name) => {
            let service = principal::own_service(case, name, "GranteeServicePrincipal")?;
            Some(service.as_str().to_owned())
        }
        Named::Nobody => None,
    };
    Ok(Step::Answer(run(case, &key, id, grantee.as_deref(), request)?.into()))
}

/// Walks the index that fits the filters, so that a page costs what it shows.
fn run(
    case: &Case<'_>,
    key: &Authorized<'_, authorize::ListGrants>,
    id: Option<GrantId>,
    grantee: Option<&str>,
    request: &Request,
) -> Result<Response, Error> {
    let shown_id = id.map(|id| id.to_string()).unwrap_or_default();
    let scope = format!("{} {shown_id} {}", key.arn(), grantee.unwrap_or_default());
    let list = List { operation: Operation::ListGrants, scope: &scope };
    let after = list.after(request.marker.as_deref())?;
    let after: Option<GrantId> =
        after.map(|last| last.parse().map_err(|_| Error::InvalidMarker)).transpose()?;
    let key_id = key.key().id;
    let rest: Box<dyn Iterator<Item = &Arc<Grant>> + '_> = match (id, grantee) {
        (Some(id), _) => Box::new(
            case.view
                .grant(&key_id, &id)
                .into_iter()
                .filter(move |grant| after.is_none_or(|after| grant.id > after))
                .filter(move |grant| grantee.is_none_or(|wanted| grant.terms.grantee.as_str() == wanted)),
        ),
        (None, Some(grantee)) => Box::new(case.view.grants_to(key_id, grantee, after)),
        (None, None) => Box::new(case.view.grants_of(key_id, after)),
    };
    let page = list.page(rest, page::limit(request.limit, 50, 100), |grant| grant.id.to_string());
    let truncated = page.truncated();
    let grants = page.items.iter().map(|grant| grant_entry(case, key.key().account, grant)).collect();
    Ok(Response { grants, truncated, next_marker: page.next_marker })
}
