//! kms-ops
