//! ConnectCustomKeyStore [KMS:ConnectCustomKeyStore].

use crate::{Error, Step, case::Case, custom_key_store};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The custom key store.
    pub custom_key_store_id: String,
}

/// The answer, for a store that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response;

/// Decides the call.
pub(crate) fn decide(case: &Case<'_>, request: &Request) -> Result<Step, Error> {
    custom_key_store::authorize(case)?;
    Err(custom_key_store::not_found(&request.custom_key_store_id))
}
