//! Who an access key id stands for: a root or service of the configuration, or what the replicated state says.

use kms_http::{Credential, Credentials, Validity};
use kms_ops::{
    CredentialRef, Env, Settings,
    iam::{self, OpenedToken},
};
use kms_state::State;
use kms_types::{Principal, ServicePrincipal};
use std::{collections::HashMap, sync::Arc};

use crate::{
    config::{CredentialEntry, ServiceEntry},
    entropy::OsEntropy,
    keyring::RegionKeyRing,
    opened_tokens::OpenedTokens,
};

/// The credentials of the configuration, fixed at start: one root per account, and the services.
pub(crate) struct ConfiguredCredentials(HashMap<String, Credential>);

impl ConfiguredCredentials {
    /// From the configuration's entries.
    pub(crate) fn new(roots: &[CredentialEntry], services: &[ServiceEntry]) -> Self {
        let root = |entry: &CredentialEntry| {
            let (id, secret) = (entry.access_key_id.clone(), entry.secret_access_key.clone());
            Credential::configured(id, secret, Principal::Root { account: entry.account })
        };
        let service = |entry: &ServiceEntry| {
            let (id, secret) = (entry.access_key_id.clone(), entry.secret_access_key.clone());
            let (name, account) = (entry.name.clone(), entry.account);
            let principal = Principal::Service(ServicePrincipal { name, account, on_behalf_of: None });
            Credential::configured(id, secret, principal)
        };
        let all = roots.iter().map(root).chain(services.iter().map(service));
        Self(all.map(|credential| (credential.access_key_id.clone(), credential)).collect())
    }
}

/// Every credential as one version of the state has it.
pub(crate) struct StateCredentials {
    pub(crate) configured: Arc<ConfiguredCredentials>,
    pub(crate) keyring: Arc<RegionKeyRing>,
    pub(crate) settings: Arc<Settings>,
    pub(crate) tokens: Arc<OpenedTokens<OpenedToken>>,
    pub(crate) view: State,
}

impl StateCredentials {
    fn long_term(&self, id: &str) -> Option<Credential> {
        let secret = iam::access_key_secret(&self.view, &self.env(&mut OsEntropy), id)?;
        let reference = CredentialRef::AccessKey(id.to_owned());
        let principal = self.view.caller(&reference).ok()?;
        Some(Credential {
            access_key_id: id.to_owned(),
            secret,
            principal,
            reference,
            validity: Validity::Current,
        })
    }

    /// A session that is over is still told apart from one that never was, once its signature is checked.
    fn temporary(&self, id: &str, token: &str) -> Option<Credential> {
        let open = || iam::open_session_token(&self.view, &self.env(&mut OsEntropy), token);
        let opened = self.tokens.get_or_open(token, open)?;
        let principal = opened.session.principal.clone();
        let reference = CredentialRef::Session(opened.session.clone());
        let (principal, validity) = match self.view.caller(&reference) {
            Ok(current) => (current, Validity::Current),
            Err(kms_state::CallerError::Expired) => (principal, Validity::Over),
            Err(kms_state::CallerError::Unknown) => return None,
        };
        (opened.access_key_id == id).then(|| Credential {
            access_key_id: opened.access_key_id.clone(),
            secret: opened.secret.clone(),
            principal,
            reference,
            validity,
        })
    }

    fn env<'a>(&'a self, entropy: &'a mut OsEntropy) -> Env<'a> {
        Env { entropy, keyring: &*self.keyring, settings: &self.settings }
    }
}

impl Credentials for StateCredentials {
    fn credential(&self, access_key_id: &str, session_token: Option<&str>) -> Option<Credential> {
        match (self.configured.0.get(access_key_id), session_token) {
            (Some(configured), None) => Some(configured.clone()),
            (Some(_), Some(_)) => None,
            (None, None) => self.long_term(access_key_id),
            (None, Some(token)) => self.temporary(access_key_id, token),
        }
    }
}
