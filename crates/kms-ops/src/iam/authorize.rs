//! Who may call IAM and STS: the root of an account always, others by their identity policies.

use kms_policy::{Context, Target, Verdict, evaluate};

use super::{IamError, call::Case};
use crate::{Denial, conditions::Setting};

impl Case<'_> {
    /// Passes when the caller's policies allow `action` on `resource`; `extra` adds the condition keys of the request.
    pub(super) fn authorize(
        &self,
        action: &str,
        resource: &str,
        extra: impl FnOnce(&mut Context),
    ) -> Result<(), IamError> {
        let mut context = self.context();
        extra(&mut context);
        self.decide(action, resource, Target::Plain { resource }, &context)
    }

    pub(super) fn decide(
        &self,
        action: &str,
        resource: &str,
        target: Target<'_>,
        context: &Context,
    ) -> Result<(), IamError> {
        let request = kms_policy::Request { caller: self.identity, action, target, context };
        let reason = match evaluate(&request).verdict {
            Verdict::Allow(_) => return Ok(()),
            Verdict::ExplicitDeny(source) => Denial::Explicit(source),
            Verdict::ImplicitDeny(source) => Denial::Implicit(source),
        };
        let caller = self.call.caller.arn();
        Err(IamError::AccessDenied { caller, action: action.into(), resource: resource.into(), reason })
    }

    /// The condition keys of the caller and the moment.
    pub(super) fn context(&self) -> Context {
        let circumstances = &self.call.circumstances;
        Setting { identity: self.identity, region: self.region, now: self.now(), circumstances }.context()
    }
}

/// The condition keys of tags in a request.
pub(super) fn add_tags<'a>(context: &mut Context, tags: impl IntoIterator<Item = (&'a String, &'a String)>) {
    for (key, value) in tags {
        context.add(&format!("aws:RequestTag/{key}"), value.as_str());
        context.add("aws:TagKeys", key.as_str());
    }
}
