//! What every cryptographic call checks besides the key: algorithm, usage, context size, dry run.

use kms_types::{DryRunModifier, EncryptionAlgorithm, EncryptionContext, KeySpec, limits};

use crate::{Error, algorithm::Algorithm, authorize::Authorized, case::Case, state_table};

/// State, usage and algorithm, in the order of section 1.8.
pub(crate) fn check_usable<A, G: Algorithm>(
    case: &Case<'_>,
    key: &Authorized<'_, A>,
    algorithm: G,
) -> Result<(), Error> {
    let operation = case.operation();
    state_table::check(operation, key.key().state(case.region), key.arn())?;
    let (spec, usage) = (key.key().spec, key.key().usage);
    if usage != G::USAGE {
        return Err(Error::InvalidKeyUsage { arn: key.arn().clone(), usage, operation });
    }
    match G::of(spec).contains(&algorithm) {
        true => Ok(()),
        false => Err(Error::IncompatibleAlgorithm { algorithm: algorithm.name(), spec }),
    }
}

/// Section 10.1: only symmetric ciphertext has a context, of a limited size.
pub(crate) fn check_context<A>(key: &Authorized<'_, A>, context: &EncryptionContext) -> Result<(), Error> {
    if key.key().spec != KeySpec::SymmetricDefault && !context.is_empty() {
        let text = "EncryptionContext is supported for symmetric encryption keys only.";
        return Err(Error::Validation(text.into()));
    }
    let most = limits::MAX_ENCRYPTION_CONTEXT_BYTES;
    match context.canonical_bytes().len() <= most {
        true => Ok(()),
        false => Err(Error::Validation(format!("The encryption context is larger than {most} bytes."))),
    }
}

pub(crate) fn algorithm(requested: Option<EncryptionAlgorithm>) -> EncryptionAlgorithm {
    requested.unwrap_or(EncryptionAlgorithm::SymmetricDefault)
}

/// The last check before the work: a dry run ends here.
pub(crate) fn end_dry_run(dry_run: bool) -> Result<(), Error> {
    if dry_run { Err(Error::DryRun) } else { Ok(()) }
}

/// Whether a call names its blob, or only asks what would happen with one.
pub(crate) enum Blob<'a> {
    Given(&'a [u8]),
    /// `DryRunModifiers: ["IGNORE_CIPHERTEXT"]`.
    Ignored,
}

/// Section 2.6: the blob may be left out only in a dry run that ignores it, and then the key must be named.
pub(crate) fn blob<'a>(
    blob: Option<&'a [u8]>,
    key_id: Option<&str>,
    dry_run: bool,
    modifiers: &[DryRunModifier],
) -> Result<Blob<'a>, Error> {
    if modifiers.contains(&DryRunModifier::IgnoreCiphertext) {
        return match (dry_run, key_id) {
            (true, Some(_)) => Ok(Blob::Ignored),
            (true, None) => Err(Error::Validation("IGNORE_CIPHERTEXT requires the key to be named.".into())),
            (false, _) => Err(Error::Validation("DryRunModifiers requires DryRun.".into())),
        };
    }
    blob.map(Blob::Given).ok_or_else(|| {
        Error::Validation(
            "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: \
             Member must not be null"
                .into(),
        )
    })
}
