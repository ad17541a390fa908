//! ListRetirableGrants [KMS:ListRetirableGrants].

use kms_policy::{PolicySource, Target, Verdict, evaluate};
use kms_types::{GrantId, IdentityArn, KeyId, Operation};

use crate::{
    Denial, Error, GrantEntry, Step,
    case::Case,
    conditions,
    entries::grant_entry,
    grants::principal::{self, Named, named},
    page::{self, List},
};

const ACTION: &str = "kms:ListRetirableGrants";

/// The request: whose retirable grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The retiring principal, of the caller's account.
    pub retiring_principal: Option<String>,
    /// The retiring service, which must be the caller.
    pub retiring_service_principal: Option<String>,
    /// Most entries of the answer.
    pub limit: Option<u32>,
    /// Where the answer before this one ended.
    pub marker: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The grants on keys of any account, in order of key and grant.
    pub grants: Vec<GrantEntry>,
    /// True when there is more.
    pub truncated: bool,
    /// Where to go on; present exactly when truncated.
    pub next_marker: Option<String>,
}

/// Decides the call: a permission of the account, which its root always has, on the principal that is asked about.
pub(crate) fn decide(case: &Case<'_>, request: &Request) -> Result<Step, Error> {
    const MEMBERS: &str = "RetiringPrincipal and RetiringServicePrincipal";
    let identity = request.retiring_principal.as_deref();
    let retiring = match named(identity, request.retiring_service_principal.as_deref(), MEMBERS)? {
        Named::Identity(text) => own_principal(case, text)?.to_string(),
        Named::Service(name) => principal::own_service(case, name, "RetiringServicePrincipal")?.to_string(),
        Named::Nobody => return Err(Error::Validation(format!("Specify one of {MEMBERS}."))),
    };
    Ok(Step::Answer(run(case, &retiring, request)?.into()))
}

/// Principals of other accounts are none of the caller's business; those of its own it needs a permission for.
fn own_principal(case: &Case<'_>, text: &str) -> Result<IdentityArn, Error> {
    let arn: IdentityArn = text.parse().map_err(|_| Error::InvalidPrincipalArn { arn: text.into() })?;
    let context = conditions::of_caller(case);
    let target = Target::Plain { resource: arn.as_str() };
    let request = kms_policy::Request { caller: case.identity, action: ACTION, target, context: &context };
    let reason = match evaluate(&request).verdict {
        Verdict::Allow(_) if arn.account() == case.account() => return Ok(arn),
        Verdict::Allow(_) => Denial::Implicit(PolicySource::Identity),
        Verdict::ExplicitDeny(source) => Denial::Explicit(source),
        Verdict::ImplicitDeny(source) => Denial::Implicit(source),
    };
    let resource = Some(arn.to_string());
    Err(Error::AccessDenied { caller: case.caller().arn(), action: ACTION, resource, reason })
}

fn run(case: &Case<'_>, retiring: &str, request: &Request) -> Result<Response, Error> {
    let scope = format!("{} {retiring}", case.account());
    let list = List { operation: Operation::ListRetirableGrants, scope: &scope };
    let after = match list.after(request.marker.as_deref())? {
        Some(last) => Some(place(&last).ok_or(Error::InvalidMarker)?),
        None => None,
    };
    let limit = page::limit(request.limit, 50, 100);
    let rest = case.view.grants_retirable_by(retiring, after);
    let page = list.page(rest, limit, |grant| format!("{} {}", grant.key, grant.id));
    let truncated = page.truncated();
    let of_keys = page.items.iter().filter_map(|grant| Some((case.key(&grant.key)?, grant)));
    let grants = of_keys.map(|(key, grant)| grant_entry(case, key.account, grant)).collect();
    Ok(Response { grants, truncated, next_marker: page.next_marker })
}

fn place(text: &str) -> Option<(KeyId, GrantId)> {
    let (key, grant) = text.split_once(' ')?;
    Some((key.parse().ok()?, grant.parse().ok()?))
}
