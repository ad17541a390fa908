//! The condition keys that can ever be present (sections 9.7 and 9.8), in lower case.
//!
//! A key that is not here is one that no request carries. A positive operator on it fails anyway; a negated one would
//! let an Allow through on a misspelt name, so an Allow with an unknown key never holds (B3).

const KNOWN: &[&str] = &[
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:currenttime",
    "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc",
    "aws:epochtime",
    "aws:federatedprovider",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:principaltype",
    "aws:referer",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:resourceorgid",
    "aws:resourceorgpaths",
    "aws:securetransport",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceidentity",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:tagkeys",
    "aws:tokenissuetime",
    "aws:useragent",
    "aws:userid",
    "aws:username",
    "aws:viaawsservice",
    "aws:vpcsourceip",
    "iam:awsservicename",
    "iam:passedtoservice",
    "iam:permissionsboundary",
    "iam:policyarn",
    "kms:bypasspolicylockoutsafetycheck",
    "kms:calleraccount",
    "kms:customermasterkeyspec",
    "kms:customermasterkeyusage",
    "kms:datakeypairspec",
    "kms:encryptionalgorithm",
    "kms:encryptioncontextkeys",
    "kms:expirationmodel",
    "kms:grantconstraintsourcearn",
    "kms:grantconstrainttype",
    "kms:granteeprincipal",
    "kms:granteeserviceprincipal",
    "kms:grantisforawsresource",
    "kms:grantoperations",
    "kms:keyagreementalgorithm",
    "kms:keyorigin",
    "kms:keyspec",
    "kms:keyusage",
    "kms:macalgorithm",
    "kms:messagetype",
    "kms:multiregion",
    "kms:multiregionkeytype",
    "kms:policyname",
    "kms:primaryregion",
    "kms:reencryptonsamekey",
    "kms:replicaregion",
    "kms:requestalias",
    "kms:resourcealiases",
    "kms:retiringprincipal",
    "kms:retiringserviceprincipal",
    "kms:rotationperiodindays",
    "kms:schedulekeydeletionpendingwindowindays",
    "kms:signingalgorithm",
    "kms:trailingdayswithoutkeyusage",
    "kms:validto",
    "kms:viaservice",
    "kms:wrappingalgorithm",
    "kms:wrappingkeyspec",
    "sts:externalid",
    "sts:rolesessionname",
    "sts:sourceidentity",
    "sts:transitivetagkeys",
];

/// Names that end in something of the request: a tag key, a context key, a register of an attestation.
const FAMILIES: &[&str] = &[
    "aws:principaltag/",
    "aws:requesttag/",
    "aws:resourcetag/",
    "iam:resourcetag/",
    "kms:encryptioncontext:",
    "kms:recipientattestation:",
];

/// Keys that hold sets; they cannot be policy variables (section 9.9).
const MULTIVALUED: &[&str] = &[
    "aws:calledvia",
    "aws:principalorgpaths",
    "aws:principalservicenameslist",
    "aws:resourceorgpaths",
    "aws:sourceorgpaths",
    "aws:tagkeys",
    "kms:encryptioncontextkeys",
    "kms:grantoperations",
    "kms:resourcealiases",
    "sts:transitivetagkeys",
];

pub(crate) fn is_known(key: &str) -> bool {
    KNOWN.binary_search(&key).is_ok() || FAMILIES.iter().any(|family| key.starts_with(family))
}

pub(crate) fn is_multivalued(key: &str) -> bool {
    MULTIVALUED.contains(&key)
}

/// Section 9.7: these have a meaning in identity policies only; for a key policy they are absent.
pub(crate) fn is_absent_in_key_policies(key: &str) -> bool {
    key == "kms:resourcealiases" || key.starts_with("aws:resourcetag/")
}

/// Section 9.4: keys that have one value or none by their nature, on which `ForAllValues` is refused.
pub(crate) fn is_optional_single(key: &str) -> bool {
    key.starts_with("kms:encryptioncontext:") || key.starts_with("aws:requesttag/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_has_every_multivalued_key() {
        assert!(KNOWN.is_sorted());
        assert!(MULTIVALUED.iter().all(|key| is_known(key)));
    }
}
