//! Section 3 as one table: which key states let an operation through, and in which words the others refuse it.

use kms_types::{KeyArn, KeyOrigin, KeyState, Operation};
use std::fmt;

use crate::Error;

/// A key state in the words of AWS's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StateName {
    /// The state itself, for example `pending deletion`.
    Is(KeyState),
    /// Message 4: `not pending deletion`.
    NotPendingDeletion,
}

/// What a key state means for an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Ok,
    /// Message 1.
    Disabled,
    /// Messages 3, 4, 5, 11, 14, 15.
    Invalid(StateName),
    /// Message 6.
    WrongOrigin,
    /// UnsupportedOperationException.
    Unsupported,
}

/// The rows of the table; operations of one row share every cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Cryptography,
    Read,
    Change,
    Enablement,
    RotationSchedule,
    RotateOnDemand,
    ListRotations,
    ScheduleDeletion,
    CancelDeletion,
    Replicate,
    CreateGrant,
    UpdatePrimary,
    ImportParameters,
    Import,
    DeleteImported,
}

/// None for operations that are not about the state of one key, or do not exist yet.
const fn row(operation: Operation) -> Option<Row> {
    use Operation as O;
    Some(match operation {
        O::Encrypt
        | O::Decrypt
        | O::ReEncrypt
        | O::GenerateDataKey
        | O::GenerateDataKeyWithoutPlaintext
        | O::GenerateDataKeyPair
        | O::GenerateDataKeyPairWithoutPlaintext
        | O::GenerateMac
        | O::VerifyMac
        | O::Sign
        | O::Verify
        | O::GetPublicKey
        | O::DeriveSharedSecret
        | O::Encapsulate
        | O::Decapsulate => Row::Cryptography,
        O::DescribeKey
        | O::GetKeyLastUsage
        | O::GetKeyPolicy
        | O::ListKeyPolicies
        | O::ListResourceTags
        | O::ListAliases
        | O::ListGrants
        | O::RetireGrant
        | O::RevokeGrant
        | O::PutKeyPolicy
        | O::DeleteAlias
        | O::GetKeyRotationStatus => Row::Read,
        // UpdateAlias is asked about the new target only: the old one may be in any state (message 10).
        O::CreateAlias | O::UpdateAlias | O::TagResource | O::UntagResource | O::UpdateKeyDescription => {
            Row::Change
        }
        O::EnableKey | O::DisableKey => Row::Enablement,
        O::EnableKeyRotation | O::DisableKeyRotation => Row::RotationSchedule,
        O::RotateKeyOnDemand => Row::RotateOnDemand,
        O::ListKeyRotations => Row::ListRotations,
        O::ScheduleKeyDeletion => Row::ScheduleDeletion,
        O::CancelKeyDeletion => Row::CancelDeletion,
        O::ReplicateKey => Row::Replicate,
        O::CreateGrant => Row::CreateGrant,
        O::UpdatePrimaryRegion => Row::UpdatePrimary,
        // Keys of another origin are refused before their state is looked at (message 9).
        O::GetParametersForImport => Row::ImportParameters,
        O::ImportKeyMaterial => Row::Import,
        O::DeleteImportedKeyMaterial => Row::DeleteImported,
        _ => return None,
    })
}

/// One cell of the table [KMS:key-state].
pub(crate) const fn verdict(operation: Operation, state: KeyState) -> Verdict {
    use KeyState as S;
    use Row as R;
    use Verdict::{Disabled, Invalid, Ok, Unsupported, WrongOrigin};
    let Some(row) = row(operation) else { return Ok };
    let invalid = Invalid(StateName::Is(state));
    match (row, state) {
        (R::Read, _) => Ok,
        (R::ListRotations, S::Unavailable) => Unsupported,
        (R::ListRotations, _) => Ok,
        (R::CancelDeletion, S::PendingDeletion | S::PendingReplicaDeletion) => Ok,
        (R::CancelDeletion, _) => Invalid(StateName::NotPendingDeletion),
        (R::DeleteImported, S::PendingDeletion | S::PendingReplicaDeletion) => Ok,
        // Every other row: allowed when enabled, message 3 when the key is on its way out.
        (_, S::Enabled) => Ok,
        (_, S::PendingDeletion | S::PendingReplicaDeletion) => invalid,
        (R::Change, _) => Ok,
        (R::Enablement, S::Disabled | S::Unavailable) => Ok,
        (R::Enablement, _) => invalid,
        (R::ScheduleDeletion, S::Updating) => invalid,
        (R::ScheduleDeletion, _) => Ok,
        (R::ImportParameters | R::Import | R::DeleteImported, S::Disabled | S::PendingImport) => Ok,
        (R::Import, S::Updating) => Ok,
        (_, S::Disabled) => Disabled,
        (R::RotationSchedule, S::PendingImport) => WrongOrigin,
        (R::RotationSchedule, S::Unavailable | S::Updating) => Ok,
        (R::RotateOnDemand, S::Unavailable) => Unsupported,
        (R::CreateGrant, S::Unavailable | S::Updating) => Ok,
        (R::Cryptography | R::UpdatePrimary, S::Updating) => Ok,
        (_, _) => invalid,
    }
}

/// Refuses the operation when the key's state does.
pub(crate) fn check(operation: Operation, state: KeyState, arn: &KeyArn) -> Result<(), Error> {
    match verdict(operation, state) {
        Verdict::Ok => Ok(()),
        Verdict::Disabled => Err(Error::Disabled { arn: arn.clone() }),
        Verdict::Invalid(state) => Err(Error::InvalidState { arn: arn.clone(), state }),
        Verdict::WrongOrigin => {
            Err(Error::UnsupportedOrigin { arn: arn.clone(), origin: KeyOrigin::External })
        }
        Verdict::Unsupported => {
            Err(Error::Unsupported(format!("{arn} is unavailable, which {operation} does not support.")))
        }
    }
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPendingDeletion => "not pending deletion",
            Self::Is(KeyState::Creating) => "creating",
            Self::Is(KeyState::Enabled) => "enabled",
            Self::Is(KeyState::Disabled) => "disabled",
            Self::Is(KeyState::PendingDeletion) => "pending deletion",
            Self::Is(KeyState::PendingImport) => "pending import",
            Self::Is(KeyState::PendingReplicaDeletion) => "pending replica deletion",
            Self::Is(KeyState::Unavailable) => "unavailable",
            Self::Is(KeyState::Updating) => "updating",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Request;

    #[test]
    fn every_operation_in_every_state() {
        let mut table = format!("{:<33}", "");
        for state in KeyState::ALL {
            table += &format!("{:<28}", state.as_str());
        }
        for operation in Request::IMPLEMENTED.iter().filter(|o| row(**o).is_some()) {
            table += &format!("\n{:<33}", operation.name());
            for state in KeyState::ALL {
                let cell = match verdict(*operation, *state) {
                    Verdict::Ok => "ok".to_string(),
                    Verdict::Disabled => "Disabled".into(),
                    Verdict::Invalid(name) => {
                        format!("is {name}")
                    }
                    Verdict::WrongOrigin => "Unsupported origin".into(),
                    Verdict::Unsupported => "Unsupported".into(),
                };
                table += &format!("{cell:<28}");
            }
            table.truncate(table.trim_end().len());
        }
        insta::assert_snapshot!(table);
    }
}
