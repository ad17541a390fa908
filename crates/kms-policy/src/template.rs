//! Text with wildcards and policy variables, as a policy writes it.
//!
//! Variables stand for single values of the request's context; what they expand to is literal, never a wildcard.

use std::borrow::Cow;

use crate::{
    Context,
    context::Value,
    glob::{self, Piece},
    keys,
};

/// How `*` and `?` are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wildcards {
    /// As wildcards.
    Match,
    /// As themselves.
    Literal,
}

/// Whether `${...}` is read: only from language version 2012-10-17 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variables {
    /// As a variable.
    Expand,
    /// As a variable of a key policy, for which some keys are always absent (section 9.7).
    ExpandInKeyPolicy,
    /// As itself.
    Literal,
}

/// A pattern as written in the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Box<[Part]>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(Box<str>),
    One,
    Many,
    /// The key, in lower case, is none where the variable never has a value.
    Variable {
        key: Option<Box<str>>,
        default: Option<Box<str>>,
    },
}

impl Template {
    pub(crate) fn parse(text: &str, wildcards: Wildcards, variables: Variables) -> Self {
        let mut parts = Parts::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((part, after)) = split_variable(rest, variables) {
                match part {
                    Part::Literal(escaped) => parts.literal.push_str(&escaped),
                    part => parts.push(part),
                }
                rest = after;
                continue;
            }
            match first {
                '*' if wildcards == Wildcards::Match => parts.push(Part::Many),
                '?' if wildcards == Wildcards::Match => parts.push(Part::One),
                other => parts.literal.push(other),
            }
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
        Self(parts.finish())
    }

    /// True when the pattern matches the whole of `text`; never when a variable has no single value.
    pub(crate) fn matches(&self, text: &str, context: &Context) -> bool {
        match &*self.0 {
            [] => text.is_empty(),
            [Part::Many] => true,
            [Part::Literal(literal)] => **literal == *text,
            [Part::Literal(literal), Part::Many] => text.starts_with(&**literal),
            _ => self.expand(context).is_some_and(|pieces| glob::matches(&pieces, text)),
        }
    }

    /// As [`Self::matches`] for a pattern without wildcards, without regard to case.
    pub(crate) fn equals_ignoring_case(&self, text: &str, context: &Context) -> bool {
        let Some(pieces) = self.expand(context) else { return false };
        let pattern = pieces.iter().flat_map(|piece| match piece {
            Piece::Literal(literal) => literal.chars(),
            Piece::One | Piece::Many => "".chars(),
        });
        pattern.flat_map(char::to_lowercase).eq(text.chars().flat_map(char::to_lowercase))
    }

    /// The pattern for this request; none when a variable has no single value.
    pub(crate) fn expand<'a>(&'a self, context: &'a Context) -> Option<Vec<Piece<'a>>> {
        let expand = |part: &'a Part| match part {
            Part::Literal(text) => Some(Piece::Literal(Cow::Borrowed(text))),
            Part::One => Some(Piece::One),
            Part::Many => Some(Piece::Many),
            Part::Variable { key, default } => {
                let value = key.as_deref().and_then(|key| context.single(key)).map(text_of);
                value.or_else(|| default.as_deref().map(Cow::Borrowed)).map(Piece::Literal)
            }
        };
        self.0.iter().map(expand).collect()
    }

    pub(crate) fn has_variables(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Variable { .. }))
    }
}

pub(crate) fn text_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Text(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

/// Parts under construction: neighbouring characters are one literal.
#[derive(Default)]
struct Parts {
    done: Vec<Part>,
    literal: String,
}

impl Parts {
    fn push(&mut self, part: Part) {
        self.end_literal();
        // Two stars in a row are one.
        if part != Part::Many || self.done.last() != Some(&Part::Many) {
            self.done.push(part);
        }
    }

    fn end_literal(&mut self) {
        if !self.literal.is_empty() {
            self.done.push(Part::Literal(std::mem::take(&mut self.literal).into()));
        }
    }

    fn finish(mut self) -> Box<[Part]> {
        self.end_literal();
        self.done.into()
    }
}

/// `${key}`, `${key, 'default'}` or an escape `${*}`, `${?}`, `${$}` at the start of `text`, and what follows it.
fn split_variable(text: &str, variables: Variables) -> Option<(Part, &str)> {
    if variables == Variables::Literal {
        return None;
    }
    let (inside, after) = text.strip_prefix("${")?.split_once('}')?;
    let part = match inside {
        "*" | "?" | "$" => Part::Literal(inside.into()),
        _ => match inside.split_once(',') {
            Some((key, default)) => {
                let default = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
                Part::Variable { key: variable_key(key.trim(), variables), default: Some(default.into()) }
            }
            None => Part::Variable { key: variable_key(inside.trim(), variables), default: None },
        },
    };
    Some((part, after))
}

fn variable_key(key: &str, variables: Variables) -> Option<Box<str>> {
    let key = key.to_lowercase();
    let absent = keys::is_multivalued(&key)
        || variables == Variables::ExpandInKeyPolicy && keys::is_absent_in_key_policies(&key);
    (!absent).then(|| key.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Template::parse(pattern, Wildcards::Match, Variables::Expand).matches(text, &Context::default())
    }

    #[test]
    fn escapes_are_literal_and_unknown_variables_match_nothing() {
        assert!(matches("a${*}", "a*"));
        assert!(!matches("a${*}", "ab"));
        assert!(matches("${$}x", "$x"));
        assert!(matches("${$}${?}${*}", "$?*"));
        assert!(!matches("${aws:username}", ""));
        assert!(matches("${aws:username, 'anon'}", "anon"));
        assert!(!matches("${aws:username, '*'}", "anything"));
        assert!(matches("${unfinished", "${unfinished"));
        assert!(matches("a**?b", "axb"));
    }

    #[test]
    fn a_set_is_not_a_variable() {
        let mut context = Context::default();
        context.add("aws:TagKeys", "one");
        context.add("aws:username", "ann");
        let parse = |p| Template::parse(p, Wildcards::Match, Variables::Expand);
        assert!(parse("${aws:username}/*").matches("ann/x", &context));
        assert!(!parse("${aws:TagKeys}").matches("one", &context));
    }
}
