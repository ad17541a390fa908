//! kms-policy
