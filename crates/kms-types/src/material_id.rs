use serde::{Deserialize, Serialize};

use crate::hex_identifier;

/// The id of one key material, 32 bytes, shown as the API's 64-hex `KeyMaterialId`.
///
/// Derived from (key id, material) by `kms-crypto`, so that equal bytes under one key have one id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MaterialId([u8; 32]);

hex_identifier!(MaterialId, "key material id");
