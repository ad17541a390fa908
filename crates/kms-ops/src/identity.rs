//! What the replicated state knows about principals: the policies of a caller, and who exists.

use kms_policy::{Caller, NamedPolicy, Permissions, PrincipalDirectory, SessionFacts};
use kms_state::{
    CredentialRef, Session, State,
    identity::{Group, PolicyDocument, Role, User},
};
use kms_types::{AccountId, Principal};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use crate::aws_managed;

/// The caller with its policies, boundary, session policies and tags, as the view has them (B2).
pub(crate) fn attached(principal: &Principal, credential: &CredentialRef, view: &State) -> Caller {
    let session = match credential {
        CredentialRef::Session(session) => Some(session.as_ref()),
        CredentialRef::Configured(_) | CredentialRef::AccessKey(_) => None,
    };
    let held = match principal {
        Principal::User(user) => view.identity().user_by_id(&user.id).map(|user| Held::of_user(user, view)),
        Principal::AssumedRole(role) => {
            view.identity().role_by_id(&role.role_id).map(|r| Held::of_role(r, view))
        }
        Principal::FederatedUser { .. } => session.map(|session| Held::of_issuer(&session.issuer, view)),
        Principal::Root { .. } => Some(Held { permissions: Permissions::Root, ..Held::default() }),
        Principal::Service(_) => None,
    };
    let Held { permissions, boundary, mut tags } = held.unwrap_or_default();
    tags.extend(session.map(|session| session.tags.clone()).unwrap_or_default());
    Caller {
        principal: principal.clone(),
        permissions,
        boundary,
        session_policies: session.and_then(|session| session_policies(session, view)),
        tags,
        session: session.map(|session| SessionFacts {
            issued_at: session.issued_at,
            source_identity: session.source_identity.clone(),
        }),
    }
}

/// What hangs on a user or role.
struct Held {
    permissions: Permissions,
    boundary: Option<NamedPolicy>,
    tags: BTreeMap<String, String>,
}

impl Default for Held {
    fn default() -> Self {
        Self { permissions: Permissions::Policies(Vec::new()), boundary: None, tags: BTreeMap::new() }
    }
}

impl Held {
    fn of_user(user: &User, view: &State) -> Self {
        let mut policies =
            of_holder(&user.inline_policies, &user.attached_policies, "user", &user.name, view);
        let groups = user.groups.iter().filter_map(|name| view.identity().group(user.account, name));
        policies.extend(groups.flat_map(|group| of_group(group, view)));
        Self {
            permissions: Permissions::Policies(policies),
            boundary: user.boundary.as_deref().map(|arn| managed(arn, view)),
            tags: user.tags.clone(),
        }
    }

    fn of_role(role: &Role, view: &State) -> Self {
        let policies = of_holder(&role.inline_policies, &role.attached_policies, "role", &role.name, view);
        Self {
            permissions: Permissions::Policies(policies),
            boundary: role.boundary.as_deref().map(|arn| managed(arn, view)),
            tags: role.tags.clone(),
        }
    }

    /// A federated user may do what its session policies and the user or root behind it both may; tags are its own.
    fn of_issuer(issuer: &Principal, view: &State) -> Self {
        let held = match issuer {
            Principal::Root { .. } => Self { permissions: Permissions::Root, ..Self::default() },
            Principal::User(user) => {
                view.identity().user_by_id(&user.id).map(|user| Self::of_user(user, view)).unwrap_or_default()
            }
            Principal::AssumedRole(_) | Principal::FederatedUser { .. } | Principal::Service(_) => {
                Self::default()
            }
        };
        Self { tags: BTreeMap::new(), ..held }
    }
}

fn of_group(group: &Group, view: &State) -> Vec<NamedPolicy> {
    of_holder(&group.inline_policies, &group.attached_policies, "group", &group.name, view)
}

fn of_holder(
    inline: &BTreeMap<String, PolicyDocument>,
    attached: &BTreeSet<String>,
    kind: &str,
    holder: &str,
    view: &State,
) -> Vec<NamedPolicy> {
    let inline = inline
        .iter()
        .map(|(name, document)| named(format!("inline policy {name} of {kind} {holder}"), Some(document)));
    inline.chain(attached.iter().map(|arn| managed(arn, view))).collect()
}

/// A managed policy as it is now, whatever it is used for.
fn managed(arn: &str, view: &State) -> NamedPolicy {
    let of_aws = aws_managed::find(arn).map(|policy| &policy.document);
    named(arn.to_owned(), of_aws.or_else(|| view.identity().policy(arn)?.document()))
}

/// What is there and cannot be read may have denied: it denies everything (B3). Documents are checked when they are put,
/// so only a defect leads here.
static DENY_ALL: LazyLock<PolicyDocument> = LazyLock::new(|| {
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}"#.into()
});

/// Nothing is parsed here but the first time (see [`PolicyDocument::compiled`]).
#[expect(clippy::expect_used, reason = "a constant of this file, read by a test")]
fn named(name: String, document: Option<&PolicyDocument>) -> NamedPolicy {
    let compiled = document.and_then(PolicyDocument::compiled);
    let policy = compiled.or_else(|| DENY_ALL.compiled()).expect("parses");
    NamedPolicy { name, policy: policy.clone() }
}

/// A federated user without session policies may do nothing by identity policies [STS:API].
fn session_policies(session: &Session, view: &State) -> Option<Vec<NamedPolicy>> {
    let inline = session.policy.iter().map(|document| named("session policy".into(), Some(document)));
    let managed = session.policy_arns.iter().map(|arn| managed(arn, view));
    let policies: Vec<NamedPolicy> = inline.chain(managed).collect();
    let federated = matches!(session.principal, Principal::FederatedUser { .. });
    (federated || !policies.is_empty()).then_some(policies)
}

/// The users and roles of a view.
pub(crate) fn directory(view: &State) -> impl PrincipalDirectory {
    Directory(view)
}

struct Directory<'a>(&'a State);

impl PrincipalDirectory for Directory<'_> {
    fn user_id(&self, account: AccountId, path: &str, name: &str) -> Option<String> {
        let user = self.0.identity().user(account, name)?;
        (user.path == path && user.name == name).then(|| user.id.clone())
    }

    fn role_id(&self, account: AccountId, path: Option<&str>, name: &str) -> Option<String> {
        let role = self.0.identity().role(account, name)?;
        (role.name == name && path.is_none_or(|path| path == role.path)).then(|| role.id.clone())
    }
}

/// A policy as it is shown: where it names a user or role that is gone, its unique id; one that was renamed, its present
/// ARN (section 9.4). Only inside Principal elements.
pub(crate) fn translated<'a>(
    document: &str,
    ids: impl IntoIterator<Item = (&'a str, &'a str)>,
    view: &State,
) -> String {
    let changes: Vec<(String, String)> = ids
        .into_iter()
        .filter_map(|(arn, id)| {
            let current = view.arn_of_id(id);
            let is_session = arn.starts_with("arn:aws:sts:");
            match current {
                Some(_) if is_session => None,
                Some(current) if current == arn => None,
                Some(current) => Some((quoted(arn), quoted(&current))),
                None => Some((quoted(arn), quoted(id))),
            }
        })
        .collect();
    if changes.is_empty() { document.to_owned() } else { in_principals(document, &changes) }
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn in_principals(document: &str, changes: &[(String, String)]) -> String {
    let mut out = String::with_capacity(document.len());
    let mut rest = document;
    while let Some(at) = rest.find("Principal\"") {
        let (before, from) = rest.split_at(at + "Principal\"".len());
        let (value, after) = from.split_at(value_end(from));
        out.push_str(before);
        out.push_str(&changes.iter().fold(value.to_owned(), |text, (old, new)| text.replace(old, new)));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where the JSON value after a name ends: at the end of the braces or brackets that it opens, or of a string.
fn value_end(text: &str) -> usize {
    let (mut depth, mut in_string, mut escaped) = (0_u32, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if in_string => escaped = true,
            '"' if in_string && depth == 0 => return at + 1,
            '"' => in_string = !in_string,
            _ if in_string => {}
            '{' | '[' => depth += 1,
            '}' | ']' if depth <= 1 => return at + 1,
            '}' | ']' => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_denies() {
        let deny_all = DENY_ALL.compiled().unwrap();
        assert_eq!(named("x".into(), Some(&"{".into())).policy, *deny_all);
        assert_eq!(named("x".into(), None).policy, *deny_all);
    }

    #[test]
    fn a_document_is_compiled_once() {
        let document = PolicyDocument::from(DENY_ALL.text());
        let (first, second) = (named("x".into(), Some(&document)), named("y".into(), Some(&document)));
        assert!(std::sync::Arc::ptr_eq(&first.policy, &second.policy));
    }

    #[test]
    fn ids_are_shown_in_principals_only() {
        let arn = "arn:aws:iam::111122223333:user/ann";
        let document = format!(
            r#"{{"Statement":[{{"Principal":{{"AWS":["{arn}","x"]}},"Condition":{{"ArnEquals":{{"aws:PrincipalArn":"{arn}"}}}}}},{{"NotPrincipal":{{"AWS":"{arn}"}}}}]}}"#
        );
        let shown = translated(&document, [(arn, "AIDAGONE")], &State::new());
        assert_eq!(
            shown,
            format!(
                r#"{{"Statement":[{{"Principal":{{"AWS":["AIDAGONE","x"]}},"Condition":{{"ArnEquals":{{"aws:PrincipalArn":"{arn}"}}}}}},{{"NotPrincipal":{{"AWS":"AIDAGONE"}}}}]}}"#
            )
        );
        assert_eq!(translated(&document, [], &State::new()), document);
    }
}
