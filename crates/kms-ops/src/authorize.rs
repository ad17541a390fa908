//! The only place that lets a call through to a key. Its proof, [`Authorized`], has no other constructor, and every
//! operation that touches a key takes one.

use kms_policy::{Context, Guarded, NoGrants, Target, Verdict, evaluate};
use kms_state::Key;
use kms_types::{AliasArn, KeyArn, Operation};
use std::{marker::PhantomData, sync::Arc};

use crate::{
    Denial, Error,
    case::Case,
    conditions, policy_document,
    resolve::{Reached, Resolved},
};

/// A permission of the service: one marker type each, so that a proof for one cannot serve for another.
pub(crate) trait Action {
    /// The name in policies.
    const NAME: &'static str;
    /// Whether a caller of another account may ever do it (section 2).
    const CROSS_ACCOUNT: CrossAccount;
}

/// Whether an operation works on keys of other accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CrossAccount {
    Yes,
    No,
}

macro_rules! actions {
    ($($name:ident = $text:literal $cross:ident),+ $(,)?) => {
        $(
            #[doc = concat!("Permission `", $text, "`.")]
            pub(crate) struct $name;
            impl Action for $name {
                const NAME: &'static str = $text;
                const CROSS_ACCOUNT: CrossAccount = CrossAccount::$cross;
            }
        )+
    };
}

actions! {
    CancelKeyDeletion = "kms:CancelKeyDeletion" No,
    CreateAlias = "kms:CreateAlias" No,
    Decapsulate = "kms:Decapsulate" Yes,
    Decrypt = "kms:Decrypt" Yes,
    DeleteAlias = "kms:DeleteAlias" No,
    DeriveSharedSecret = "kms:DeriveSharedSecret" Yes,
    DescribeKey = "kms:DescribeKey" Yes,
    DisableKey = "kms:DisableKey" No,
    DisableKeyRotation = "kms:DisableKeyRotation" No,
    EnableKey = "kms:EnableKey" No,
    EnableKeyRotation = "kms:EnableKeyRotation" No,
    Encapsulate = "kms:Encapsulate" Yes,
    Encrypt = "kms:Encrypt" Yes,
    GenerateDataKey = "kms:GenerateDataKey" Yes,
    GenerateDataKeyPair = "kms:GenerateDataKeyPair" Yes,
    GenerateDataKeyPairWithoutPlaintext = "kms:GenerateDataKeyPairWithoutPlaintext" Yes,
    GenerateDataKeyWithoutPlaintext = "kms:GenerateDataKeyWithoutPlaintext" Yes,
    GenerateMac = "kms:GenerateMac" Yes,
    GetKeyLastUsage = "kms:GetKeyLastUsage" No,
    GetKeyPolicy = "kms:GetKeyPolicy" No,
    GetKeyRotationStatus = "kms:GetKeyRotationStatus" Yes,
    GetPublicKey = "kms:GetPublicKey" Yes,
    ListKeyPolicies = "kms:ListKeyPolicies" No,
    ListKeyRotations = "kms:ListKeyRotations" No,
    ListResourceTags = "kms:ListResourceTags" No,
    PutKeyPolicy = "kms:PutKeyPolicy" No,
    ReEncryptFrom = "kms:ReEncryptFrom" Yes,
    ReEncryptTo = "kms:ReEncryptTo" Yes,
    ReplicateKey = "kms:ReplicateKey" No,
    RotateKeyOnDemand = "kms:RotateKeyOnDemand" No,
    ScheduleKeyDeletion = "kms:ScheduleKeyDeletion" No,
    Sign = "kms:Sign" Yes,
    TagResource = "kms:TagResource" No,
    UntagResource = "kms:UntagResource" No,
    UpdateAlias = "kms:UpdateAlias" No,
    UpdateKeyDescription = "kms:UpdateKeyDescription" No,
    UpdatePrimaryRegion = "kms:UpdatePrimaryRegion" No,
    Verify = "kms:Verify" Yes,
    VerifyMac = "kms:VerifyMac" Yes,
}

/// The permission that a refusal names before a key was found; ReEncrypt's source comes first.
pub(crate) fn action_of(operation: Operation) -> &'static str {
    match operation {
        Operation::CancelKeyDeletion => CancelKeyDeletion::NAME,
        Operation::CreateAlias => CreateAlias::NAME,
        Operation::Decapsulate => Decapsulate::NAME,
        Operation::Decrypt => Decrypt::NAME,
        Operation::DeleteAlias => DeleteAlias::NAME,
        Operation::DeriveSharedSecret => DeriveSharedSecret::NAME,
        Operation::DescribeKey => DescribeKey::NAME,
        Operation::DisableKey => DisableKey::NAME,
        Operation::DisableKeyRotation => DisableKeyRotation::NAME,
        Operation::EnableKey => EnableKey::NAME,
        Operation::EnableKeyRotation => EnableKeyRotation::NAME,
        Operation::Encapsulate => Encapsulate::NAME,
        Operation::Encrypt => Encrypt::NAME,
        Operation::GenerateDataKey => GenerateDataKey::NAME,
        Operation::GenerateDataKeyPair => GenerateDataKeyPair::NAME,
        Operation::GenerateDataKeyPairWithoutPlaintext => GenerateDataKeyPairWithoutPlaintext::NAME,
        Operation::GenerateDataKeyWithoutPlaintext => GenerateDataKeyWithoutPlaintext::NAME,
        Operation::GenerateMac => GenerateMac::NAME,
        Operation::GetKeyLastUsage => GetKeyLastUsage::NAME,
        Operation::GetKeyPolicy => GetKeyPolicy::NAME,
        Operation::GetKeyRotationStatus => GetKeyRotationStatus::NAME,
        Operation::GetPublicKey => GetPublicKey::NAME,
        Operation::ListAliases => "kms:ListAliases",
        Operation::ListKeyPolicies => ListKeyPolicies::NAME,
        Operation::ListKeyRotations => ListKeyRotations::NAME,
        Operation::ListResourceTags => ListResourceTags::NAME,
        Operation::PutKeyPolicy => PutKeyPolicy::NAME,
        Operation::ReEncrypt => ReEncryptFrom::NAME,
        Operation::ReplicateKey => ReplicateKey::NAME,
        Operation::RotateKeyOnDemand => RotateKeyOnDemand::NAME,
        Operation::ScheduleKeyDeletion => ScheduleKeyDeletion::NAME,
        Operation::Sign => Sign::NAME,
        Operation::TagResource => TagResource::NAME,
        Operation::UntagResource => UntagResource::NAME,
        Operation::UpdateAlias => UpdateAlias::NAME,
        Operation::UpdateKeyDescription => UpdateKeyDescription::NAME,
        Operation::UpdatePrimaryRegion => UpdatePrimaryRegion::NAME,
        Operation::Verify => Verify::NAME,
        Operation::VerifyMac => VerifyMac::NAME,
        Operation::ConnectCustomKeyStore => "kms:ConnectCustomKeyStore",
        Operation::CreateCustomKeyStore => "kms:CreateCustomKeyStore",
        Operation::DeleteCustomKeyStore => "kms:DeleteCustomKeyStore",
        Operation::DescribeCustomKeyStores => "kms:DescribeCustomKeyStores",
        Operation::DisconnectCustomKeyStore => "kms:DisconnectCustomKeyStore",
        Operation::UpdateCustomKeyStore => "kms:UpdateCustomKeyStore",
        // Other operations without a key, and those that are not implemented, never get here.
        _ => "kms:*",
    }
}

/// Proof that the caller may do `A` to this key, by the policy in the same view.
#[must_use]
pub(crate) struct Authorized<'a, A> {
    key: &'a Arc<Key>,
    arn: KeyArn,
    action: PhantomData<A>,
}

impl<'a, A> Authorized<'a, A> {
    pub(crate) fn key(&self) -> &'a Key {
        self.key
    }

    pub(crate) fn arn(&self) -> &KeyArn {
        &self.arn
    }
}

/// Evaluates an action that concerns no key, for example `kms:ListKeys` on `*`: only identity policies, boundary and
/// session policies have a say, and the account's root may always (section 9.2, step 4).
pub(crate) fn authorize_plain(
    case: &Case<'_>,
    action: &'static str,
    resource: &str,
    context: &Context,
) -> Result<(), Error> {
    let reason = match plain_verdict(case, action, resource, context) {
        Verdict::Allow(_) => return Ok(()),
        Verdict::ExplicitDeny(source) => Denial::Explicit(source),
        Verdict::ImplicitDeny(source) => Denial::Implicit(source),
    };
    // An action on `*` is refused without naming a resource (section 1.6).
    let resource = (resource != "*").then(|| resource.into());
    Err(Error::AccessDenied { caller: case.caller().arn(), action, resource, reason })
}

/// What the caller's own policies say about an action on a resource. RetireGrant asks for it: an Allow of the issuing
/// account counts, a Deny always does, and the key policy has no say (section 8.4).
pub(crate) fn plain_verdict(case: &Case<'_>, action: &str, resource: &str, context: &Context) -> Verdict {
    let target = Target::Plain { resource };
    evaluate(&kms_policy::Request { caller: case.identity, action, target, context }).verdict
}

/// The permission on the alias itself, which key policies cannot speak about; those on the keys are asked for apart.
pub(crate) fn authorize_alias<A: Action>(case: &Case<'_>, alias: &AliasArn) -> Result<(), Error> {
    let mut context = conditions::of_caller(case);
    context.add("aws:ResourceAccount", alias.account.to_string());
    authorize_plain(case, A::NAME, &alias.to_string(), &context)
}

/// Refuses what the caller's own policies deny on a key of another Region, whose key policy this one cannot see.
pub(crate) fn refuse_denied<A: Action>(
    case: &Case<'_>,
    arn: &KeyArn,
    context: &Context,
) -> Result<(), Error> {
    let resource = arn.to_string();
    match plain_verdict(case, A::NAME, &resource, context) {
        Verdict::ExplicitDeny(source) => Err(Error::AccessDenied {
            caller: case.caller().arn(),
            action: A::NAME,
            resource: Some(resource),
            reason: Denial::Explicit(source),
        }),
        Verdict::Allow(_) | Verdict::ImplicitDeny(_) => Ok(()),
    }
}

/// Evaluates every policy that has a say in the action on this key; `extra` adds the condition keys of the request.
///
/// Same account: the key policy allows the caller itself, or its account together with identity policies. Another
/// account: the operation must work across accounts, and both sides must allow (section 9.2).
pub(crate) fn authorize<'a, A: Action>(
    case: &Case<'a>,
    resolved: Resolved<'a>,
    extra: impl FnOnce(&mut Context),
) -> Result<Authorized<'a, A>, Error> {
    let Resolved { key, arn, alias, reached } = resolved;
    let own = key.account == case.account();
    let hidden = !own || reached == Reached::ByCiphertext;
    let deny = |reason| {
        let reason = if hidden { Denial::NotVisible } else { reason };
        let resource = (!hidden).then(|| arn.to_string());
        Error::AccessDenied { caller: case.caller().arn(), action: A::NAME, resource, reason }
    };
    if !own && A::CROSS_ACCOUNT == CrossAccount::No {
        return Err(deny(Denial::NotVisible));
    }
    let mut context = conditions::of_existing(case, key);
    if let Some(alias) = &alias {
        context.add("kms:RequestAlias", alias.as_str());
    }
    extra(&mut context);
    let target = Target::Guarded(Guarded {
        arn: &arn.to_string(),
        owner: key.account,
        policy_name: policy_document::DEFAULT_NAME,
        policy: key.policy.parsed(),
        grants: &NoGrants,
    });
    let request = kms_policy::Request { caller: case.identity, action: A::NAME, target, context: &context };
    match evaluate(&request).verdict {
        Verdict::Allow(_) => Ok(Authorized { key, arn, action: PhantomData }),
        Verdict::ExplicitDeny(source) => Err(deny(Denial::Explicit(source))),
        Verdict::ImplicitDeny(source) => Err(deny(Denial::Implicit(source))),
    }
}
