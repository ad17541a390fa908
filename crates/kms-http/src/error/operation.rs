use kms_ops::{AliasRule, Denial, Error, ImportFault, MalformedPolicy, PolicySource, Quota, TagFault};
use kms_types::KeyArn;

use super::ApiError;

impl From<&Error> for ApiError {
    fn from(error: &Error) -> Self {
        match error {
            Error::KeyNotFound { arn } => not_found(format!("Key '{arn}' does not exist")),
            Error::InvalidKeyId { input } => not_found(format!("Invalid keyId '{input}'")),
            Error::ForeignRegion { region } => not_found(format!("Invalid arn {region}")),
            Error::AliasNotFound { arn } => not_found(format!("Alias {arn} is not found.")),
            Error::PolicyNotFound { .. } => not_found("No such policy exists"),
            Error::Disabled { arn } => Self::client("DisabledException", format!("{arn} is disabled.")),
            Error::InvalidState { arn, state } => {
                Self::client("KMSInvalidStateException", format!("{arn} is {state}."))
            }
            Error::InvalidKeyUsage { arn, usage, operation } => Self::client(
                "InvalidKeyUsageException",
                format!("{arn} key usage is {usage} which is not valid for {operation}."),
            ),
            Error::IncompatibleAlgorithm { algorithm, spec } => Self::client(
                "InvalidKeyUsageException",
                format!("Algorithm {algorithm} is incompatible with key spec {spec}."),
            ),
            Error::IncorrectKey => Self::client(
                "IncorrectKeyException",
                "The key ID in the request does not identify a CMK that can perform this operation.",
            ),
            Error::InvalidCiphertext => Self::silent("InvalidCiphertextException"),
            Error::InvalidSignature => Self::silent("KMSInvalidSignatureException"),
            Error::InvalidMac => Self::silent("KMSInvalidMacException"),
            Error::UnusablePeerKey => Self::silent("ValidationException"),
            Error::NoPublicKey { arn, spec } => {
                unsupported(format!("{arn} key spec is {spec} which is not valid for this operation."))
            }
            Error::AccessDenied { caller, action, resource, reason } => {
                Self::client("AccessDeniedException", denial(caller, action, resource.as_deref(), *reason))
            }
            Error::UnsupportedOrigin { arn, origin } => {
                unsupported(format!("{arn} origin is {origin} which is not valid for this operation."))
            }
            Error::NotPrimary { arn } => unsupported(format!("{arn} is not a multi-region primary key.")),
            Error::CannotRotate { .. } => Self::silent("UnsupportedOperationException"),
            Error::Unsupported(text) => unsupported(text.as_str()),
            Error::Validation(text) => Self::client("ValidationException", text.as_str()),
            Error::AliasExists { arn } => {
                Self::client("AlreadyExistsException", format!("An alias with the name {arn} already exists"))
            }
            Error::ReplicaExists { .. } => Self::client(
                "AlreadyExistsException",
                "You can create only one replica of each primary key in each AWS Region.",
            ),
            Error::CustomKeyStoreNotFound { name } => Self::client(
                "CustomKeyStoreNotFoundException",
                format!("The custom key store {name} does not exist."),
            ),
            Error::CloudHsmClusterNotFound { cluster } => Self::client(
                "CloudHsmClusterNotFoundException",
                format!("The AWS CloudHSM cluster {cluster} does not exist."),
            ),
            Error::LimitExceeded(quota) => Self::client("LimitExceededException", quota_text(quota)),
            Error::Tag(fault) => Self::client("TagException", tag_text(fault)),
            Error::MalformedPolicyDocument(fault) => {
                Self::client("MalformedPolicyDocumentException", malformed(fault))
            }
            Error::PolicyLockout => Self::client(
                "MalformedPolicyDocumentException",
                "The new key policy will not allow you to update the key policy in the future.",
            ),
            Error::InvalidAliasName { name, rule } => alias(name, *rule),
            Error::InvalidMarker => {
                Self::client("InvalidMarkerException", "Could not deserialize the marker.")
            }
            Error::AliasNotSupported { .. } => {
                Self::client("InvalidArnException", "Key Aliases are not supported for this operation.")
            }
            Error::InvalidPolicyArn { .. } => {
                Self::client("InvalidArnException", "An ARN in the specified key policy is invalid.")
            }
            Error::InvalidArn { input } => {
                Self::client("InvalidArnException", format!("Invalid arn {input}"))
            }
            Error::InvalidGrantToken => {
                Self::client("InvalidGrantTokenException", "The grant token is invalid.")
            }
            Error::InvalidGrantId { .. } => {
                Self::client("InvalidGrantIdException", "The grant ID is invalid.")
            }
            Error::GrantNotFound { grant } => not_found(format!("Grant ID {grant} not found")),
            Error::InvalidPrincipalArn { arn } => {
                Self::client("InvalidArnException", format!("ARN does not refer to a valid principal: {arn}"))
            }
            Error::KeyUnavailable { arn } => Self::server(
                "KeyUnavailableException",
                format!("{arn} is temporarily unavailable. You can retry the request."),
            ),
            Error::InvalidImportToken => Self::silent("InvalidImportTokenException"),
            Error::ExpiredImportToken { .. } => Self::silent("ExpiredImportTokenException"),
            Error::IncorrectKeyMaterial { arn, fault } => {
                Self::client("IncorrectKeyMaterialException", import_text(arn, fault))
            }
            Error::MaterialPending { arn, material, pending } => Self::client(
                "KMSInvalidStateException",
                format!(
                    "New key material (id: {material}) cannot be imported into KMS key {arn}, because another key \
                     material (id: {pending}) is pending rotation."
                ),
            ),
            Error::NoPendingMaterial { arn } => Self::client(
                "KMSInvalidStateException",
                format!("No available key material pending rotation for the key: {arn}."),
            ),
            Error::MaterialRotating { arn, material } => Self::client(
                "KMSInvalidStateException",
                format!(
                    "Key material (id: {material}) of KMS key {arn} is being rotated in. Try again later."
                ),
            ),
            Error::MaterialNotFound { arn, material } => {
                not_found(format!("Key material (id: {material}) of KMS key {arn} does not exist."))
            }
            Error::CredentialGone => Self::client(
                "UnrecognizedClientException",
                "The security token included in the request is invalid.",
            ),
            Error::DryRun => Self::client(
                "DryRunOperationException",
                "The request would have succeeded, but the DryRun option is set.",
            ),
            Error::Conflict { arn } => Self::client(
                "ConflictException",
                format!(
                    "A key material rotation of {arn} is in progress or about to begin. Try again later."
                ),
            ),
            Error::DependencyTimeout { arn, version: None } => Self::server(
                "DependencyTimeoutException",
                format!(
                    "The other Regions of {arn} did not answer in time and nothing was changed. You can retry the request."
                ),
            ),
            // B4: an unknown outcome is reported as unknown.
            Error::DependencyTimeout { arn, version: Some(version) } => Self::server(
                "DependencyTimeoutException",
                format!(
                    "The other Regions of {arn} have not agreed to change {version} in time; whether it takes effect is not known yet."
                ),
            ),
            Error::Unavailable(text) => {
                Self { status: 503, code: "ServiceUnavailableException", message: Some((*text).into()) }
            }
            // The reason is for the operator's log.
            Error::Internal(_) => Self::server(
                "KMSInternalException",
                "The request was rejected because an internal exception occurred. The request can be retried.",
            ),
        }
    }
}

fn not_found(message: impl Into<String>) -> ApiError {
    ApiError::client("NotFoundException", message)
}

fn unsupported(message: impl Into<String>) -> ApiError {
    ApiError::client("UnsupportedOperationException", message)
}

pub(super) fn denial(caller: &str, action: &str, resource: Option<&str>, reason: Denial) -> String {
    let start = format!("User: {caller} is not authorized to perform: {action}");
    let on = resource.map(|arn| format!(" on resource: {arn}")).unwrap_or_default();
    match reason {
        Denial::Implicit(source) => {
            format!("{start}{on} because no {} allows the {action} action", noun(source))
        }
        Denial::Explicit(source) => {
            let article = if source == PolicySource::Identity { "an" } else { "a" };
            format!("{start}{on} with an explicit deny in {article} {}", noun(source))
        }
        // Never names the key: a foreign key that is absent and one that is closed read the same.
        Denial::NotVisible => format!(
            "{start} on this resource because the resource does not exist in this Region, no resource-based policies \
             allow access, or a resource-based policy explicitly denies access"
        ),
    }
}

/// AWS's text where it is known (sections 9.4 and 9.5), else what is wrong.
fn malformed(fault: &MalformedPolicy) -> String {
    match fault {
        MalformedPolicy::InvalidPrincipal { .. } => {
            "Policy contains a statement with one or more invalid principals.".into()
        }
        MalformedPolicy::OverlyPermissive { key, .. } => {
            let what = if key.to_lowercase().starts_with("aws:") { "tag" } else { "encryption context" };
            format!(
                "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key \
                 matches requests without the specified {what} or with an unspecified {what}. To fix, remove \
                 ForAllValues."
            )
        }
        MalformedPolicy::TooLong { .. }
        | MalformedPolicy::NotJson { .. }
        | MalformedPolicy::UnknownElement { .. }
        | MalformedPolicy::Missing { .. }
        | MalformedPolicy::Prohibited { .. }
        | MalformedPolicy::Twice { .. }
        | MalformedPolicy::Unexpected { .. }
        | MalformedPolicy::RepeatedSid { .. }
        | MalformedPolicy::MisplacedVariable { .. }
        | MalformedPolicy::InvalidArn { .. }
        | MalformedPolicy::UnknownOperator { .. }
        | MalformedPolicy::InvalidValue { .. } => fault.to_string(),
    }
}

fn noun(source: PolicySource) -> &'static str {
    match source {
        PolicySource::Identity => "identity-based policy",
        PolicySource::Resource => "resource-based policy",
        PolicySource::Boundary => "permissions boundary",
        PolicySource::Session => "session policy",
    }
}

fn import_text(arn: &KeyArn, fault: &ImportFault) -> String {
    match fault {
        ImportFault::NotOfSpec { spec } => {
            format!("The key material is not valid for KeySpec {spec} of {arn}.")
        }
        ImportFault::Unknown => {
            format!("The key material is not associated with KMS key {arn}. Reimport the same key material.")
        }
        ImportFault::Known => format!("The key material is already associated with KMS key {arn}."),
        ImportFault::OtherThanNamed => {
            format!("The key material is not the one that KeyMaterialId names for KMS key {arn}.")
        }
    }
}

fn quota_text(quota: &Quota) -> String {
    match quota {
        Quota::Keys { used, limit } => {
            format!("Key quota for this account in this region is {limit} but the current usage is {used}.")
        }
        Quota::Aliases { used, limit } => {
            format!(
                "Aliases per key quota for this account in this region is {limit}, current usage is {used}."
            )
        }
        Quota::Grants { used, limit } => {
            format!(
                "Grants per key quota for this account in this region is {limit}, current usage is {used}."
            )
        }
        Quota::Policy { length_bytes, most_bytes } => {
            format!(
                "The key policy has {length_bytes} bytes, which is more than the limit of {most_bytes} bytes."
            )
        }
        Quota::ExternalKeyStores => {
            "External key stores quota for this account in this region is 0: external key stores are not supported."
                .into()
        }
        Quota::OnDemandRotations { arn } => format!(
            "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be \
             performed for this key: {arn}"
        ),
    }
}

fn tag_text(fault: &TagFault) -> &'static str {
    match fault {
        TagFault::Duplicate(_) => "Duplicate tag keys",
        TagFault::TooMany { .. } => "Too many tags",
        TagFault::Reserved(_) => "Tags beginning with aws: are reserved",
    }
}

fn alias(name: &str, rule: AliasRule) -> ApiError {
    match rule {
        AliasRule::Prefix => ApiError::client(
            "ValidationException",
            "Alias must start with the prefix \"alias/\". Please see \
             https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
        ),
        AliasRule::Characters => ApiError::client(
            "ValidationException",
            format!("{name} contains invalid characters for an alias"),
        ),
        AliasRule::Reserved => ApiError::client("NotAuthorizedException", ""),
    }
}
