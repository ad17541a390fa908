//! What a request looks like to conditions: names to typed values. A name that does not apply is absent.

use kms_types::Timestamp;
use std::{collections::BTreeMap, fmt, net::IpAddr};

/// The condition keys of one request. Names are case-insensitive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<Value>>);

/// One value of a condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, also ARNs.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A boolean.
    Bool(bool),
    /// A point in time.
    Time(Timestamp),
    /// An address.
    Ip(IpAddr),
}

impl Context {
    /// Adds a value to a key. Two names that differ only in case give one key with two values.
    pub fn add(&mut self, key: &str, value: impl Into<Value>) {
        self.0.entry(key.to_lowercase()).or_default().push(value.into());
    }

    /// The values of a key, empty when it is absent.
    pub(crate) fn values(&self, key: &str) -> &[Value] {
        self.0.get(&key.to_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The value of a key that has exactly one.
    pub(crate) fn single(&self, key: &str) -> Option<&Value> {
        match self.values(key) {
            [value] => Some(value),
            _ => None,
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Bool(value) => value.fmt(f),
            Self::Time(at) => f.write_str(&at.to_rfc3339()),
            Self::Ip(address) => address.fmt(f),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u32> for Value {
    fn from(number: u32) -> Self {
        Self::Number(number.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Self::Time(at)
    }
}

impl From<IpAddr> for Value {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}
