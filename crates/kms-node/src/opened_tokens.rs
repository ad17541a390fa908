//! Session tokens that were opened lately: the calls of one session open, read and compile what is in its token once.
//!
//! What a token holds never changes, and whether its session is over or its role is gone is looked up in the view of
//! each call: keeping it opened decides nothing. Bounded; the oldest goes first. Forged tokens never get here.

use sha2::{Digest, Sha256};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Most tokens that are kept; each holds below 8 KiB.
const MOST: usize = 1024;

type TokenDigest = [u8; 32];

/// Opened tokens by the digest of their text; a secret in one is wiped when it goes.
pub(crate) struct OpenedTokens<T>(Mutex<Kept<T>>);

struct Kept<T> {
    opened: HashMap<TokenDigest, Arc<T>>,
    oldest_first: VecDeque<TokenDigest>,
}

impl<T> Default for OpenedTokens<T> {
    fn default() -> Self {
        Self(Mutex::new(Kept { opened: HashMap::new(), oldest_first: VecDeque::new() }))
    }
}

impl<T> OpenedTokens<T> {
    /// What is in the token; opened now, if it is genuine and was not opened lately.
    pub(crate) fn get_or_open(&self, token: &str, open: impl FnOnce() -> Option<T>) -> Option<Arc<T>> {
        let digest: TokenDigest = Sha256::digest(token).into();
        if let Some(found) = self.kept().opened.get(&digest) {
            return Some(found.clone());
        }
        // Without the lock: two calls may open the same token, and the first to come back is kept.
        let opened = Arc::new(open()?);
        Some(self.kept().keep(digest, opened))
    }

    fn kept(&self) -> MutexGuard<'_, Kept<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Kept<T> {
    fn keep(&mut self, digest: TokenDigest, opened: Arc<T>) -> Arc<T> {
        if let Some(found) = self.opened.get(&digest) {
            return found.clone();
        }
        while self.oldest_first.len() >= MOST {
            let Some(oldest) = self.oldest_first.pop_front() else { break };
            self.opened.remove(&oldest);
        }
        self.oldest_first.push_back(digest);
        self.opened.insert(digest, opened.clone());
        opened
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_opened_once_and_a_forged_one_never_kept() {
        let tokens = OpenedTokens::default();
        let first = tokens.get_or_open("a", || Some(1)).unwrap();
        let again = tokens.get_or_open("a", || panic!("it is open already")).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert!(tokens.get_or_open("forged", || None).is_none());
        assert_eq!(tokens.kept().opened.len(), 1);
        assert_eq!(
            *tokens.get_or_open("forged", || Some(2)).unwrap(),
            2,
            "nothing is remembered of a refusal"
        );
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let tokens = OpenedTokens::default();
        for n in 0..=MOST {
            tokens.get_or_open(&n.to_string(), || Some(n)).unwrap();
        }
        assert_eq!(tokens.kept().opened.len(), MOST);
        assert_eq!(tokens.kept().oldest_first.len(), MOST);
        assert_eq!(*tokens.get_or_open("1", || Some(usize::MAX)).unwrap(), 1);
        assert_eq!(*tokens.get_or_open("0", || Some(usize::MAX)).unwrap(), usize::MAX);
    }
}
