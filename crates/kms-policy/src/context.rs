//! What a request looks like to conditions: names to typed values. A name that does not apply is absent.

use kms_types::Timestamp;
use std::{collections::BTreeMap, fmt, net::IpAddr};

use crate::keys;

/// The condition keys of one request. Names are case-insensitive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Values>);

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Values {
    values: Vec<Value>,
    assumed: bool,
}

/// One value of a condition key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Text, also ARNs and binary data in base64.
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
        self.0.entry(key.to_lowercase()).or_default().values.push(value.into());
    }

    /// Adds the default of a member that the request left out: operators compare it, and `Null` sees it absent
    /// (section 9.7).
    pub fn add_assumed(&mut self, key: &str, value: impl Into<Value>) {
        let values = Values { values: vec![value.into()], assumed: true };
        self.0.insert(key.to_lowercase(), values);
    }

    /// Replaces every value of a key.
    pub fn set(&mut self, key: &str, values: impl IntoIterator<Item = Value>) {
        let values = Values { values: values.into_iter().collect(), assumed: false };
        self.0.insert(key.to_lowercase(), values);
    }

    /// Every key, in lower case and in order, with its values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[Value])> {
        self.0.iter().map(|(key, values)| (key.as_str(), values.values.as_slice()))
    }

    /// The values of a key given in lower case, empty when it is absent.
    pub(crate) fn values(&self, key: &str) -> &[Value] {
        self.0.get(key).map_or(&[], |values| values.values.as_slice())
    }

    /// What the `Null` operator asks: the request does not say, or says nothing.
    pub(crate) fn is_null(&self, key: &str) -> bool {
        let empty = |value: &Value| matches!(value, Value::Text(text) if text.is_empty());
        self.0.get(key).is_none_or(|values| values.assumed || values.values.iter().all(empty))
    }

    /// The value of a key, given in lower case, that has exactly one and may be a policy variable.
    pub(crate) fn single(&self, key: &str) -> Option<&Value> {
        match self.values(key) {
            [value] if !keys::is_multivalued(key) => Some(value),
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
