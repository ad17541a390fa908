//! A grant: what one principal may do with one key, besides what the key policy says. It never changes once made.

mod constraints;
#[cfg(test)]
mod tests;

pub use constraints::{ComparedContext, ContextConstraint, GrantConstraints};

use kms_types::{AccountId, GrantId, GrantOperation, GrantPrincipal, KeyId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One grant on one key, in this Region only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// The grant id.
    pub id: GrantId,
    /// The key.
    pub key: KeyId,
    /// Creation, in Region time.
    pub created_at: Timestamp,
    /// What was granted.
    pub terms: GrantTerms,
}

/// What CreateGrant asked for. Equal terms under one name are one grant [KMS:CreateGrant].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantTerms {
    /// The caller's name for the grant, 1 to 256 characters.
    pub name: Option<String>,
    /// The account that issued the grant; its root may retire it.
    pub issuing_account: AccountId,
    /// Who may use the key.
    pub grantee: GrantPrincipal,
    /// Who may retire the grant.
    pub retiring: Option<GrantPrincipal>,
    /// What the grantee may do.
    pub operations: BTreeSet<GrantOperation>,
    /// Under which circumstances.
    pub constraints: GrantConstraints,
}

/// The circumstances of a request, as grants see them.
#[derive(Debug, Clone, Copy)]
pub struct GrantUse<'a> {
    /// What is asked.
    pub operation: GrantOperation,
    /// The encryption context; for CreateGrant the pairs of the new grant's own constraint.
    pub context: &'a ComparedContext,
    /// `aws:SourceArn`: the resource that a service acts for.
    pub source_arn: Option<&'a str>,
}

impl GrantTerms {
    /// True when the operation is granted and the constraints that apply to it are satisfied.
    ///
    /// For CreateGrant this says nothing about the new grant: [`Self::may_pass_on`] does.
    pub fn allow(&self, asked: &GrantUse<'_>) -> bool {
        let GrantUse { operation, context, source_arn } = *asked;
        self.operations.contains(&operation)
            && (!takes_context(operation) || self.constraints.context_allows(context))
            && (!takes_source(operation) || self.constraints.source_allows(source_arn))
    }

    /// True when whoever holds this grant may issue `child`: no operation more, and constraints equal or stricter
    /// [KMS:CreateGrant].
    pub fn may_pass_on(&self, child: &Self) -> bool {
        child.operations.is_subset(&self.operations) && self.constraints.cover(&child.constraints)
    }
}

/// The operations whose requests have an encryption context; the others ignore constraints about it.
pub(crate) fn takes_context(operation: GrantOperation) -> bool {
    use GrantOperation as O;
    match operation {
        O::Decrypt
        | O::Encrypt
        | O::GenerateDataKey
        | O::GenerateDataKeyWithoutPlaintext
        | O::GenerateDataKeyPair
        | O::GenerateDataKeyPairWithoutPlaintext
        | O::ReEncryptFrom
        | O::ReEncryptTo => true,
        O::Sign
        | O::Verify
        | O::GetPublicKey
        | O::CreateGrant
        | O::RetireGrant
        | O::DescribeKey
        | O::GenerateMac
        | O::VerifyMac
        | O::DeriveSharedSecret
        | O::Encapsulate
        | O::Decapsulate => false,
    }
}

/// A source constraint holds for every operation except RetireGrant (section 8.3).
pub(crate) fn takes_source(operation: GrantOperation) -> bool {
    operation != GrantOperation::RetireGrant
}
