//! The parameters of a Query call: flat names, lists as `Name.member.N`, checked as they are taken [IAM:model].

use std::collections::BTreeMap;

use super::IamError;

/// The parameters by name, `Action` and `Version` included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

/// A rule of a text: which characters, and how many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rule {
    pub(crate) pattern: &'static str,
    pub(crate) allowed: fn(char) -> bool,
    pub(crate) length: (usize, usize),
}

fn name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "_+=,.@-".contains(c)
}

fn printable(c: char) -> bool {
    matches!(c, '\u{09}' | '\u{0A}' | '\u{0D}' | '\u{20}'..='\u{7E}' | '\u{A1}'..='\u{FF}')
}

/// Names of users and roles.
pub(crate) const NAME: Rule = Rule { pattern: r"[\w+=,.@-]+", allowed: name_char, length: (1, 64) };
/// Names of groups, policies, and of users where the model allows more.
pub(crate) const LONG_NAME: Rule = Rule { length: (1, 128), ..NAME };
/// Session names.
pub(crate) const SESSION_NAME: Rule = Rule { pattern: r"[\w+=,.@-]*", length: (2, 64), ..NAME };
/// Policy documents; their own limits come later.
pub(crate) const DOCUMENT: Rule =
    Rule { pattern: r"[\u0009\u000A\u000D\u0020-\u00FF]+", allowed: printable, length: (1, 131_072) };
/// ARNs.
pub(crate) const ARN: Rule =
    Rule { pattern: r"[\u0009\u000A\u000D\u0020-\u007E]+", allowed: printable, length: (20, 2048) };
/// Descriptions.
pub(crate) const DESCRIPTION: Rule = Rule {
    pattern: r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*",
    allowed: printable,
    length: (0, 1000),
};
/// Access key ids.
pub(crate) const ACCESS_KEY_ID: Rule =
    Rule { pattern: r"[\w]+", allowed: |c| c.is_ascii_alphanumeric() || c == '_', length: (16, 128) };

impl Rule {
    fn check(&self, name: &str, text: &str) -> Result<(), IamError> {
        let count = text.chars().count();
        let (least, most) = self.length;
        let fault = if count < least {
            format!("Member must have length greater than or equal to {least}")
        } else if count > most {
            format!("Member must have length less than or equal to {most}")
        } else if !text.chars().all(self.allowed) {
            format!("Member must satisfy regular expression pattern: {}", self.pattern)
        } else {
            return Ok(());
        };
        let shown = text.chars().take(128).collect::<String>();
        Err(violation(&format!("Value '{shown}' at '{}'", lower_camel(name)), &fault))
    }
}

fn violation(place: &str, fault: &str) -> IamError {
    IamError::Validation(format!(
        "1 validation error detected: {place} failed to satisfy constraint: {fault}"
    ))
}

/// The model's spelling of a member in messages.
fn lower_camel(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + chars.as_str())
}

impl Params {
    /// From decoded pairs; the caller refuses repeated names.
    pub fn new(pairs: BTreeMap<String, String>) -> Self {
        Self(pairs)
    }

    /// The raw text of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Every parameter, for the audit record.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A parameter that may be absent.
    pub(crate) fn optional(&self, name: &str, rule: &Rule) -> Result<Option<&str>, IamError> {
        match self.get(name) {
            Some(text) => rule.check(name, text).map(|()| Some(text)),
            None => Ok(None),
        }
    }

    /// A parameter that must be there.
    pub(crate) fn required(&self, name: &str, rule: &Rule) -> Result<&str, IamError> {
        let null = || violation(&format!("Value null at '{}'", lower_camel(name)), "Member must not be null");
        self.optional(name, rule)?.ok_or_else(null)
    }

    /// A path: `/`, or `/` and printable characters and `/`.
    pub(crate) fn path(&self, name: &str) -> Result<Option<&str>, IamError> {
        let Some(path) = self.get(name) else { return Ok(None) };
        let inner = path.chars().all(|c| ('\u{21}'..='\u{7E}').contains(&c)) && path.len() <= 512;
        let framed = path == "/" || (path.len() > 2 && path.starts_with('/') && path.ends_with('/'));
        match inner && framed && !path.contains("//") {
            true => Ok(Some(path)),
            false => Err(IamError::Validation(format!(
                "The specified value for {} is invalid. It must begin and end with / and contain only alphanumeric \
                 characters and/or / characters.",
                lower_camel(name)
            ))),
        }
    }

    /// The prefix of a path in a list call.
    pub(crate) fn path_prefix(&self) -> Result<&str, IamError> {
        let prefix = self.get("PathPrefix").unwrap_or("/");
        match prefix.starts_with('/') && prefix.len() <= 512 {
            true => Ok(prefix),
            false => Err(violation(
                &format!("Value '{}' at 'pathPrefix'", prefix.chars().take(128).collect::<String>()),
                "Member must satisfy regular expression pattern: \\u002F[\\u0021-\\u007F]*",
            )),
        }
    }

    /// A whole number within bounds.
    pub(crate) fn number(&self, name: &str, least: u32, most: u32) -> Result<Option<u32>, IamError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        let place =
            format!("Value '{}' at '{}'", text.chars().take(32).collect::<String>(), lower_camel(name));
        match text.parse::<u32>() {
            Ok(number) if number < least => {
                Err(violation(&place, &format!("Member must have value greater than or equal to {least}")))
            }
            Ok(number) if number > most => {
                Err(violation(&place, &format!("Member must have value less than or equal to {most}")))
            }
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(violation(&place, "Member must be a whole number")),
        }
    }

    /// A boolean, false when absent.
    pub(crate) fn flag(&self, name: &str) -> Result<bool, IamError> {
        match self.get(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => {
                Err(violation(&format!("Value at '{}'", lower_camel(name)), "Member must be a boolean"))
            }
        }
    }

    /// `Name.member.1`, `Name.member.2`, ... in order, with `suffix` after the number.
    pub(crate) fn list(&self, name: &str, suffix: &str) -> Vec<&str> {
        (1..).map_while(|n| self.get(&format!("{name}.member.{n}{suffix}"))).collect()
    }

    /// The tags of a call: each key once, at most 50, none reserved.
    pub(crate) fn tags(&self, name: &str) -> Result<BTreeMap<String, String>, IamError> {
        let mut tags = BTreeMap::new();
        for key in self.list(name, ".Key") {
            let n = tags.len() + 1;
            let value = self.get(&format!("{name}.member.{n}.Value")).unwrap_or_default();
            check_tag(key, value)?;
            if tags.insert(key.to_owned(), value.to_owned()).is_some() {
                return Err(IamError::InvalidInput(
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive.".into(),
                ));
            }
        }
        match tags.len() > 50 {
            true => Err(IamError::LimitExceeded("The number of tags has reached the maximum limit.".into())),
            false => Ok(tags),
        }
    }
}

fn check_tag(key: &str, value: &str) -> Result<(), IamError> {
    let allowed = |c: char| c.is_alphanumeric() || c.is_whitespace() || "_.:/=+-@".contains(c);
    if key.is_empty() || key.chars().count() > 128 || !key.chars().all(allowed) {
        return Err(violation(
            "Value at 'tags.1.member.key'",
            "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+",
        ));
    }
    if value.chars().count() > 256 || !value.chars().all(allowed) {
        return Err(violation(
            "Value at 'tags.1.member.value'",
            "Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*",
        ));
    }
    match key.to_lowercase().starts_with("aws:") {
        true => Err(IamError::InvalidInput("System tags cannot be added by the requester.".into())),
        false => Ok(()),
    }
}
