//! [KMS:CreateCustomKeyStore]

use kms_ops::create_custom_key_store::{Request, Response};
use kms_types::CustomKeyStoreType;
use serde_json::Value;

use super::{Input, custom_key_store_members::XksProxy, entries::Answer};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let custom_key_store_name = members.required_text("CustomKeyStoreName", &Text::CUSTOM_KEY_STORE_NAME)?;
    let cloud_hsm_cluster_id = members.text("CloudHsmClusterId", &Text::CLOUD_HSM_CLUSTER_ID)?;
    let trust_anchor_certificate = members.text("TrustAnchorCertificate", &Text::TRUST_ANCHOR_CERTIFICATE)?;
    let has_key_store_password = members.text("KeyStorePassword", &Text::KEY_STORE_PASSWORD)?.is_some();
    let custom_key_store_type = members.choice("CustomKeyStoreType", CustomKeyStoreType::ALL)?;
    members.default("CustomKeyStoreType", CustomKeyStoreType::AwsCloudHsm.as_str());
    let xks = XksProxy::read(members)?;
    Ok(Request {
        custom_key_store_name,
        custom_key_store_type,
        cloud_hsm_cluster_id,
        trust_anchor_certificate,
        has_key_store_password,
        has_xks_members: xks.is_given(),
    })
}

pub(super) fn render(response: &Response) -> Value {
    Answer::default().with("CustomKeyStoreId", response.custom_key_store_id.as_str()).done()
}
