use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{collections::HashMap, sync::Mutex};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::scope::{Scope, TERMINATOR};

/// The key that signs one credential's requests of one day, Region and service.
#[derive(Clone)]
pub(crate) struct SigningKey(Zeroizing<[u8; 32]>);

impl SigningKey {
    /// Four chained HMACs over the scope [SIGV4].
    pub(crate) fn derive(secret: &str, scope: &Scope) -> Self {
        let start = Zeroizing::new(format!("AWS4{secret}"));
        let date = Zeroizing::new(hmac(start.as_bytes(), scope.date.as_bytes()));
        let region = Zeroizing::new(hmac(date.as_slice(), scope.region.as_bytes()));
        let service = Zeroizing::new(hmac(region.as_slice(), scope.service.as_bytes()));
        Self(Zeroizing::new(hmac(service.as_slice(), TERMINATOR.as_bytes())))
    }

    /// The signature of a string to sign.
    pub(crate) fn sign(&self, string_to_sign: &str) -> [u8; 32] {
        hmac(self.0.as_slice(), string_to_sign.as_bytes())
    }
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC is defined for keys of every length [RFC2104]")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// Most derived keys kept; beyond it the cache starts afresh.
const CAPACITY: usize = 1024;

struct Cached {
    // A replaced secret under an old access key id must not verify with the old derived key.
    secret: Zeroizing<String>,
    key: SigningKey,
}

/// Derived keys by access key id and scope. Bounded; only known credentials get in.
#[derive(Default)]
pub(crate) struct SigningKeyCache(Mutex<HashMap<(String, Scope), Cached>>);

impl SigningKeyCache {
    /// The derived key, from memory or derived now.
    pub(crate) fn key(&self, access_key_id: &str, secret: &str, scope: &Scope) -> SigningKey {
        let name = (access_key_id.to_owned(), scope.clone());
        if let Some(hit) = self.lookup(&name, secret) {
            return hit;
        }
        let key = SigningKey::derive(secret, scope);
        let cached = Cached { secret: Zeroizing::new(secret.to_owned()), key: key.clone() };
        let mut keys = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if keys.len() >= CAPACITY {
            keys.clear();
        }
        keys.insert(name, cached);
        key
    }

    fn lookup(&self, name: &(String, Scope), secret: &str) -> Option<SigningKey> {
        let keys = self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let cached = keys.get(name)?;
        bool::from(cached.secret.as_bytes().ct_eq(secret.as_bytes())).then(|| cached.key.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(date: &str) -> Scope {
        Scope { date: date.into(), region: "us-east-1".into(), service: "kms".into() }
    }

    #[test]
    fn a_replaced_secret_is_not_served_from_the_cache() {
        let cache = SigningKeyCache::default();
        let old = cache.key("AK", "old", &scope("20260203")).sign("x");
        assert_ne!(cache.key("AK", "new", &scope("20260203")).sign("x"), old);
        assert_eq!(cache.key("AK", "old", &scope("20260203")).sign("x"), old);
    }

    #[test]
    fn the_cache_stays_bounded() {
        let cache = SigningKeyCache::default();
        for n in 0..CAPACITY + 10 {
            let _ = cache.key("AK", "secret", &scope(&n.to_string()));
        }
        assert!(cache.0.lock().unwrap().len() <= CAPACITY);
    }
}
