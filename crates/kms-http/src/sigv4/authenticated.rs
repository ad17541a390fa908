use kms_ops::CredentialRef;
use kms_types::Principal;

use super::Api;

/// Proof that the bytes behind `T` carried a valid signature; only the verifier makes one (invariant B5).
///
/// ```compile_fail
/// fn forge(principal: kms_types::Principal) -> kms_http::Authenticated<()> {
///     kms_http::Authenticated { principal, access_key_id: "test".into(), value: () }
/// }
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct Authenticated<T> {
    principal: Principal,
    credential: CredentialRef,
    access_key_id: String,
    api: Api,
    value: T,
}

impl<T> Authenticated<T> {
    pub(super) fn new(
        principal: Principal,
        credential: CredentialRef,
        access_key_id: String,
        api: Api,
        value: T,
    ) -> Self {
        Self { principal, credential, access_key_id, api, value }
    }

    /// The verified caller.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The credential that signed.
    pub fn credential(&self) -> &CredentialRef {
        &self.credential
    }

    /// The access key that signed.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// The service that the request is signed for.
    pub fn api(&self) -> Api {
        self.api
    }

    /// What the signature covers, in its present form.
    pub fn get(&self) -> &T {
        &self.value
    }

    /// What the signature covers, without the proof.
    pub fn into_inner(self) -> T {
        self.value
    }

    /// The next form of the same request, for example parsed from the bytes that were signed.
    pub fn map<U>(self, next: impl FnOnce(T) -> U) -> Authenticated<U> {
        let Self { principal, credential, access_key_id, api, value } = self;
        Authenticated { principal, credential, access_key_id, api, value: next(value) }
    }
}
