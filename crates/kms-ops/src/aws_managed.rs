//! The managed policies that come with every account, of those that matter for keys and identities.

const POLICIES: [(&str, &str); 3] = [
    (
        "arn:aws:iam::aws:policy/AdministratorAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
    ),
    (
        "arn:aws:iam::aws:policy/IAMFullAccess",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*"],"Resource":"*"}]}"#,
    ),
    (
        "arn:aws:iam::aws:policy/AWSKeyManagementServicePowerUser",
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:CreateAlias","kms:CreateKey","kms:DeleteAlias","kms:Describe*","kms:GenerateRandom","kms:Get*","kms:List*","kms:TagResource","kms:UntagResource","iam:ListGroups","iam:ListRoles","iam:ListUsers"],"Resource":"*"}]}"#,
    ),
];

/// The document of such a policy.
pub(crate) fn document(arn: &str) -> Option<&'static str> {
    POLICIES.iter().find(|(name, _)| *name == arn).map(|(_, document)| *document)
}

/// Their ARNs.
pub(crate) fn arns() -> impl Iterator<Item = &'static str> {
    POLICIES.iter().map(|(arn, _)| *arn)
}
