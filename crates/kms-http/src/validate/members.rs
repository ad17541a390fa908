//! Reading one JSON object member by member.

use base64::{Engine, engine::general_purpose::STANDARD};
use kms_types::{EncryptionContext, Region, Timestamp};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt::Display};
use zeroize::Zeroizing;

use super::{InputError, Length, SerializationError, Show, Text, Violation};

type Read<T> = Result<T, SerializationError>;

/// One object of a request: hands out typed members and remembers what is wrong with them.
///
/// A wrong JSON type ends the reading at once; a broken constraint is collected and the member reads as absent (or as
/// the empty value, when required). [`Members::finish`] tells whether the values may be used.
pub(crate) struct Members<'a> {
    object: &'a Map<String, Value>,
    prefix: String,
    violations: Vec<Violation>,
    parameters: Map<String, Value>,
}

impl<'a> Members<'a> {
    pub(crate) fn new(object: &'a Map<String, Value>) -> Self {
        Self { object, prefix: String::new(), violations: Vec::new(), parameters: Map::new() }
    }

    /// The audit parameters seen so far: what was read, is allowed, and is not sensitive.
    pub(crate) fn into_parameters(self) -> Value {
        Value::Object(self.parameters)
    }

    /// An error if any constraint was broken.
    pub(crate) fn finish(&self) -> Result<(), InputError> {
        if self.violations.is_empty() { Ok(()) } else { Err(self.refusal()) }
    }

    /// The error of the constraints broken so far.
    pub(crate) fn refusal(&self) -> InputError {
        InputError::Constraints(self.violations.clone())
    }

    /// What the audit record shows for a member that the caller left out.
    pub(crate) fn default(&mut self, name: &str, value: impl Into<Value>) {
        self.parameters.entry(lower_camel(name)).or_insert_with(|| value.into());
    }

    pub(crate) fn text(&mut self, name: &str, shape: &Text) -> Read<Option<String>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.wrong_type(name, value, "a String"))?;
        if !self.check_text(self.path(name), text, shape) {
            return Ok(None);
        }
        if shape.show == Show::Value {
            self.note(name, text.into());
        }
        Ok(Some(text.to_owned()))
    }

    pub(crate) fn required_text(&mut self, name: &str, shape: &Text) -> Read<String> {
        self.require(name);
        Ok(self.text(name, shape)?.unwrap_or_default())
    }

    /// A Region's name; absent only together with a violation.
    pub(crate) fn required_region(&mut self, name: &str) -> Read<Option<Region>> {
        Ok(self.required_text(name, &Text::REGION)?.parse().ok())
    }

    /// A blob: standard base64 with padding. Its bytes may be secret and are never shown.
    pub(crate) fn blob(&mut self, name: &str, length: Length) -> Read<Option<Zeroizing<Vec<u8>>>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.wrong_type(name, value, "a Blob"))?;
        let bytes =
            STANDARD.decode(text).map_err(|_| SerializationError::NotBase64 { path: self.path(name) })?;
        let bytes = Zeroizing::new(bytes);
        match length.broken_by(bytes.len()) {
            Some(constraint) => self.violate(Violation::hidden(self.path(name), constraint)),
            None => return Ok(Some(bytes)),
        }
        Ok(None)
    }

    pub(crate) fn required_blob(&mut self, name: &str, length: Length) -> Read<Zeroizing<Vec<u8>>> {
        self.require(name);
        Ok(self.blob(name, length)?.unwrap_or_default())
    }

    /// A 32-bit integer between `least` and `most`.
    pub(crate) fn integer(&mut self, name: &str, least: u32, most: u32) -> Read<Option<u32>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let wrong = || self.wrong_type(name, value, "an Integer");
        let number = value.as_i64().and_then(|n| i32::try_from(n).ok()).ok_or_else(wrong)?;
        let constraint = match u32::try_from(number) {
            Ok(n) if (least..=most).contains(&n) => {
                self.note(name, n.into());
                return Ok(Some(n));
            }
            Ok(n) if n > most => format!("Member must have value less than or equal to {most}"),
            _ => format!("Member must have value greater than or equal to {least}"),
        };
        self.violate(Violation::shown(&number.to_string(), self.path(name), constraint));
        Ok(None)
    }

    /// A point in time: seconds since 1970, with a fraction or without. One before that reads as 1970.
    pub(crate) fn time(&mut self, name: &str) -> Read<Option<Timestamp>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let seconds = value.as_f64().ok_or_else(|| self.wrong_type(name, value, "a Timestamp"))?;
        // Saturates: a date beyond every calendar is in the far future.
        let stamp = Timestamp::from_millis((seconds * 1000.0) as u64);
        self.note(name, stamp.format("%b %-d, %Y, %-I:%M:%S %p").into());
        Ok(Some(stamp))
    }

    pub(crate) fn flag(&mut self, name: &str) -> Read<Option<bool>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let flag = value.as_bool().ok_or_else(|| self.wrong_type(name, value, "a Boolean"))?;
        self.note(name, flag.into());
        Ok(Some(flag))
    }

    /// A member of an enumeration whose values are `all`.
    pub(crate) fn choice<E: Choice>(&mut self, name: &str, all: &[E]) -> Read<Option<E>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| self.wrong_type(name, value, "a String"))?;
        let choice = self.check_choice(self.path(name), text, all);
        if choice.is_some() {
            self.note(name, text.into());
        }
        Ok(choice)
    }

    /// A member of an enumeration; absent only together with a violation.
    pub(crate) fn required_choice<E: Choice>(&mut self, name: &str, all: &[E]) -> Read<Option<E>> {
        self.require(name);
        self.choice(name, all)
    }

    /// A list of enumeration values.
    pub(crate) fn choices<E: Choice>(&mut self, name: &str, length: Length, all: &[E]) -> Read<Vec<E>> {
        let mut out = Vec::new();
        for (path, element) in self.elements(name, length, Show::Value)? {
            let text = element.as_str().ok_or_else(|| wrong_type(path.clone(), element, "a String"))?;
            out.extend(self.check_choice(path, text, all));
        }
        if !out.is_empty() {
            self.note(name, out.iter().map(|e| e.to_string()).collect());
        }
        Ok(out)
    }

    /// A list of strings.
    pub(crate) fn texts(&mut self, name: &str, length: Length, shape: &Text) -> Read<Vec<String>> {
        let mut out = Vec::new();
        for (path, element) in self.elements(name, length, shape.show)? {
            let text = element.as_str().ok_or_else(|| wrong_type(path.clone(), element, "a String"))?;
            if self.check_text(path, text, shape) {
                out.push(text.to_owned());
            }
        }
        if shape.show == Show::Value && self.value(name).is_some() {
            self.note(name, out.iter().map(String::as_str).collect());
        }
        Ok(out)
    }

    /// A list of objects, each read by `read`.
    pub(crate) fn objects<T>(
        &mut self,
        name: &str,
        length: Length,
        read: fn(&mut Members<'_>) -> Read<T>,
    ) -> Read<Vec<T>> {
        let mut out = Vec::new();
        let mut shown = Vec::new();
        for (path, element) in self.elements(name, length, Show::Value)? {
            let (value, parameters) = self.nested(path, element, read)?;
            out.push(value);
            shown.push(parameters);
        }
        if self.value(name).is_some() {
            self.note(name, shown.into());
        }
        Ok(out)
    }

    /// A member that is an object itself.
    pub(crate) fn object<T>(&mut self, name: &str, read: fn(&mut Members<'_>) -> Read<T>) -> Read<Option<T>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let (inner, parameters) = self.nested(self.path(name), value, read)?;
        self.note(name, parameters);
        Ok(Some(inner))
    }

    /// A map of strings; kept in the clear in audit records, as encryption contexts are [KMS:Encrypt].
    pub(crate) fn context(&mut self, name: &str) -> Read<EncryptionContext> {
        Ok(self.optional_context(name)?.unwrap_or_default())
    }

    /// As [`Self::context`], where an empty map is not the same as none.
    pub(crate) fn optional_context(&mut self, name: &str) -> Read<Option<EncryptionContext>> {
        let Some(value) = self.value(name) else { return Ok(None) };
        let map = value.as_object().ok_or_else(|| self.wrong_type(name, value, "a Map"))?;
        let mut pairs = BTreeMap::new();
        for (key, value) in map {
            let text = value.as_str().ok_or_else(|| self.wrong_type(name, value, "a String"))?;
            pairs.insert(key.clone(), text.to_owned());
        }
        self.note(name, value.clone());
        Ok(Some(EncryptionContext::new(pairs)))
    }

    /// Notes a violation when the member is absent or null.
    pub(crate) fn require(&mut self, name: &str) {
        if self.value(name).is_none() {
            self.violate(Violation::missing(self.path(name)));
        }
    }

    /// The member, with null read as absent.
    fn value(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    fn elements(&mut self, name: &str, length: Length, show: Show) -> Read<Vec<(String, &'a Value)>> {
        let Some(value) = self.value(name) else { return Ok(Vec::new()) };
        let list = value.as_array().ok_or_else(|| self.wrong_type(name, value, "a List"))?;
        if let Some(constraint) = length.broken_by(list.len()) {
            let path = self.path(name);
            self.violate(match show {
                Show::Value => Violation::shown(&listed(list), path, constraint),
                Show::Nothing => Violation::hidden(path, constraint),
            });
            return Ok(Vec::new());
        }
        let path = self.path(name);
        Ok(list.iter().zip(1..).map(|(element, index)| (format!("{path}.{index}.member"), element)).collect())
    }

    fn nested<T>(
        &mut self,
        path: String,
        value: &Value,
        read: fn(&mut Members<'_>) -> Read<T>,
    ) -> Read<(T, Value)> {
        let object = value.as_object().ok_or_else(|| wrong_type(path.clone(), value, "a Structure"))?;
        let mut inner = Members::new(object);
        inner.prefix = format!("{path}.");
        let out = read(&mut inner)?;
        for violation in inner.violations.drain(..) {
            violation.collect(&mut self.violations);
        }
        Ok((out, inner.into_parameters()))
    }

    fn check_text(&mut self, path: String, text: &str, shape: &Text) -> bool {
        let broken = shape.broken_by(text);
        let fine = broken.is_empty();
        for constraint in broken {
            self.violate(match shape.show {
                Show::Value => Violation::shown(text, path.clone(), constraint),
                Show::Nothing => Violation::hidden(path.clone(), constraint),
            });
        }
        fine
    }

    fn check_choice<E: Choice>(&mut self, path: String, text: &str, all: &[E]) -> Option<E> {
        let choice = all.iter().copied().find(|known| known.to_string() == text);
        if choice.is_none() {
            let names: Vec<String> = all.iter().map(E::to_string).collect();
            let constraint = format!("Member must satisfy enum value set: [{}]", names.join(", "));
            self.violate(Violation::shown(text, path, constraint));
        }
        choice
    }

    fn violate(&mut self, violation: Violation) {
        violation.collect(&mut self.violations);
    }

    fn note(&mut self, name: &str, value: Value) {
        self.parameters.insert(lower_camel(name), value);
    }

    fn path(&self, name: &str) -> String {
        format!("{}{}", self.prefix, lower_camel(name))
    }

    fn wrong_type(&self, name: &str, value: &Value, expected: &'static str) -> SerializationError {
        wrong_type(self.path(name), value, expected)
    }
}

/// An enumeration of the API.
pub(crate) trait Choice: Copy + Display {}
impl<E: Copy + Display> Choice for E {}

fn wrong_type(path: String, value: &Value, expected: &'static str) -> SerializationError {
    let found = match value {
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(n) if n.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
        Value::Array(_) => "START_ARRAY",
        Value::Object(_) => "START_OBJECT",
    };
    SerializationError::WrongType { expected, found, path }
}

/// A list as Java prints it, which is how AWS quotes one.
fn listed(list: &[Value]) -> String {
    let shown = list.iter().take(16).map(|element| match element {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    format!("[{}]", shown.collect::<Vec<_>>().join(", "))
}

/// `KeyId` to `keyId`, the spelling of messages and audit records.
pub(crate) fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    match chars.next() {
        Some(first) => first.to_lowercase().chain(chars).collect(),
        None => String::new(),
    }
}
