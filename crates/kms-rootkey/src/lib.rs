//! kms-rootkey
