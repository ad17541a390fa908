//! AWS clients of a cluster: plain HTTP on loopback, the development credential, AWS's own retries.

use aws_credential_types::Credentials;
use aws_sdk_kms::config::{BehaviorVersion, Builder, Config, Region};

/// The credential of account 000000000000 that every local cluster knows.
const ACCESS_KEY_ID: &str = "test";
/// Its secret.
const SECRET_ACCESS_KEY: &str = "test";

/// A configuration for `endpoint` that signs for `region`. It has connections of its own, so that a cluster in a static
/// can be shared by tests that each have their runtime. No TLS: traffic stays on this machine.
pub(crate) fn config(endpoint: &str, region: &str) -> Builder {
    let credentials = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, None, None, "meridian-testkit");
    Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .region(Region::new(region.to_owned()))
        .credentials_provider(credentials)
}
