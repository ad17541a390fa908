//! CreateCustomKeyStore [KMS:CreateCustomKeyStore].

use kms_types::CustomKeyStoreType;

use crate::{Error, Quota, Step, case::Case, custom_key_store};

/// The request, without its secrets: nothing is ever done with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// A name for the store.
    pub custom_key_store_name: String,
    /// AWS CloudHSM when absent.
    pub custom_key_store_type: Option<CustomKeyStoreType>,
    /// The cluster of an AWS CloudHSM store.
    pub cloud_hsm_cluster_id: Option<String>,
    /// Its certificate.
    pub trust_anchor_certificate: Option<String>,
    /// True when the password of its user was given.
    pub has_key_store_password: bool,
    /// True when any member of an external key store was given.
    pub has_xks_members: bool,
}

/// The answer, for a store that could be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The store's id.
    pub custom_key_store_id: String,
}

/// Decides the call: members must fit the type, and then there is no such cluster, and no external key store is allowed.
/// The operation has no UnsupportedOperationException; of the errors that it has, these two are true.
pub(crate) fn decide(case: &Case<'_>, request: &Request) -> Result<Step, Error> {
    custom_key_store::authorize(case)?;
    let kind = request.custom_key_store_type.unwrap_or(CustomKeyStoreType::AwsCloudHsm);
    let of_cluster = [
        request.cloud_hsm_cluster_id.is_some(),
        request.trust_anchor_certificate.is_some(),
        request.has_key_store_password,
    ];
    match (kind, &request.cloud_hsm_cluster_id) {
        (CustomKeyStoreType::ExternalKeyStore, _) if of_cluster.contains(&true) => {
            Err(misfit("CloudHsmClusterId, TrustAnchorCertificate and KeyStorePassword", "AWS_CLOUDHSM"))
        }
        (CustomKeyStoreType::ExternalKeyStore, _) => Err(Error::LimitExceeded(Quota::ExternalKeyStores)),
        (CustomKeyStoreType::AwsCloudHsm, _) if request.has_xks_members => {
            Err(misfit("XksProxy members", "EXTERNAL_KEY_STORE"))
        }
        (CustomKeyStoreType::AwsCloudHsm, Some(cluster)) if of_cluster.iter().all(|given| *given) => {
            Err(Error::CloudHsmClusterNotFound { cluster: cluster.clone() })
        }
        (CustomKeyStoreType::AwsCloudHsm, _) => Err(Error::Validation(
            "A custom key store of type AWS_CLOUDHSM requires CloudHsmClusterId, KeyStorePassword and \
             TrustAnchorCertificate."
                .into(),
        )),
    }
}

fn misfit(members: &str, kind: &str) -> Error {
    Error::Validation(format!("{members} are valid only for custom key stores of type {kind}."))
}
