//! kms-audit
