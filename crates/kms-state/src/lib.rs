//! kms-state
