//! JSON without the freedoms that parsers disagree on: no duplicate names, no deep nesting, nothing after the object.

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

use super::SerializationError;

/// Deepest nesting of arrays and objects; the API's shapes need four.
const MAX_DEPTH: usize = 16;

// serde's errors are text; these two are told apart by their text again.
const DUPLICATE: &str = "duplicate member";
const TOO_DEEP: &str = "nested too deep";

/// The one object that a request body must be.
pub(crate) fn parse_object(body: &[u8]) -> Result<Map<String, Value>, SerializationError> {
    let text = std::str::from_utf8(body).map_err(|_| SerializationError::NotUtf8)?;
    let mut parser = serde_json::Deserializer::from_str(text);
    let value = Strict { depth: 0 }.deserialize(&mut parser).map_err(refusal)?;
    parser.end().map_err(refusal)?;
    match value {
        Value::Object(members) => Ok(members),
        _ => Err(SerializationError::NotAnObject),
    }
}

fn refusal(error: serde_json::Error) -> SerializationError {
    let text = error.to_string();
    if text.starts_with(DUPLICATE) {
        return SerializationError::DuplicateMember;
    }
    if text.starts_with(TOO_DEEP) {
        return SerializationError::TooDeep { most: MAX_DEPTH };
    }
    SerializationError::Malformed { line: error.line(), column: error.column() }
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH { Err(E::custom(TOO_DEEP)) } else { Ok(Self { depth: self.depth + 1 }) }
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Vec::new();
        while let Some(element) = elements.next_element_seed(inner)? {
            out.push(element);
        }
        Ok(Value::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut out = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if out.insert(name, value).is_some() {
                return Err(A::Error::custom(DUPLICATE));
            }
        }
        Ok(Value::Object(out))
    }
}
