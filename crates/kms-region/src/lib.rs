//! kms-region
