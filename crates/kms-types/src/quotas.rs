use serde::{Deserialize, Serialize};

use crate::limits;

/// What an account or a key may have in one Region [KMS:limits]. AWS's values unless configured.
///
/// A node decides with its own quotas and carries them in the entries it proposes, so that applying an entry does not
/// depend on the configuration of whoever applies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    /// Customer managed keys of one account.
    pub keys_per_account: usize,
    /// Aliases of one key.
    pub aliases_per_key: usize,
    /// Grants on one key.
    pub grants_per_key: usize,
    /// Tags on one key.
    pub tags_per_key: usize,
    /// Length of a key policy, in bytes.
    pub policy_bytes: usize,
    /// On-demand rotations in a key's life.
    pub on_demand_rotations: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            keys_per_account: limits::MAX_KEYS_PER_ACCOUNT,
            aliases_per_key: limits::MAX_ALIASES_PER_KEY,
            grants_per_key: limits::MAX_GRANTS_PER_KEY,
            tags_per_key: limits::MAX_TAGS_PER_KEY,
            policy_bytes: limits::MAX_POLICY_BYTES,
            on_demand_rotations: limits::MAX_ON_DEMAND_ROTATIONS,
        }
    }
}

/// A quota that does not exist, or a value that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no quota: write NAME=NUMBER with a name of [{names}]", names = Quotas::NAMES.join(", "))]
pub struct QuotaError(pub String);

impl Quotas {
    /// The names, as in the configuration.
    pub const NAMES: [&'static str; 6] = [
        "keys_per_account",
        "aliases_per_key",
        "grants_per_key",
        "tags_per_key",
        "policy_bytes",
        "on_demand_rotations",
    ];

    /// Sets one quota from `name=number`.
    pub fn set(&mut self, text: &str) -> Result<(), QuotaError> {
        let invalid = || QuotaError(text.to_owned());
        let (name, number) = text.split_once('=').ok_or_else(invalid)?;
        let number: u32 = number.parse().map_err(|_| invalid())?;
        let count = usize::try_from(number).map_err(|_| invalid())?;
        match name {
            "keys_per_account" => self.keys_per_account = count,
            "aliases_per_key" => self.aliases_per_key = count,
            "grants_per_key" => self.grants_per_key = count,
            "tags_per_key" => self.tags_per_key = count,
            "policy_bytes" => self.policy_bytes = count,
            "on_demand_rotations" => self.on_demand_rotations = number,
            _ => return Err(invalid()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_quota_can_be_set_by_its_name() {
        for name in Quotas::NAMES {
            let mut quotas = Quotas::default();
            quotas.set(&format!("{name}=7")).unwrap();
            assert_ne!(quotas, Quotas::default(), "{name}");
        }
        for text in ["", "keys_per_account", "keys=1", "keys_per_account=-1", "keys_per_account=x"] {
            assert_eq!(Quotas::default().set(text), Err(QuotaError(text.to_owned())));
        }
    }
}
