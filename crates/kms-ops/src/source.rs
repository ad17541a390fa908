//! The opening side of Decrypt and ReEncrypt: which key a blob needs, whether the caller may use it, and the opening.

use kms_crypto::Header;
use kms_policy::Context;
use kms_types::{EncryptionAlgorithm, EncryptionContext, KeyArn, MaterialId};
use zeroize::Zeroizing;

use crate::{
    AuditFacts, Env, Error,
    authorize::{Action, Authorized, authorize},
    case::Case,
    cryptography::{Blob, check_usable},
    encryption, material,
    resolve::{Forms, Reached, Resolved, not_visible, resolve},
};

/// A blob and what the caller says about it.
pub(crate) struct Source<'r> {
    pub(crate) blob: Blob<'r>,
    pub(crate) key_id: Option<&'r str>,
    pub(crate) algorithm: EncryptionAlgorithm,
    pub(crate) context: &'r EncryptionContext,
}

/// A blob that opened.
pub(crate) struct Opened {
    pub(crate) arn: KeyArn,
    /// Of symmetric keys only: other ciphertext does not name its material.
    pub(crate) material: Option<MaterialId>,
    pub(crate) plaintext: Zeroizing<Vec<u8>>,
}

impl<'r> Source<'r> {
    /// The key named, or else the one that the blob's header names. A key that the header names and that is not here
    /// looks like one that the caller may not use (section 10.3).
    pub(crate) fn resolve<'a>(&self, case: &Case<'a>, facts: &mut AuditFacts) -> Result<Resolved<'a>, Error> {
        match (self.key_id, &self.blob) {
            (Some(text), _) => resolve(case, text, Forms::KeyOrAlias, facts),
            (None, Blob::Given(blob)) => by_header(case, blob, facts),
            (None, Blob::Ignored) => Err(Error::InvalidCiphertext),
        }
    }

    pub(crate) fn authorize<'a, A: Action>(
        &self,
        case: &Case<'a>,
        resolved: Resolved<'a>,
        extra: impl FnOnce(&mut Context),
    ) -> Result<Authorized<'a, A>, Error> {
        authorize(case, resolved, |context| {
            crate::conditions::add_cryptography(context, self.algorithm, self.context);
            extra(context);
        })
    }

    /// Header, key match, then state and usage: the order of section 1.8. Asymmetric ciphertext has no header.
    pub(crate) fn check<A>(&self, case: &Case<'_>, key: &Authorized<'_, A>) -> Result<(), Error> {
        if let (Blob::Given(blob), EncryptionAlgorithm::SymmetricDefault) = (&self.blob, self.algorithm) {
            let header = Header::parse(blob).map_err(|_| Error::InvalidCiphertext)?;
            if header.key_id != key.key().id {
                return Err(Error::IncorrectKey);
            }
        }
        check_usable(case, key, self.algorithm)
    }

    /// Opens the blob; a blob that a dry run ignores ends the call.
    pub(crate) fn open<A>(&self, env: &Env<'_>, key: &Authorized<'_, A>) -> Result<Opened, Error> {
        let Blob::Given(blob) = self.blob else { return Err(Error::DryRun) };
        let arn = key.arn().clone();
        if self.algorithm != EncryptionAlgorithm::SymmetricDefault {
            let plaintext = encryption::open_asymmetric(env, key, self.algorithm, blob)?;
            return Ok(Opened { arn, material: None, plaintext });
        }
        let header = Header::parse(blob).map_err(|_| Error::InvalidCiphertext)?;
        let material = header.material_id;
        let plaintext = material::open(env, key.key(), &arn, &material, self.context, blob)?;
        Ok(Opened { arn, material: Some(material), plaintext })
    }
}

fn by_header<'a>(case: &Case<'a>, blob: &[u8], facts: &mut AuditFacts) -> Result<Resolved<'a>, Error> {
    let header = Header::parse(blob).map_err(|_| Error::InvalidCiphertext)?;
    let key = case.key(&header.key_id).ok_or_else(|| not_visible(case))?;
    let arn = case.arn(key.account, key.id);
    facts.resources.push(arn.clone());
    Ok(Resolved { key, arn, alias: None, reached: Reached::ByCiphertext })
}
