//! [KMS:UpdateCustomKeyStore]

use kms_ops::update_custom_key_store::Request;

use super::{Input, custom_key_store_members::XksProxy, entries::custom_key_store_id};
use crate::validate::{Members, Text};

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    let custom_key_store_id = custom_key_store_id(members)?;
    members.text("NewCustomKeyStoreName", &Text::CUSTOM_KEY_STORE_NAME)?;
    members.text("KeyStorePassword", &Text::KEY_STORE_PASSWORD)?;
    members.text("CloudHsmClusterId", &Text::CLOUD_HSM_CLUSTER_ID)?;
    XksProxy::read(members)?;
    Ok(Request { custom_key_store_id })
}
