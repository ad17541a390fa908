use kms_types::Principal;

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
    access_key_id: String,
    value: T,
}

impl<T> Authenticated<T> {
    pub(super) fn new(principal: Principal, access_key_id: String, value: T) -> Self {
        Self { principal, access_key_id, value }
    }

    /// The verified caller.
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The access key that signed.
    pub fn access_key_id(&self) -> &str {
        &self.access_key_id
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
        Authenticated {
            principal: self.principal,
            access_key_id: self.access_key_id,
            value: next(self.value),
        }
    }
}
