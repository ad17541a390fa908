//! What a service says about whom it acts for, in headers that its signature covers.
//!
//! `x-meridian-source-account`, `x-meridian-source-arn` and `x-meridian-via-service`; docs/operations/identities.md has them.

use http::HeaderMap;
use kms_ops::CredentialRef;
use kms_types::{OnBehalfOf, Principal, ServicePrincipal};

use super::SignatureError;

/// The beginning of the names.
pub(super) const PREFIX: &str = "x-meridian-";
const SOURCE_ACCOUNT: &str = "x-meridian-source-account";
const SOURCE_ARN: &str = "x-meridian-source-arn";
const VIA_SERVICE: &str = "x-meridian-via-service";
/// Longest value.
const MOST_BYTES: usize = 2048;

/// The caller with what it says; only a service may say anything.
pub(super) fn complete(
    principal: Principal,
    reference: CredentialRef,
    headers: &HeaderMap,
) -> Result<(Principal, CredentialRef), SignatureError> {
    let named = headers.keys().find(|name| name.as_str().starts_with(PREFIX));
    match (principal, named) {
        (Principal::Service(service), Some(_)) => {
            let on_behalf_of = Some(read(headers)?);
            let principal = Principal::Service(ServicePrincipal { on_behalf_of, ..service });
            Ok((principal.clone(), CredentialRef::Configured(principal)))
        }
        (_, Some(name)) => Err(SignatureError::ServiceHeader { name: name.to_string() }),
        (principal, None) => Ok((principal, reference)),
    }
}

fn read(headers: &HeaderMap) -> Result<OnBehalfOf, SignatureError> {
    let invalid = |name: &str| SignatureError::ServiceHeader { name: name.into() };
    if let Some(other) = headers.keys().find(|name| {
        name.as_str().starts_with(PREFIX)
            && ![SOURCE_ACCOUNT, SOURCE_ARN, VIA_SERVICE].contains(&name.as_str())
    }) {
        return Err(invalid(other.as_str()));
    }
    let text = |name: &str| {
        let value =
            headers.get(name).map(|value| value.to_str().ok().filter(|text| text.len() <= MOST_BYTES));
        match value {
            Some(Some(text)) => Ok(Some(text.to_owned())),
            Some(None) => Err(invalid(name)),
            None => Ok(None),
        }
    };
    let account = text(SOURCE_ACCOUNT)?.map(|account| account.parse()).transpose();
    Ok(OnBehalfOf {
        account: account.map_err(|_| invalid(SOURCE_ACCOUNT))?,
        source_arn: text(SOURCE_ARN)?,
        via_service: text(VIA_SERVICE)?,
    })
}
