//! Grants as authorization sees them: which grant lets a caller do something that no policy allows.
//!
//! Grants only allow (section 9.2): this is asked after every policy, and never when one denies. A grant is known on
//! every node of the Region from the moment CreateGrant answers, so a grant token adds nothing; it is checked, and
//! otherwise ignored.

pub(crate) mod principal;
pub(crate) mod terms;
pub(crate) mod token;

use kms_policy::{Context, GrantRef, Value};
use kms_state::{ComparedContext, Grant, GrantTerms, GrantUse, Key, State};
use kms_types::{GrantId, GrantOperation, GrantPrincipal, Principal};
use std::sync::Arc;

/// The grants on a key, for one caller and one request. The conditions of the request carry what constraints look at:
/// the encryption context of the side that is asked about, and the resource that a service acts for.
pub(crate) struct GrantsOn<'a> {
    pub(crate) view: &'a State,
    pub(crate) key: &'a Key,
    pub(crate) caller: &'a Principal,
    pub(crate) conditions: &'a Context,
    /// The grant that a CreateGrant asks for. Without it no grant allows CreateGrant.
    pub(crate) child: Option<&'a GrantTerms>,
}

impl kms_policy::Grants for GrantsOn<'_> {
    fn allowing(&self, action: &str) -> Option<GrantRef> {
        let operation: GrantOperation = action.strip_prefix("kms:")?.parse().ok()?;
        match operation {
            // Who may retire a grant is that grant's own matter: `may_retire`.
            GrantOperation::RetireGrant => return None,
            GrantOperation::CreateGrant if self.child.is_none() => return None,
            _ => {}
        }
        self.find(operation).map(|grant_id| GrantRef { grant_id })
    }
}

impl GrantsOn<'_> {
    fn find(&self, operation: GrantOperation) -> Option<GrantId> {
        let Self { view, key, .. } = self;
        if view.grant_count(&key.id) == 0 {
            return None;
        }
        let context = encryption_context(self.conditions);
        let asked = GrantUse { operation, context: &context, source_arn: source_arn(self.conditions) };
        let passes = |grant: &&Arc<Grant>| self.child.is_none_or(|child| grant.terms.may_pass_on(child));
        let mut names = principal::names_of(self.caller).into_iter();
        names.find_map(|name| view.grants_allowing(key.id, &name, &asked).find(passes).map(|grant| grant.id))
    }
}

/// Section 8.4, all but the policies: the retiring principal, and the grantee whose grant includes RetireGrant.
pub(crate) fn may_retire(caller: &Principal, grant: &Grant) -> bool {
    let names = principal::names_of(caller);
    let is = |principal: &GrantPrincipal| names.iter().any(|name| name.mark() == principal.mark());
    let terms = &grant.terms;
    let as_grantee = terms.operations.contains(&GrantOperation::RetireGrant) && is(&terms.grantee);
    as_grantee || terms.retiring.as_ref().is_some_and(is)
}

const CONTEXT_PREFIX: &str = "kms:encryptioncontext:";

/// The pairs of the request as its conditions have them, names in lower case; constraints compare them so.
fn encryption_context(conditions: &Context) -> ComparedContext {
    let pairs =
        conditions.iter().filter_map(|(key, values)| Some((key.strip_prefix(CONTEXT_PREFIX)?, values)));
    ComparedContext::new(
        pairs.flat_map(|(name, values)| values.iter().filter_map(move |v| Some((name, text(v)?)))),
    )
}

fn source_arn(conditions: &Context) -> Option<&str> {
    let (_, values) = conditions.iter().find(|(key, _)| *key == "aws:sourcearn")?;
    text(values.first()?)
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Number(_) | Value::Bool(_) | Value::Time(_) | Value::Ip(_) => None,
    }
}
