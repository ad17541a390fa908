//! Inline policies of users, groups and roles [IAM:API].

use kms_policy::{Policy, PolicyKind};

use super::{
    IamError, Tree,
    call::{Case, Decided},
    owner::{Owner, OwnerKind},
    page::page,
    params::{DOCUMENT, LONG_NAME},
    write::Change,
};

pub(super) fn put(case: &Case<'_>, kind: OwnerKind) -> Result<Decided, IamError> {
    let name = case.params().required("PolicyName", &LONG_NAME)?;
    let document = case.params().required("PolicyDocument", &DOCUMENT)?;
    let mut owner = kind.authorized(case, &format!("iam:Put{}Policy", kind.word()))?;
    check(document, PolicyKind::Identity)?;
    owner.inline_mut().insert(name.into(), document.into());
    let (total, most) =
        (owner.inline().values().map(|policy| size(policy.text())).sum::<usize>(), kind.inline_limit());
    if total > most {
        return Err(IamError::LimitExceeded(format!(
            "Maximum policy size of {most} bytes exceeded for {} {}",
            kind.word().to_lowercase(),
            owner.name()
        )));
    }
    Ok(changed(case, owner))
}

/// Characters that count against a quota: white space does not.
pub(super) fn size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

/// A document that does not follow the grammar is never stored (invariant B3).
pub(super) fn check(document: &str, kind: PolicyKind) -> Result<Policy, IamError> {
    Policy::parse(kind, document).map_err(|error| IamError::MalformedPolicyDocument(error.to_string()))
}

fn changed(case: &Case<'_>, owner: Owner) -> Decided {
    let mut change = Change::new();
    change.put(case.view, owner.record());
    Decided::Change(change, None)
}

fn missing(owner: &Owner, kind: OwnerKind, name: &str) -> IamError {
    IamError::NoSuchEntity(format!(
        "The {} policy with name {name} on {} cannot be found.",
        kind.word().to_lowercase(),
        owner.name()
    ))
}

pub(super) fn get(case: &Case<'_>, kind: OwnerKind) -> Result<Decided, IamError> {
    let name = case.params().required("PolicyName", &LONG_NAME)?;
    let owner = kind.authorized(case, &format!("iam:Get{}Policy", kind.word()))?;
    let document = owner.inline().get(name).ok_or_else(|| missing(&owner, kind, name))?;
    let holder = match kind {
        OwnerKind::User => "UserName",
        OwnerKind::Group => "GroupName",
        OwnerKind::Role => "RoleName",
    };
    Ok(Decided::Answer(Some(Tree::Struct(vec![
        (holder, owner.name().into()),
        ("PolicyName", name.into()),
        ("PolicyDocument", encoded(document.text()).into()),
    ]))))
}

/// Documents leave percent-encoded, as the model says [RFC3986].
pub(super) fn encoded(document: &str) -> String {
    use std::fmt::Write;
    let mut out = String::with_capacity(document.len() * 2);
    for byte in document.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

pub(super) fn delete(case: &Case<'_>, kind: OwnerKind) -> Result<Decided, IamError> {
    let name = case.params().required("PolicyName", &LONG_NAME)?;
    let mut owner = kind.authorized(case, &format!("iam:Delete{}Policy", kind.word()))?;
    if owner.inline_mut().remove(name).is_none() {
        return Err(missing(&owner, kind, name));
    }
    Ok(changed(case, owner))
}

pub(super) fn list(case: &Case<'_>, kind: OwnerKind) -> Result<Decided, IamError> {
    let owner = kind.authorized(case, &format!("iam:List{}Policies", kind.word()))?;
    let names = owner.inline().keys().map(|name| (name.clone(), Tree::from(name.as_str())));
    Ok(Decided::Answer(Some(page(case.params(), "PolicyNames", names)?)))
}
