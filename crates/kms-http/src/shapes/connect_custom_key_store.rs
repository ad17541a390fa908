//! [KMS:ConnectCustomKeyStore]

use kms_ops::connect_custom_key_store::Request;

use super::{Input, entries::custom_key_store_id};
use crate::validate::Members;

pub(super) fn parse(members: &mut Members<'_>) -> Input<Request> {
    Ok(Request { custom_key_store_id: custom_key_store_id(members)? })
}
