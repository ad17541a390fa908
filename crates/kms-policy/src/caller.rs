//! Who calls, with everything that extends or limits what they may do.

use kms_types::{Principal, Timestamp};
use std::{collections::BTreeMap, sync::Arc};

use crate::{Context, Policy};

/// A verified caller beside the policies that are attached to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    /// Who it is.
    pub principal: Principal,
    /// What its account's identity policies give it.
    pub permissions: Permissions,
    /// Its permissions boundary: of the user, or of the session's role.
    pub boundary: Option<NamedPolicy>,
    /// The policies that were passed when the session was made, inline and managed ones; they allow what any of them
    /// allows. `None` for long-term credentials and for sessions made without, which nothing limits.
    pub session_policies: Option<Vec<NamedPolicy>>,
    /// `aws:PrincipalTag`: tags of the user, or of the role and the session, which win.
    pub tags: BTreeMap<String, String>,
    /// What is known of a session; `None` for long-term credentials.
    pub session: Option<SessionFacts>,
}

/// The identity policies of a caller.
#[derive(Debug, Clone, PartialEq)]
pub enum Permissions {
    /// The root user of an account: everything, without a policy.
    Root,
    /// The policies of a user with those of its groups, or of a role.
    Policies(Vec<NamedPolicy>),
}

/// A policy under the name that an explanation gives it: the ARN of a managed one, or what it is inline in.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPolicy {
    /// For example `arn:aws:iam::111122223333:policy/Ledger` or `inline policy Ledger of role Worker`.
    pub name: String,
    /// The policy.
    pub policy: Arc<Policy>,
}

/// What conditions see of temporary credentials.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// `aws:TokenIssueTime`.
    pub issued_at: Timestamp,
    /// `aws:SourceIdentity`.
    pub source_identity: Option<String>,
}

impl Caller {
    /// The root user of an account, or a caller with nothing attached.
    pub fn bare(principal: Principal) -> Self {
        let permissions = match principal {
            Principal::Root { .. } => Permissions::Root,
            Principal::User(_)
            | Principal::AssumedRole(_)
            | Principal::FederatedUser { .. }
            | Principal::Service(_) => Permissions::Policies(Vec::new()),
        };
        Self {
            principal,
            permissions,
            boundary: None,
            session_policies: None,
            tags: BTreeMap::new(),
            session: None,
        }
    }

    /// Adds the condition keys that describe the caller (section 9.8). What does not apply stays absent.
    pub fn describe(&self, context: &mut Context) {
        let principal = &self.principal;
        let account = principal.account().to_string();
        context.add("kms:CallerAccount", account.as_str());
        context.add("aws:PrincipalType", principal.principal_type());
        context.add("aws:userid", principal.user_id());
        if let Some(name) = principal.user_name() {
            context.add("aws:username", name);
        }
        match principal.service() {
            None => {
                context.add("aws:PrincipalAccount", account);
                context.add("aws:PrincipalArn", principal.principal_arn());
                context.add("aws:PrincipalIsAWSService", false);
                context.add("aws:ViaAWSService", false);
            }
            Some(service) => describe_service(service, context),
        }
        for (key, value) in &self.tags {
            context.add(&format!("aws:PrincipalTag/{key}"), value.as_str());
        }
        if let Some(session) = &self.session {
            session.describe(context);
        }
    }
}

/// A service that calls for itself is a principal; one that calls for a customer is what the call came through.
fn describe_service(service: &kms_types::ServicePrincipal, context: &mut Context) {
    context.add("aws:PrincipalIsAWSService", true);
    context.add("aws:PrincipalServiceName", service.name.as_str());
    context.add("aws:PrincipalServiceNamesList", service.name.as_str());
    let via = service.on_behalf_of.as_ref().and_then(|o| o.via_service.as_deref());
    context.add("aws:ViaAWSService", via.is_some());
    if let Some(via) = via {
        context.add("kms:ViaService", via);
        for key in ["aws:CalledVia", "aws:CalledViaFirst", "aws:CalledViaLast"] {
            context.add(key, service.name.as_str());
        }
    }
    if let Some(customer) = &service.on_behalf_of {
        if let Some(account) = customer.account {
            context.add("aws:SourceAccount", account.to_string());
        }
        if let Some(arn) = &customer.source_arn {
            context.add("aws:SourceArn", arn.as_str());
        }
    }
}

impl SessionFacts {
    /// Second factors do not exist here, which sessions say and long-term credentials leave out.
    fn describe(&self, context: &mut Context) {
        context.add("aws:TokenIssueTime", self.issued_at);
        context.add("aws:MultiFactorAuthPresent", false);
        if let Some(identity) = &self.source_identity {
            context.add("aws:SourceIdentity", identity.as_str());
        }
    }
}
