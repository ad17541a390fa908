//! `Recipient`: an attested enclave that alone can read an answer (section 4.9). Without a configured root certificate no
//! document can be believed, and an answer in plaintext to a caller who asked for one that only an enclave reads would be
//! a leak: such a call is refused.

use kms_crypto::{attestation::AttestationDocument, cms};
use kms_policy::Context;
use zeroize::Zeroizing;

use crate::{AuditFacts, Env, Error, Recipient, RecipientFacts, Secret, case::Case};

/// A recipient whose document was verified.
pub(crate) struct Attested {
    document: AttestationDocument,
    public_key: Vec<u8>,
}

/// Verifies the document of the request, if there is one, at Region time. What it says is for policies to judge.
pub(crate) fn attested(
    case: &Case<'_>,
    env: &Env<'_>,
    recipient: Option<&Recipient>,
    facts: &mut AuditFacts,
) -> Result<Option<Attested>, Error> {
    let Some(recipient) = recipient else { return Ok(None) };
    let root = env.settings.attestation_root.as_deref().ok_or_else(|| {
        let text =
            "Recipient is not supported: this service has no root certificate of attestation documents.";
        Error::Unsupported(text.into())
    })?;
    let (Some(_), Some(document)) = (&recipient.key_encryption_algorithm, &recipient.attestation_document)
    else {
        return Err(invalid("Recipient requires KeyEncryptionAlgorithm and AttestationDocument."));
    };
    let document = AttestationDocument::verify(document, root, case.now())
        .map_err(|error| Error::Validation(format!("The attestation document is invalid: {error}.")))?;
    let public_key = document.public_key.clone();
    let public_key = public_key.ok_or_else(|| invalid("The attestation document has no public key."))?;
    facts.recipient = Some(RecipientFacts {
        module_id: document.module_id.clone(),
        image_digest: document.pcrs.get(&IMAGE).map(hex::encode),
    });
    Ok(Some(Attested { document, public_key }))
}

/// The register that holds the digest of the enclave's image.
const IMAGE: u8 = 0;

fn invalid(text: &str) -> Error {
    Error::Validation(text.into())
}

/// The condition keys of section 9.7; all absent when the request has no recipient.
pub(crate) fn add_conditions(context: &mut Context, attested: Option<&Attested>) {
    let Some(Attested { document, .. }) = attested else { return };
    if let Some(image) = document.pcrs.get(&IMAGE) {
        context.add("kms:RecipientAttestation:ImageSha384", hex::encode(image));
    }
    for (register, value) in &document.pcrs {
        context.add(&format!("kms:RecipientAttestation:PCR{register}"), hex::encode(value));
    }
    for (register, value) in &document.nitro_tpm_pcrs {
        context.add(&format!("kms:RecipientAttestation:NitroTPMPCR{register}"), hex::encode(value));
    }
}

/// The secret as the answer carries it.
pub(crate) fn deliver(
    secret: Zeroizing<Vec<u8>>,
    attested: Option<&Attested>,
    env: &mut Env<'_>,
) -> Result<Secret, Error> {
    let Some(Attested { public_key, .. }) = attested else { return Ok(Secret::Plaintext(secret)) };
    cms::envelop(public_key, &secret, env.entropy)
        .map(Secret::ForRecipient)
        .map_err(|_| invalid("The public key of the attestation document is not an RSA key."))
}
