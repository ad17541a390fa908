//! The root credentials of the configuration, by access key id.

use kms_http::{Credential, Credentials};
use kms_types::Principal;
use std::collections::HashMap;

use crate::config::CredentialEntry;

/// One root credential per account, fixed at start.
pub(crate) struct ConfiguredCredentials(HashMap<String, CredentialEntry>);

impl ConfiguredCredentials {
    /// From the configuration's entries.
    pub(crate) fn new(entries: &[CredentialEntry]) -> Self {
        Self(entries.iter().map(|entry| (entry.access_key_id.clone(), entry.clone())).collect())
    }
}

impl Credentials for ConfiguredCredentials {
    fn credential(&self, access_key_id: &str) -> Option<Credential> {
        let entry = self.0.get(access_key_id)?;
        Some(Credential {
            access_key_id: entry.access_key_id.clone(),
            secret: entry.secret_access_key.clone(),
            principal: Principal::Root { account: entry.account },
        })
    }
}
