use serde::{Deserialize, Serialize};

use crate::AccountId;

/// A verified caller. Built by the SigV4 verifier from a stored credential, never from request data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Principal {
    /// The root user of an account.
    Root {
        /// The account.
        account: AccountId,
    },
}

impl Principal {
    /// The caller's account.
    pub fn account(&self) -> AccountId {
        match self {
            Self::Root { account } => *account,
        }
    }

    /// The caller's ARN, for example `arn:aws:iam::000000000000:root`.
    pub fn arn(&self) -> String {
        match self {
            Self::Root { account } => account.root_arn(),
        }
    }
}
