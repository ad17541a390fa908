use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A hash with fixed keys, so that the same content has the same fingerprint in every run.
#[derive(Debug, Default)]
pub(crate) struct Fingerprint(DefaultHasher);

impl Fingerprint {
    /// Adds a value.
    pub(crate) fn add<T: Hash>(&mut self, value: &T) {
        value.hash(&mut self.0);
    }

    /// The fingerprint of what was added.
    pub(crate) fn value(&self) -> u64 {
        self.0.finish()
    }
}

impl fmt::Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

/// The fingerprint of one value.
pub fn fingerprint<T: Hash>(value: &T) -> u64 {
    let mut hash = Fingerprint::default();
    hash.add(value);
    hash.value()
}
