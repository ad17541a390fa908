//! kms-transport
