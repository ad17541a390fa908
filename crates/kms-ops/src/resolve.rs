//! From what a caller wrote in a `KeyId` member to a key of this Region (section 1.7). Decides nothing about access,
//! except that a key of another account which is not here looks like one that the caller may not see.

use kms_state::Key;
use kms_types::{AccountId, AliasArn, AliasName, KeyArn, KeyRef, KeyRefError, Operation, Region};
use std::sync::Arc;

use crate::{AuditFacts, Denial, Error, case::Case};

/// Which forms of a key's name an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forms {
    /// Key id, key ARN, alias name, alias ARN.
    KeyOrAlias,
    /// Key id, key ARN.
    KeyOnly,
}

/// A key that exists here.
pub(crate) struct Resolved<'a> {
    pub(crate) key: &'a Arc<Key>,
    pub(crate) arn: KeyArn,
    /// The alias by which the caller named the key.
    pub(crate) alias: Option<AliasName>,
    pub(crate) reached: Reached,
}

/// How the caller came to the key; a refusal must not tell more than the caller knew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reached {
    /// By a name in the request.
    ByName,
    /// By the header of a ciphertext.
    ByCiphertext,
}

/// Finds the key that `text` names, and puts it into the audit facts.
pub(crate) fn resolve<'a>(
    case: &Case<'a>,
    text: &str,
    forms: Forms,
    facts: &mut AuditFacts,
) -> Result<Resolved<'a>, Error> {
    let reference = parse(case, text, forms)?;
    let (account, id, alias) = match reference {
        KeyRef::Id(id) => (case.account(), id, None),
        KeyRef::Arn(arn) => {
            own_region(case, &arn.region)?;
            (arn.account, arn.key, None)
        }
        KeyRef::Alias(name) => follow(case, case.account(), name)?,
        KeyRef::AliasArn(arn) => {
            own_region(case, &arn.region)?;
            follow(case, arn.account, arn.alias)?
        }
    };
    let arn = case.arn(account, id);
    match case.key(&id).filter(|key| key.account == account) {
        Some(key) => {
            facts.resources.push(arn.clone());
            Ok(Resolved { key, arn, alias, reached: Reached::ByName })
        }
        None if account == case.account() => Err(Error::KeyNotFound { arn }),
        None => Err(not_visible(case)),
    }
}

/// A key of any account by the id in a grant token, with the audit facts as [`resolve`] fills them.
pub(crate) fn resolve_id<'a>(
    case: &Case<'a>,
    id: kms_types::KeyId,
    facts: &mut AuditFacts,
) -> Option<Resolved<'a>> {
    let key = case.key(&id)?;
    let arn = case.arn(key.account, id);
    facts.resources.push(arn.clone());
    Some(Resolved { key, arn, alias: None, reached: Reached::ByName })
}

fn parse(case: &Case<'_>, text: &str, forms: Forms) -> Result<KeyRef, Error> {
    let reference = text.parse().map_err(|error| match error {
        KeyRefError::InvalidArn(input) if models_invalid_arn(case.operation()) => Error::InvalidArn { input },
        KeyRefError::InvalidArn(input) | KeyRefError::InvalidKeyId(input) => Error::InvalidKeyId { input },
    })?;
    match (forms, &reference) {
        (Forms::KeyOnly, KeyRef::Alias(_) | KeyRef::AliasArn(_)) => {
            Err(Error::AliasNotSupported { input: text.into() })
        }
        _ => Ok(reference),
    }
}

/// The operations that may answer InvalidArnException, by the error lists of section 2.
fn models_invalid_arn(operation: Operation) -> bool {
    use Operation as O;
    !matches!(
        operation,
        O::CreateAlias
            | O::Decapsulate
            | O::Decrypt
            | O::DeleteAlias
            | O::DeriveSharedSecret
            | O::Encapsulate
            | O::Encrypt
            | O::GenerateDataKey
            | O::GenerateDataKeyPair
            | O::GenerateDataKeyPairWithoutPlaintext
            | O::GenerateDataKeyWithoutPlaintext
            | O::GenerateMac
            | O::ReEncrypt
            | O::Sign
            | O::UpdateAlias
            | O::Verify
            | O::VerifyMac
    )
}

/// There is no forwarding between Regions, not even between members of one key.
fn own_region(case: &Case<'_>, region: &Region) -> Result<(), Error> {
    match region == case.region {
        true => Ok(()),
        false => Err(Error::ForeignRegion { region: region.to_string() }),
    }
}

fn follow(
    case: &Case<'_>,
    account: AccountId,
    name: AliasName,
) -> Result<(AccountId, kms_types::KeyId, Option<AliasName>), Error> {
    match case.view.alias(account, &name) {
        Some(alias) => Ok((account, alias.target, Some(name))),
        None if account == case.account() => Err(Error::AliasNotFound { arn: alias_arn(case, name) }),
        None => Err(not_visible(case)),
    }
}

/// The ARN of an alias of the caller's account.
pub(crate) fn alias_arn(case: &Case<'_>, alias: AliasName) -> AliasArn {
    AliasArn { region: case.region.clone(), account: case.account(), alias }
}

/// Section 1.6: for a key of another account, absent and forbidden are one answer.
pub(crate) fn not_visible(case: &Case<'_>) -> Error {
    Error::AccessDenied {
        caller: case.caller().arn(),
        action: crate::authorize::action_of(case.operation()),
        resource: None,
        reason: Denial::NotVisible,
    }
}
