//! What can be wrong with a request's body, in AWS's grammar.

use std::fmt;

/// Longest value quoted in a violation, in characters; the rest of a longer one says nothing new.
const MAX_QUOTED_CHARS: usize = 1024;
/// Most violations reported; a body of a million bad list elements is not answered in kind.
const MAX_VIOLATIONS: usize = 64;

/// A body that is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InputError {
    /// Not the JSON that the operation's shape asks for.
    Serialization(SerializationError),
    /// The right JSON types, with values that the model does not allow.
    Constraints(Vec<Violation>),
}

impl From<SerializationError> for InputError {
    fn from(error: SerializationError) -> Self {
        Self::Serialization(error)
    }
}

/// JSON of the wrong form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SerializationError {
    /// Not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// Not JSON.
    #[error("the body is not JSON: line {line}, column {column}")]
    Malformed {
        /// Where, from 1.
        line: usize,
        /// Where, from 1.
        column: usize,
    },
    /// Nested deeper than any shape of the API.
    #[error("the body is nested deeper than {most} levels")]
    TooDeep {
        /// The limit.
        most: usize,
    },
    /// A name twice in one object: parsers disagree on which counts, so neither does.
    #[error("an object of the body names a member twice")]
    DuplicateMember,
    /// The body is JSON and not an object.
    #[error("the body is not an object")]
    NotAnObject,
    /// A member of another JSON type than its shape.
    #[error("{found} can not be converted to {expected} at '{path}'")]
    WrongType {
        /// What the shape asks for, for example `a String`.
        expected: &'static str,
        /// What is there, for example `NUMBER_VALUE`.
        found: &'static str,
        /// The member.
        path: String,
    },
    /// A blob that is not standard base64 with padding.
    #[error("the value at '{path}' is not base64")]
    NotBase64 {
        /// The member.
        path: String,
    },
}

/// One broken constraint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    subject: Subject,
    path: String,
    constraint: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Subject {
    Absent,
    Hidden,
    Shown(String),
}

impl Violation {
    /// A required member that is not there.
    pub(crate) fn missing(path: String) -> Self {
        Self { subject: Subject::Absent, path, constraint: "Member must not be null".into() }
    }

    /// A blob or sensitive member; its value is left out.
    pub(crate) fn hidden(path: String, constraint: String) -> Self {
        Self { subject: Subject::Hidden, path, constraint }
    }

    /// A member whose value may be quoted.
    pub(crate) fn shown(value: &str, path: String, constraint: String) -> Self {
        Self { subject: Subject::Shown(value.chars().take(MAX_QUOTED_CHARS).collect()), path, constraint }
    }

    /// `<n> validation error(s) detected: <item>; <item>`, the text of one ValidationException.
    pub(crate) fn summary(violations: &[Self]) -> String {
        let noun = if violations.len() == 1 { "error" } else { "errors" };
        let items: Vec<String> = violations.iter().map(Self::to_string).collect();
        format!("{} validation {noun} detected: {}", violations.len(), items.join("; "))
    }

    /// Adds to `violations` unless there are enough to show already.
    pub(crate) fn collect(self, violations: &mut Vec<Self>) {
        if violations.len() < MAX_VIOLATIONS {
            violations.push(self);
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.subject {
            Subject::Absent => f.write_str("Value null")?,
            Subject::Hidden => f.write_str("Value")?,
            Subject::Shown(value) => write!(f, "Value '{value}'")?,
        }
        write!(f, " at '{}' failed to satisfy constraint: {}", self.path, self.constraint)
    }
}
