//! kms-raft
