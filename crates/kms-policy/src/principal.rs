//! The forms of a Principal element.

use kms_types::AccountId;

use crate::{
    MalformedPolicy, PrincipalPattern,
    error::clip,
    json::Json,
    parse::{texts, unexpected},
};

/// `"*"`, or an object of types and values.
pub(crate) fn parse(json: &Json) -> Result<Vec<PrincipalPattern>, MalformedPolicy> {
    match json {
        Json::Text(text) if text == "*" => Ok(vec![PrincipalPattern::Everyone]),
        Json::Object(types) if !types.is_empty() => {
            let mut principals = Vec::new();
            for (kind, values) in types {
                for value in texts(values, kind)? {
                    principals.push(one(kind, value)?);
                }
            }
            Ok(principals)
        }
        _ => Err(unexpected("Principal", "`*` or an object of principals")),
    }
}

fn one(kind: &str, value: &str) -> Result<PrincipalPattern, MalformedPolicy> {
    match kind {
        "AWS" => aws(value),
        "Service" => Ok(PrincipalPattern::Service(value.into())),
        "Federated" => Ok(PrincipalPattern::Federated(value.into())),
        "CanonicalUser" => Ok(PrincipalPattern::CanonicalUser(value.into())),
        _ => Err(MalformedPolicy::UnknownElement { element: clip(kind), place: "Principal" }),
    }
}

fn aws(value: &str) -> Result<PrincipalPattern, MalformedPolicy> {
    if value == "*" {
        return Ok(PrincipalPattern::Everyone);
    }
    if let Ok(account) = value.parse() {
        return Ok(PrincipalPattern::Account(account));
    }
    if value.starts_with("arn:") {
        return arn(value).ok_or_else(|| MalformedPolicy::InvalidArn { arn: clip(value) });
    }
    // Unique ids of deleted users and roles, and anything else that is not an ARN (section 9.4).
    Err(MalformedPolicy::InvalidPrincipal { principal: clip(value) })
}

/// Root, user, role, role session or federated user. Groups are not principals, and wildcards are not allowed.
fn arn(value: &str) -> Option<PrincipalPattern> {
    let fields: Vec<&str> = value.splitn(6, ':').collect();
    let [_, partition, service, "", account, resource] = fields.as_slice() else { return None };
    let account: AccountId = account.parse().ok()?;
    let (kind, name) = resource.split_once('/').unwrap_or((resource, ""));
    let named = !name.is_empty() && !value.contains(['*', '?']) && partition.starts_with("aws");
    match (*service, kind) {
        ("iam", "root") if name.is_empty() && partition.starts_with("aws") => {
            Some(PrincipalPattern::Account(account))
        }
        ("iam", "user" | "role") | ("sts", "assumed-role" | "federated-user") if named => {
            Some(PrincipalPattern::Identity(value.into()))
        }
        _ => None,
    }
}
