use kms_ops::CredentialRef;
use kms_types::Principal;
use std::fmt;
use zeroize::Zeroizing;

/// A credential and who it stands for.
#[derive(Clone)]
pub struct Credential {
    /// The public half, for example `AKIDEXAMPLE`.
    pub access_key_id: String,
    /// The secret half; wiped on drop, never printed.
    pub secret: Zeroizing<String>,
    /// The caller that a valid signature proves.
    pub principal: Principal,
    /// What it is, so that it can be looked up again.
    pub reference: CredentialRef,
    /// Whether temporary credentials have come to their end, in Region time.
    pub validity: Validity,
}

/// Whether a credential can still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// It can.
    Current,
    /// A session that is over; its signature is checked before it is told so.
    Over,
}

impl Credential {
    /// A credential of the configuration.
    pub fn configured(access_key_id: String, secret: Zeroizing<String>, principal: Principal) -> Self {
        let reference = CredentialRef::Configured(principal.clone());
        Self { access_key_id, secret, principal, reference, validity: Validity::Current }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("access_key_id", &self.access_key_id)
            .field("principal", &self.principal)
            .finish_non_exhaustive()
    }
}

/// Where the verifier looks credentials up; must answer from memory.
pub trait Credentials: Send + Sync {
    /// The credential with this access key id. With a token it is the temporary one in the token; without, a long-term
    /// one. None when there is no such credential, or the token is not its.
    fn credential(&self, access_key_id: &str, session_token: Option<&str>) -> Option<Credential>;
}

impl Credentials for Vec<Credential> {
    fn credential(&self, access_key_id: &str, session_token: Option<&str>) -> Option<Credential> {
        let found = self.iter().find(|known| known.access_key_id == access_key_id);
        found.filter(|_| session_token.is_none()).cloned()
    }
}
