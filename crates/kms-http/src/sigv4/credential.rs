use kms_types::Principal;
use std::fmt;
use zeroize::Zeroizing;

/// A long-term access key and who it stands for.
#[derive(Clone)]
pub struct Credential {
    /// The public half, for example `AKIDEXAMPLE`.
    pub access_key_id: String,
    /// The secret half; wiped on drop, never printed.
    pub secret: Zeroizing<String>,
    /// The caller that a valid signature proves.
    pub principal: Principal,
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
    /// The credential with this access key id, if there is one.
    fn credential(&self, access_key_id: &str) -> Option<Credential>;
}

impl Credentials for Vec<Credential> {
    fn credential(&self, access_key_id: &str) -> Option<Credential> {
        self.iter().find(|known| known.access_key_id == access_key_id).cloned()
    }
}
