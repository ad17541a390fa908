//! Text with wildcards and policy variables, and the matching of it.
//!
//! Variables stand for single values of the request's context; what they expand to is literal, never a wildcard.

use crate::Context;

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
    /// As itself.
    Literal,
}

/// A pattern as written in the policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Token(Token),
    Variable { key: String, default: Option<String> },
}

/// One step of an expanded pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Token {
    /// This character.
    Char(char),
    /// `?`: any one character.
    One,
    /// `*`: any characters, or none.
    Many,
}

impl Template {
    pub(crate) fn parse(text: &str, wildcards: Wildcards, variables: Variables) -> Self {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let variable = (variables == Variables::Expand).then(|| split_variable(rest)).flatten();
            if let Some((part, after)) = variable {
                parts.push(part);
                rest = after;
                continue;
            }
            parts.push(Part::Token(match first {
                '*' if wildcards == Wildcards::Match => Token::Many,
                '?' if wildcards == Wildcards::Match => Token::One,
                other => Token::Char(other),
            }));
            rest = rest.get(first.len_utf8()..).unwrap_or_default();
        }
        Self(parts)
    }

    /// The pattern for this request; none when a variable has no single value, so that nothing matches.
    pub(crate) fn expand(&self, context: &Context) -> Option<Vec<Token>> {
        let mut tokens = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            match part {
                Part::Token(token) => tokens.push(*token),
                Part::Variable { key, default } => {
                    let value = context.single(key).map(|v| v.to_string()).or_else(|| default.clone())?;
                    tokens.extend(value.chars().map(Token::Char));
                }
            }
        }
        Some(tokens)
    }
}

/// `${key}`, `${key, 'default'}` or an escape `${*}`, `${?}`, `${$}` at the start of `text`, and what follows it.
fn split_variable(text: &str) -> Option<(Part, &str)> {
    let (inside, after) = text.strip_prefix("${")?.split_once('}')?;
    let part = match inside {
        "*" | "?" | "$" => Part::Token(Token::Char(inside.chars().next()?)),
        _ => match inside.split_once(',') {
            Some((key, default)) => {
                let default = default.trim().strip_prefix('\'')?.strip_suffix('\'')?;
                Part::Variable { key: key.trim().into(), default: Some(default.into()) }
            }
            None => Part::Variable { key: inside.into(), default: None },
        },
    };
    Some((part, after))
}

/// True when `tokens` match the whole of `text`. Backtracks to the last `*` only, so the time is at most the product of
/// both lengths.
pub(crate) fn matches(tokens: &[Token], text: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    let (mut t, mut c) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while c < text.len() {
        match tokens.get(t) {
            Some(Token::Many) => {
                retry = Some((t + 1, c));
                t += 1;
            }
            Some(token) if fits(token, text.get(c)) => (t, c) = (t + 1, c + 1),
            _ => match retry {
                Some((after_many, from)) => {
                    retry = Some((after_many, from + 1));
                    (t, c) = (after_many, from + 1);
                }
                None => return false,
            },
        }
    }
    tokens.iter().skip(t).all(|token| *token == Token::Many)
}

fn fits(token: &Token, c: Option<&char>) -> bool {
    match token {
        Token::One => true,
        Token::Char(expected) => Some(expected) == c,
        Token::Many => false,
    }
}

/// Six colon-separated fields, each matched by itself, so that a wildcard never crosses a colon before the sixth.
pub(crate) fn matches_arn(tokens: &[Token], arn: &str) -> bool {
    if tokens == [Token::Many] {
        return true;
    }
    let pattern: Vec<&[Token]> = tokens.splitn(6, |t| *t == Token::Char(':')).collect();
    let fields: Vec<&str> = arn.splitn(6, ':').collect();
    pattern.len() == 6 && fields.len() == 6 && pattern.iter().zip(fields).all(|(p, f)| matches(p, f))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str, text: &str) -> bool {
        let template = Template::parse(pattern, Wildcards::Match, Variables::Expand);
        template.expand(&Context::default()).is_some_and(|tokens| matches(&tokens, text))
    }

    #[test]
    fn wildcards_match_whole_texts() {
        for (pattern, text) in
            [("*", ""), ("a*c", "abbc"), ("a*c", "ac"), ("?b*", "ab"), ("*a*b", "xaxbxb"), ("", "")]
        {
            assert!(glob(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in
            [("a", "ab"), ("?", ""), ("a*c", "acd"), ("*ab", "ba"), ("kms:Enc", "kms:Encrypt")]
        {
            assert!(!glob(pattern, text), "{pattern} {text}");
        }
    }

    #[test]
    fn escapes_are_literal_and_unknown_variables_match_nothing() {
        assert!(glob("a${*}", "a*"));
        assert!(!glob("a${*}", "ab"));
        assert!(glob("${$}x", "$x"));
        assert!(!glob("${aws:username}", ""));
        assert!(glob("${aws:username, 'anon'}", "anon"));
        assert!(!glob("${aws:username, '*'}", "anything"));
    }

    #[test]
    fn a_wildcard_in_an_arn_stays_in_its_field() {
        let tokens =
            |p| Template::parse(p, Wildcards::Match, Variables::Expand).expand(&Context::default()).unwrap();
        assert!(matches_arn(&tokens("arn:aws:iam::*:root"), "arn:aws:iam::111122223333:root"));
        assert!(!matches_arn(&tokens("arn:*:root"), "arn:aws:iam::111122223333:root"));
        assert!(matches_arn(&tokens("arn:aws:iam::1:role/*"), "arn:aws:iam::1:role/a:b"));
    }
}
