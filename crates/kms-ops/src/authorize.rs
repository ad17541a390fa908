//! The only place that lets a call through to a key. Its proof, [`Authorized`], has no other constructor, and every
//! operation that touches a key takes one.

use kms_policy::{
    Context, Decision, Grants, Ground, Guarded, NoGrants, PolicySource, Target, Verdict, evaluate,
};
use kms_state::{GrantTerms, Key};
use kms_types::{AliasArn, GrantId, KeyArn, Operation};
use std::{marker::PhantomData, sync::Arc};

use crate::{
    Denial, Error,
    case::Case,
    conditions,
    grants::{self, GrantsOn},
    policy_document,
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
    CreateGrant = "kms:CreateGrant" Yes,
    Decapsulate = "kms:Decapsulate" Yes,
    Decrypt = "kms:Decrypt" Yes,
    DeleteAlias = "kms:DeleteAlias" No,
    DeleteImportedKeyMaterial = "kms:DeleteImportedKeyMaterial" No,
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
    GetParametersForImport = "kms:GetParametersForImport" No,
    ImportKeyMaterial = "kms:ImportKeyMaterial" No,
    ListGrants = "kms:ListGrants" Yes,
    ListKeyPolicies = "kms:ListKeyPolicies" No,
    ListKeyRotations = "kms:ListKeyRotations" No,
    ListResourceTags = "kms:ListResourceTags" No,
    PutKeyPolicy = "kms:PutKeyPolicy" No,
    ReEncryptFrom = "kms:ReEncryptFrom" Yes,
    ReEncryptTo = "kms:ReEncryptTo" Yes,
    ReplicateKey = "kms:ReplicateKey" No,
    RetireGrant = "kms:RetireGrant" Yes,
    RevokeGrant = "kms:RevokeGrant" Yes,
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
        Operation::CreateGrant => CreateGrant::NAME,
        Operation::Decapsulate => Decapsulate::NAME,
        Operation::Decrypt => Decrypt::NAME,
        Operation::DeleteAlias => DeleteAlias::NAME,
        Operation::DeleteImportedKeyMaterial => DeleteImportedKeyMaterial::NAME,
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
        Operation::GetParametersForImport => GetParametersForImport::NAME,
        Operation::ImportKeyMaterial => ImportKeyMaterial::NAME,
        Operation::ListAliases => "kms:ListAliases",
        Operation::ListGrants => ListGrants::NAME,
        Operation::ListKeyPolicies => ListKeyPolicies::NAME,
        Operation::ListKeyRotations => ListKeyRotations::NAME,
        Operation::ListResourceTags => ListResourceTags::NAME,
        Operation::PutKeyPolicy => PutKeyPolicy::NAME,
        Operation::ReEncrypt => ReEncryptFrom::NAME,
        Operation::ReplicateKey => ReplicateKey::NAME,
        Operation::RetireGrant => RetireGrant::NAME,
        Operation::RevokeGrant => RevokeGrant::NAME,
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

/// Proof that the caller may do `A` to this key, by the policy and the grants in the same view.
#[must_use]
pub(crate) struct Authorized<'a, A> {
    key: &'a Arc<Key>,
    arn: KeyArn,
    grant: Option<GrantId>,
    action: PhantomData<A>,
}

impl<'a, A> Authorized<'a, A> {
    pub(crate) fn key(&self) -> &'a Key {
        self.key
    }

    pub(crate) fn arn(&self) -> &KeyArn {
        &self.arn
    }

    /// The grant without which the call would not go through.
    pub(crate) fn grant(&self) -> Option<GrantId> {
        self.grant
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

/// Evaluates every policy and grant that has a say in the action on this key; `extra` adds the condition keys of the
/// request.
///
/// Same account: the key policy allows the caller itself, or its account together with identity policies. Another
/// account: the operation must work across accounts, and both sides must allow. A grant is enough for either, and none
/// counts against a Deny (section 9.2).
pub(crate) fn authorize<'a, A: Action>(
    case: &Case<'a>,
    resolved: Resolved<'a>,
    extra: impl FnOnce(&mut Context),
) -> Result<Authorized<'a, A>, Error> {
    authorize_with(case, resolved, None, extra)
}

/// As [`authorize`] for CreateGrant: a grant allows it only for terms that it may pass on (section 8.3).
pub(crate) fn authorize_grant<'a>(
    case: &Case<'a>,
    resolved: Resolved<'a>,
    terms: &GrantTerms,
    extra: impl FnOnce(&mut Context),
) -> Result<Authorized<'a, CreateGrant>, Error> {
    authorize_with(case, resolved, Some(terms), extra)
}

fn authorize_with<'a, A: Action>(
    case: &Case<'a>,
    resolved: Resolved<'a>,
    child: Option<&GrantTerms>,
    extra: impl FnOnce(&mut Context),
) -> Result<Authorized<'a, A>, Error> {
    let deny = Denier::new::<A>(case, &resolved);
    let Resolved { key, arn, alias, .. } = resolved;
    if key.account != case.account() && A::CROSS_ACCOUNT == CrossAccount::No {
        return Err(deny.because(Denial::NotVisible));
    }
    let mut context = conditions::of_existing(case, key);
    if let Some(alias) = &alias {
        context.add("kms:RequestAlias", alias.as_str());
    }
    extra(&mut context);
    let arn_text = arn.to_string();
    let grants = GrantsOn { view: case.view, key, caller: case.caller(), conditions: &context, child };
    let target = guarded(key, &arn_text, &grants);
    let request = kms_policy::Request { caller: case.identity, action: A::NAME, target, context: &context };
    let Decision { verdict, findings } = evaluate(&request);
    match verdict {
        Verdict::Allow(ground) => {
            let grant = findings.grant.filter(|_| ground == Ground::Grant).map(|grant| grant.grant_id);
            Ok(Authorized { key, arn, grant, action: PhantomData })
        }
        Verdict::ExplicitDeny(source) => Err(deny.because(Denial::Explicit(source))),
        Verdict::ImplicitDeny(source) => Err(deny.because(Denial::Implicit(source))),
    }
}

fn guarded<'k>(key: &'k Key, arn: &'k str, grants: &'k dyn Grants) -> Target<'k> {
    Target::Guarded(Guarded {
        arn,
        owner: key.account,
        policy_name: policy_document::DEFAULT_NAME,
        policy: key.policy.compiled(),
        grants,
    })
}

/// RetireGrant (section 8.4): the grant says who may, and the account that issued it. A key policy can only deny.
pub(crate) fn authorize_retirement<'a>(
    case: &Case<'a>,
    resolved: Resolved<'a>,
    grant: GrantId,
) -> Result<Authorized<'a, RetireGrant>, Error> {
    let deny = Denier::new::<RetireGrant>(case, &resolved);
    let Resolved { key, arn, .. } = resolved;
    let Some(found) = case.view.grant(&key.id, &grant) else {
        let own = key.account == case.account();
        return Err(if own { Error::GrantNotFound { grant } } else { deny.because(Denial::NotVisible) });
    };
    let mut context = conditions::of_existing(case, key);
    conditions::add_constraints(&mut context, &found.terms.constraints);
    let arn_text = arn.to_string();
    let asked = |target| {
        let action = RetireGrant::NAME;
        evaluate(&kms_policy::Request { caller: case.identity, action, target, context: &context }).verdict
    };
    if let Verdict::ExplicitDeny(source) = asked(guarded(key, &arn_text, &NoGrants)) {
        return Err(deny.because(Denial::Explicit(source)));
    }
    let by_account = || {
        let of_issuer = case.account() == found.terms.issuing_account;
        let allowed = plain_verdict(case, RetireGrant::NAME, &arn_text, &context);
        of_issuer && matches!(allowed, Verdict::Allow(_))
    };
    match grants::may_retire(case.caller(), found) || by_account() {
        true => Ok(Authorized { key, arn, grant: Some(grant), action: PhantomData }),
        false => Err(deny.because(Denial::Implicit(PolicySource::Identity))),
    }
}

/// Words a refusal: what the caller did not know it must not learn (section 1.6).
struct Denier {
    caller: String,
    action: &'static str,
    /// Absent when the refusal must not name it.
    resource: Option<String>,
}

impl Denier {
    fn new<A: Action>(case: &Case<'_>, resolved: &Resolved<'_>) -> Self {
        let hidden = resolved.key.account != case.account() || resolved.reached == Reached::ByCiphertext;
        let resource = (!hidden).then(|| resolved.arn.to_string());
        Self { caller: case.caller().arn(), action: A::NAME, resource }
    }

    fn because(self, reason: Denial) -> Error {
        let reason = if self.resource.is_none() { Denial::NotVisible } else { reason };
        let resource = self.resource.filter(|_| reason != Denial::NotVisible);
        Error::AccessDenied { caller: self.caller, action: self.action, resource, reason }
    }
}
