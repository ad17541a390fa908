//! The condition keys that every request on a key carries (sections 9.7 and 9.8). One that does not apply is absent.

use kms_policy::{Caller, Context};
use kms_state::{ContextConstraint, GrantConstraints, GrantTerms, Key, State};
use kms_types::{
    AccountId, EncryptionAlgorithm, EncryptionContext, GrantPrincipal, KeyOrigin, KeySpec, KeyUsage,
    MessageType, MultiRegionKeyType, Region, SigningAlgorithm, Timestamp,
};

use crate::{Circumstances, Transport, case::Case};

/// What conditions see of a key, also of one that is only about to exist.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KeyFacts {
    pub(crate) account: AccountId,
    pub(crate) spec: KeySpec,
    pub(crate) usage: KeyUsage,
    pub(crate) origin: KeyOrigin,
    /// Absent for single-Region keys.
    pub(crate) multi_region: Option<MultiRegionKeyType>,
}

impl KeyFacts {
    pub(crate) fn of(key: &Key, region: &Region) -> Self {
        let multi_region = key.multi_region.as_ref().map(|m| match m.primary == *region {
            true => MultiRegionKeyType::Primary,
            false => MultiRegionKeyType::Replica,
        });
        Self { account: key.account, spec: key.spec, usage: key.usage, origin: key.origin, multi_region }
    }
}

/// What conditions see of a call before the key: who calls, where, when and how.
pub(crate) struct Setting<'a> {
    pub(crate) identity: &'a Caller,
    pub(crate) region: &'a Region,
    /// Region time.
    pub(crate) now: Timestamp,
    pub(crate) circumstances: &'a Circumstances,
}

impl<'a> Setting<'a> {
    fn of(case: &Case<'a>) -> Self {
        Self {
            identity: case.identity,
            region: case.region,
            now: case.now(),
            circumstances: &case.call.circumstances,
        }
    }

    pub(crate) fn context(&self) -> Context {
        let mut context = Context::default();
        self.identity.describe(&mut context);
        context.add("aws:RequestedRegion", self.region.as_str());
        context.add("aws:CurrentTime", self.now);
        context.add("aws:EpochTime", self.now);
        let Circumstances { source_ip, user_agent, referer, transport } = self.circumstances;
        if let Some(address) = source_ip {
            context.add("aws:SourceIp", *address);
        }
        if let Some(agent) = user_agent {
            context.add("aws:UserAgent", agent.as_str());
        }
        if let Some(referer) = referer {
            context.add("aws:Referer", referer.as_str());
        }
        context.add("aws:SecureTransport", *transport == Transport::Tls);
        context
    }
}

/// The condition keys of the caller, of the call and of this Region.
pub(crate) fn of_caller(case: &Case<'_>) -> Context {
    Setting::of(case).context()
}

/// The condition keys of the caller, the Region and the key.
pub(crate) fn of_key(case: &Case<'_>, key: &KeyFacts) -> Context {
    let mut context = of_caller(case);
    key.describe(&mut context);
    context
}

/// The condition keys of the caller, the Region and a key that exists.
pub(crate) fn of_existing(case: &Case<'_>, key: &Key) -> Context {
    let mut context = of_caller(case);
    describe(key, case.view, case.region, &mut context);
    context
}

/// Adds what conditions see of a key that exists. Tags and aliases mean something only in identity policies, which
/// `kms-policy` knows.
pub(crate) fn describe(key: &Key, view: &State, region: &Region, context: &mut Context) {
    KeyFacts::of(key, region).describe(context);
    for (name, value) in &key.tags {
        context.add(&format!("aws:ResourceTag/{name}"), value.as_str());
    }
    for alias in view.aliases_of_key(key.id) {
        context.add("kms:ResourceAliases", alias.as_str());
    }
}

impl KeyFacts {
    fn describe(&self, context: &mut Context) {
        for name in ["kms:KeySpec", "kms:CustomerMasterKeySpec"] {
            context.add(name, self.spec.as_str());
        }
        for name in ["kms:KeyUsage", "kms:CustomerMasterKeyUsage"] {
            context.add(name, self.usage.as_str());
        }
        context.add("kms:KeyOrigin", self.origin.as_str());
        context.add("kms:MultiRegion", self.multi_region.is_some());
        if let Some(part) = self.multi_region {
            context.add("kms:MultiRegionKeyType", part.as_str());
        }
        context.add("aws:ResourceAccount", self.account.to_string());
    }
}

/// The condition keys of a symmetric cryptographic request.
pub(crate) fn add_cryptography(
    context: &mut Context,
    algorithm: EncryptionAlgorithm,
    encryption_context: &EncryptionContext,
) {
    context.add("kms:EncryptionAlgorithm", algorithm.as_str());
    add_encryption_context(context, encryption_context);
}

fn add_encryption_context(context: &mut Context, encryption_context: &EncryptionContext) {
    for (key, value) in encryption_context.pairs() {
        context.add(&format!("kms:EncryptionContext:{key}"), value.as_str());
        context.add("kms:EncryptionContextKeys", key.as_str());
    }
}

/// The condition keys of Sign and Verify; the default type of a message counts.
pub(crate) fn add_signing(context: &mut Context, algorithm: SigningAlgorithm, message_type: MessageType) {
    context.add("kms:SigningAlgorithm", algorithm.as_str());
    context.add("kms:MessageType", message_type.as_str());
}

/// The condition keys of a CreateGrant, with the values of the request.
pub(crate) fn add_grant(context: &mut Context, case: &Case<'_>, terms: &GrantTerms) {
    for operation in &terms.operations {
        context.add("kms:GrantOperations", operation.as_str());
    }
    context.add(
        match terms.grantee {
            GrantPrincipal::Identity { .. } => "kms:GranteePrincipal",
            GrantPrincipal::Service(_) => "kms:GranteeServicePrincipal",
        },
        terms.grantee.as_str(),
    );
    if let Some(retiring) = &terms.retiring {
        let name = match retiring {
            GrantPrincipal::Identity { .. } => "kms:RetiringPrincipal",
            GrantPrincipal::Service(_) => "kms:RetiringServicePrincipal",
        };
        context.add(name, retiring.as_str());
    }
    add_constraints(context, &terms.constraints);
    if let Some(arn) = &terms.constraints.source_arn {
        context.add("kms:GrantConstraintSourceArn", arn.as_str());
    }
    add_for_aws_resource(context, case);
}

/// What a grant's constraint about the encryption context shows to CreateGrant and RetireGrant (section 9.7).
pub(crate) fn add_constraints(context: &mut Context, constraints: &GrantConstraints) {
    let Some(constraint) = &constraints.encryption_context else { return };
    let kind = match constraint {
        ContextConstraint::Equals(_) => "EncryptionContextEquals",
        ContextConstraint::Subset(_) => "EncryptionContextSubset",
    };
    context.add("kms:GrantConstraintType", kind);
    add_encryption_context(context, constraint.pairs());
}

/// Whether a service makes the call for a customer.
pub(crate) fn add_for_aws_resource(context: &mut Context, case: &Case<'_>) {
    let acts_for = case.caller().service().is_some_and(|service| service.on_behalf_of.is_some());
    context.add("kms:GrantIsForAWSResource", acts_for);
}

/// The condition keys of a request that carries tags.
pub(crate) fn add_tags(context: &mut Context, tags: &[crate::Tag]) {
    for tag in tags {
        context.add(&format!("aws:RequestTag/{}", tag.tag_key), tag.tag_value.as_str());
        context.add("aws:TagKeys", tag.tag_key.as_str());
    }
}

/// A flag that the request leaves out counts as false, and `Null` sees it absent.
pub(crate) fn add_bypass(context: &mut Context, flag: Option<bool>) {
    match flag {
        Some(flag) => context.add("kms:BypassPolicyLockoutSafetyCheck", flag),
        None => context.add_assumed("kms:BypassPolicyLockoutSafetyCheck", false),
    }
}
