//! kms-http
