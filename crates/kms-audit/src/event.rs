//! What a record is about, and what follows from it: source, type, and whether it only reads.

use kms_types::Operation;

/// The subject of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A call of the KMS API.
    Call(Operation),
    /// A call of IAM or STS.
    Query {
        /// `iam` or `sts`.
        service: &'static str,
        /// The action.
        action: &'static str,
    },
    /// Something that the service does to a key by itself.
    Service(ServiceEvent),
    /// An operator's command, such as a promotion; named as the command line names it (G3).
    Operator(&'static str),
}

/// What the service does to keys by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceEvent {
    /// A rotation became current.
    RotateKey,
    /// The waiting period of a deletion is over.
    DeleteKey,
    /// Imported material expired.
    DeleteExpiredKeyMaterial,
    /// Shared properties reached a replica.
    SynchronizeMultiRegionKey,
}

impl ServiceEvent {
    const fn name(self) -> &'static str {
        match self {
            Self::RotateKey => "RotateKey",
            Self::DeleteKey => "DeleteKey",
            Self::DeleteExpiredKeyMaterial => "DeleteExpiredKeyMaterial",
            Self::SynchronizeMultiRegionKey => "SynchronizeMultiRegionKey",
        }
    }
}

impl Event {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Call(operation) => operation.name(),
            Self::Query { action, .. } => action,
            Self::Service(event) => event.name(),
            Self::Operator(command) => command,
        }
    }

    pub(crate) fn source(self) -> &'static str {
        match self {
            Self::Call(_) | Self::Service(_) => "kms.amazonaws.com",
            Self::Query { service: "sts", .. } => "sts.amazonaws.com",
            Self::Query { .. } => "iam.amazonaws.com",
            Self::Operator(_) => "meridian",
        }
    }

    /// AWS records the synchronization of a multi-Region key as a call although nobody called.
    pub(crate) fn event_type(self) -> &'static str {
        match self {
            Self::Call(_) | Self::Query { .. } | Self::Service(ServiceEvent::SynchronizeMultiRegionKey) => {
                "AwsApiCall"
            }
            Self::Service(_) => "AwsServiceEvent",
            Self::Operator(_) => "MeridianOperatorCommand",
        }
    }

    pub(crate) fn read_only(self) -> bool {
        match self {
            Self::Call(operation) => !writes(operation),
            // STS writes nothing; of IAM what begins so reads.
            Self::Query { service, action } => {
                service == "sts" || action.starts_with("Get") || action.starts_with("List")
            }
            Self::Service(_) | Self::Operator(_) => false,
        }
    }
}

/// The operations that change keys; every other one, cryptography included, is recorded as read-only.
fn writes(operation: Operation) -> bool {
    use Operation::*;
    matches!(
        operation,
        CancelKeyDeletion
            | ConnectCustomKeyStore
            | CreateAlias
            | CreateCustomKeyStore
            | CreateGrant
            | CreateKey
            | DeleteAlias
            | DeleteCustomKeyStore
            | DeleteImportedKeyMaterial
            | DisableKey
            | DisableKeyRotation
            | DisconnectCustomKeyStore
            | EnableKey
            | EnableKeyRotation
            | ImportKeyMaterial
            | PutKeyPolicy
            | ReplicateKey
            | RetireGrant
            | RevokeGrant
            | RotateKeyOnDemand
            | ScheduleKeyDeletion
            | TagResource
            | UntagResource
            | UpdateAlias
            | UpdateCustomKeyStore
            | UpdateKeyDescription
            | UpdatePrimaryRegion
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rule of the records: whatever reads or uses a key is read-only, whatever changes one is not.
    #[test]
    fn read_only_operations_of_the_whole_api() {
        let read_only: Vec<_> =
            Operation::ALL.iter().filter(|o| Event::Call(**o).read_only()).map(|o| o.name()).collect();
        insta::assert_snapshot!(read_only.join("\n"));
    }
}
