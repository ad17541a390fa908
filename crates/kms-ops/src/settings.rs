use kms_types::Quotas;
use std::collections::BTreeSet;

/// What a deployment is configured to allow. The node that decides a call applies its own; what `apply` needs of it
/// travels in the entry.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// How much of everything there may be.
    pub quotas: Quotas,
    /// The services that have AWS managed keys, by the name in `alias/aws/<service>`.
    pub managed_services: BTreeSet<String>,
    /// The root certificate, in DER, that attestation documents must lead to; without one there are no recipients.
    pub attestation_root: Option<Vec<u8>>,
}
