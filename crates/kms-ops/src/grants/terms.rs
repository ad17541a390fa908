//! What a CreateGrant may ask for (section 8.3): principals, operations that fit the key, constraints in bounds.

use kms_state::{ContextConstraint, GrantConstraints, GrantTerms, Key};
use kms_types::{EncryptionContext, GrantOperation, GrantPrincipal, KeyArn, KeySpec, KeyUsage, limits};

use super::principal::{self, Named, named};
use crate::{Error, GrantConstraintMembers, case::Case, create_grant::Request};

/// The terms that a request states. Says nothing yet about the key.
pub(crate) fn of(case: &Case<'_>, request: &Request) -> Result<GrantTerms, Error> {
    let (grantee, retiring) = principals(case, request)?;
    Ok(GrantTerms {
        name: request.name.clone(),
        issuing_account: case.account(),
        grantee,
        retiring,
        operations: request.operations.iter().copied().collect(),
        constraints: constraints(request.constraints.as_ref())?,
    })
}

fn principals(case: &Case<'_>, request: &Request) -> Result<(GrantPrincipal, Option<GrantPrincipal>), Error> {
    let grantee = named(
        request.grantee_principal.as_deref(),
        request.grantee_service_principal.as_deref(),
        "GranteePrincipal and GranteeServicePrincipal",
    )?;
    let retiring = named(
        request.retiring_principal.as_deref(),
        request.retiring_service_principal.as_deref(),
        "RetiringPrincipal and RetiringServicePrincipal",
    )?;
    let retiring = match retiring {
        Named::Identity(arn) => Some(principal::identity(case, arn)?),
        Named::Service(name) => Some(principal::service(name)?),
        Named::Nobody => None,
    };
    let grantee = match grantee {
        Named::Identity(arn) => principal::identity(case, arn)?,
        Named::Service(name) => {
            let source_arn = request.constraints.as_ref().and_then(|c| c.source_arn.as_ref());
            if source_arn.is_none() || retiring.is_none() {
                let text = "GranteeServicePrincipal requires a SourceArn constraint, and RetiringPrincipal or \
                            RetiringServicePrincipal.";
                return Err(Error::Validation(text.into()));
            }
            principal::service(name)?
        }
        Named::Nobody => {
            let text = "Specify either GranteePrincipal or GranteeServicePrincipal.";
            return Err(Error::Validation(text.into()));
        }
    };
    Ok((grantee, retiring))
}

fn constraints(members: Option<&GrantConstraintMembers>) -> Result<GrantConstraints, Error> {
    let Some(members) = members else { return Ok(GrantConstraints::default()) };
    let encryption_context = match (&members.encryption_context_equals, &members.encryption_context_subset) {
        (None, None) => None,
        (Some(pairs), None) => Some(ContextConstraint::Equals(bounded(pairs)?)),
        (None, Some(pairs)) => Some(ContextConstraint::Subset(bounded(pairs)?)),
        (Some(_), Some(_)) => {
            let text = "Specify only one of EncryptionContextEquals and EncryptionContextSubset.";
            return Err(Error::Validation(text.into()));
        }
    };
    Ok(GrantConstraints { encryption_context, source_arn: members.source_arn.clone() })
}

fn bounded(pairs: &EncryptionContext) -> Result<EncryptionContext, Error> {
    let (most_pairs, most_chars) = (limits::MAX_GRANT_CONSTRAINT_PAIRS, limits::MAX_GRANT_CONSTRAINT_CHARS);
    let chars: usize = pairs.pairs().iter().map(|(n, v)| n.chars().count() + v.chars().count()).sum();
    match pairs.pairs().len() <= most_pairs && chars <= most_chars {
        true => Ok(pairs.clone()),
        false => Err(Error::Validation(format!(
            "An encryption context constraint has at most {most_pairs} pairs and {most_chars} characters."
        ))),
    }
}

/// Refuses terms that do not fit the key [KMS:grants].
pub(crate) fn check_for(terms: &GrantTerms, key: &Key, arn: &KeyArn) -> Result<(), Error> {
    if terms.operations.is_empty() {
        return Err(Error::Validation("Operations must name at least one operation.".into()));
    }
    if let Some(operation) = terms.operations.iter().find(|o| !fits(**o, key.spec, key.usage)) {
        return Err(Error::Validation(format!("Operation {operation} is not supported by key {arn}.")));
    }
    let symmetric = key.spec == KeySpec::SymmetricDefault;
    if terms.constraints.encryption_context.is_some() && !symmetric {
        let text = "Encryption context constraints are only supported by symmetric encryption keys.";
        return Err(Error::Validation(text.into()));
    }
    Ok(())
}

/// The operations that a key of this kind has.
fn fits(operation: GrantOperation, spec: KeySpec, usage: KeyUsage) -> bool {
    use GrantOperation as O;
    let symmetric = spec == KeySpec::SymmetricDefault;
    match operation {
        O::CreateGrant | O::RetireGrant | O::DescribeKey => true,
        O::Encrypt | O::Decrypt | O::ReEncryptFrom | O::ReEncryptTo => usage == KeyUsage::EncryptDecrypt,
        O::GenerateDataKey
        | O::GenerateDataKeyWithoutPlaintext
        | O::GenerateDataKeyPair
        | O::GenerateDataKeyPairWithoutPlaintext => symmetric,
        O::Sign | O::Verify => usage == KeyUsage::SignVerify,
        O::GenerateMac | O::VerifyMac => usage == KeyUsage::GenerateVerifyMac,
        O::DeriveSharedSecret => usage == KeyUsage::KeyAgreement,
        O::Encapsulate | O::Decapsulate => usage == KeyUsage::EncapsulateDecapsulate,
        O::GetPublicKey => !symmetric && usage != KeyUsage::GenerateVerifyMac,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_by_kind_of_key() {
        let kinds = [
            ("symmetric encryption", KeySpec::SymmetricDefault, KeyUsage::EncryptDecrypt),
            ("RSA encryption", KeySpec::Rsa2048, KeyUsage::EncryptDecrypt),
            ("signing", KeySpec::EccNistP256, KeyUsage::SignVerify),
            ("HMAC", KeySpec::Hmac256, KeyUsage::GenerateVerifyMac),
            ("key agreement", KeySpec::EccNistP256, KeyUsage::KeyAgreement),
            ("encapsulation", KeySpec::MlKem768, KeyUsage::EncapsulateDecapsulate),
        ];
        let row = |(name, spec, usage)| {
            let fitting = GrantOperation::ALL.iter().filter(|o| fits(**o, spec, usage));
            format!("{name}: {}", fitting.map(|o| o.as_str()).collect::<Vec<_>>().join(" "))
        };
        insta::assert_snapshot!(kinds.map(row).join("\n"));
    }
}
