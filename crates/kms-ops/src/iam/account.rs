//! What tools ask of an account as a whole.

use kms_state::{IdentityKey, IdentityRecord};

use super::{
    IamError, Tree,
    call::{Case, Decided},
    owner::OwnerKind,
    page::page,
};

/// The counts and quotas of this account; what does not exist here is left out.
pub(super) fn summary(case: &Case<'_>) -> Result<Decided, IamError> {
    case.authorize("iam:GetAccountSummary", "*", |_| {})?;
    let (identity, account) = (case.view.identity(), case.account());
    let count = |first: IdentityKey| identity.from(&first).count();
    let versions = identity.from(&IdentityKey::policy(account, "")).map(|record| match record {
        IdentityRecord::Policy(policy) => policy.versions.len(),
        _ => 0,
    });
    let entries = [
        ("Users", count(IdentityKey::user(account, ""))),
        ("UsersQuota", 5000),
        ("Groups", count(IdentityKey::group(account, ""))),
        ("GroupsQuota", 300),
        ("Roles", count(IdentityKey::role(account, ""))),
        ("RolesQuota", 1000),
        ("Policies", count(IdentityKey::policy(account, ""))),
        ("PoliciesQuota", 1500),
        ("PolicyVersionsInUse", versions.sum()),
        ("AccessKeysPerUserQuota", 2),
        ("GroupsPerUserQuota", 10),
        ("AttachedPoliciesPerUserQuota", 10),
        ("AttachedPoliciesPerGroupQuota", 10),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("PolicySizeQuota", 6144),
        ("UserPolicySizeQuota", 2048),
        ("GroupPolicySizeQuota", 5120),
        ("AssumeRolePolicySizeQuota", 2048),
        ("VersionsPerPolicyQuota", 5),
        ("MFADevices", 0),
        ("AccountMFAEnabled", 0),
    ];
    let entry =
        |(key, value): (&str, usize)| Tree::Struct(vec![("key", key.into()), ("value", Tree::text(value))]);
    Ok(Decided::Answer(Some(Tree::Struct(vec![(
        "SummaryMap",
        Tree::Map(entries.into_iter().map(entry).collect()),
    )]))))
}

/// No aliases of accounts exist.
pub(super) fn aliases(case: &Case<'_>) -> Result<Decided, IamError> {
    case.authorize("iam:ListAccountAliases", "*", |_| {})?;
    Ok(Decided::Answer(Some(page(case.params(), "AccountAliases", std::iter::empty())?)))
}

/// No instance profiles exist; tools ask before they delete a role.
pub(super) fn instance_profiles(case: &Case<'_>) -> Result<Decided, IamError> {
    OwnerKind::Role.authorized(case, "iam:ListInstanceProfilesForRole")?;
    Ok(Decided::Answer(Some(page(case.params(), "InstanceProfiles", std::iter::empty())?)))
}
