//! Callers of the KMS API for drills and benchmarks. Retries nothing by itself, so that whoever counts calls counts all.

use kms_http::client::{ClientCredentials, ClientError, KmsClient};
use kms_types::Region;
use std::{sync::Arc, time::Duration};

use crate::{
    clock,
    local::node_config::{ACCESS_KEY_ID, SECRET_ACCESS_KEY},
};

/// A caller of `region` at `endpoint` with the development credentials.
pub fn client(endpoint: &str, region: &Region, timeout: Duration) -> KmsClient {
    let credentials = ClientCredentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY);
    KmsClient::new(endpoint, region.clone(), credentials, Arc::new(clock::now)).with_timeout(timeout)
}

/// True for what an SDK retries: no answer, faults of the service, throttling.
pub fn is_transient(error: &ClientError) -> bool {
    matches!(error.status, 0 | 500..) || error.code.starts_with("Throttling")
}
