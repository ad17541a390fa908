//! Grant tokens as text: issued by CreateGrant alone, checked wherever a request carries some.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kms_crypto::{DomainKey, GrantToken};
use kms_types::{Entropy, GrantId, KeyId};

use crate::{Env, Error, case::Case};

/// A fresh token for a grant.
pub(crate) fn issue(domain: &DomainKey, key: KeyId, grant: GrantId, entropy: &mut dyn Entropy) -> String {
    URL_SAFE_NO_PAD.encode(GrantToken::issue(domain, key, grant, entropy).to_bytes())
}

/// The key and the grant that a token stands for. They may be gone.
pub(crate) fn read(case: &Case<'_>, env: &Env<'_>, text: &str) -> Result<(KeyId, GrantId), Error> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::InvalidGrantToken)?;
    let token = GrantToken::parse(&bytes).map_err(|_| Error::InvalidGrantToken)?;
    let version = token.domain_version();
    match env.keyring.domain_key(version) {
        Some(domain) => token.verify(&domain).map_err(|_| Error::InvalidGrantToken),
        None if case.view.domain_keys().any(|wrapped| wrapped.version == version) => {
            Err(Error::Internal("the node could not open the domain key of a grant token"))
        }
        None => Err(Error::InvalidGrantToken),
    }
}

/// Refuses a request with a token that this Region never issued. A token of any grant, also one that is gone or of
/// another key, changes nothing: the grants that are there count without one (section 8.4).
pub(crate) fn check(case: &Case<'_>, env: &Env<'_>, tokens: &[String]) -> Result<(), Error> {
    tokens.iter().try_for_each(|text| read(case, env, text).map(drop))
}
