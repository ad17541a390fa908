//! kms-node
