//! The managed policies that come with every account, of those that matter for keys and identities. Their documents are
//! data beside this file, as AWS publishes them [IAM:managed-policies]; of those that name hundreds of services, only
//! what they say about KMS, IAM and STS.

use kms_state::identity::PolicyDocument;
use std::sync::LazyLock;

/// A policy of AWS.
pub(crate) struct AwsPolicy {
    /// For example `arn:aws:iam::aws:policy/IAMReadOnlyAccess`.
    pub(crate) arn: &'static str,
    /// The last field of the ARN.
    pub(crate) name: &'static str,
    /// The unique id, the same in every account.
    pub(crate) id: &'static str,
    /// What it says; compiled once for the process.
    pub(crate) document: PolicyDocument,
}

macro_rules! policies {
    ($($name:literal $id:literal),+ $(,)?) => {
        [$(AwsPolicy {
            arn: concat!("arn:aws:iam::aws:policy/", $name),
            name: $name,
            id: $id,
            document: include_str!(concat!("aws_managed/", $name, ".json")).into(),
        }),+]
    };
}

/// In order of their names, as lists have them.
static POLICIES: LazyLock<[AwsPolicy; 7]> = LazyLock::new(|| {
    policies![
        "AWSKeyManagementServicePowerUser" "ANPAJNPP7PPPPMJRV2SA4",
        "AdministratorAccess" "ANPAIWMBCKSKIEE64ZLYK",
        "IAMFullAccess" "ANPAI7XKCFMBPM3QQRRVQ",
        "IAMReadOnlyAccess" "ANPAJKSO7NDY4T57MWDSQ",
        "PowerUserAccess" "ANPAJYRXTHIB4FOVS3ZXS",
        "ReadOnlyAccess" "ANPAILL3HVNFSB6DCOWYQ",
        "SecurityAudit" "ANPAIX2T3QCXHR2OGGCTO",
    ]
});

/// The policy with this ARN.
pub(crate) fn find(arn: &str) -> Option<&'static AwsPolicy> {
    POLICIES.iter().find(|policy| policy.arn == arn)
}

/// All of them.
pub(crate) fn all() -> impl Iterator<Item = &'static AwsPolicy> {
    POLICIES.iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_document_compiles_and_every_id_is_its_own() {
        assert!(all().all(|policy| policy.document.compiled().is_some()));
        let ids: BTreeSet<&str> = all().map(|policy| policy.id).collect();
        assert_eq!(ids.len(), all().count());
        assert!(ids.iter().all(|id| id.len() == 21 && id.starts_with("ANPA")));
    }

    #[test]
    fn a_policy_is_found_by_its_whole_arn() {
        assert_eq!(find("arn:aws:iam::aws:policy/SecurityAudit").map(|p| p.name), Some("SecurityAudit"));
        assert!(find("arn:aws:iam::aws:policy/securityaudit").is_none());
        assert!(find("arn:aws:iam::111122223333:policy/SecurityAudit").is_none());
    }
}
