//! The condition operators as one table, with what each compares.

use std::{net::IpAddr, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kms_types::Timestamp;

use crate::{
    Context, MalformedPolicy,
    arn_pattern::ArnPattern,
    context::Value,
    error::clip,
    template::{Template, Variables, Wildcards, text_of},
};

/// An operator with its set qualifier and `IfExists`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Operator {
    /// As written.
    pub(crate) name: Box<str>,
    pub(crate) qualifier: Option<Qualifier>,
    pub(crate) test: Test,
    pub(crate) sense: Sense,
    pub(crate) if_exists: bool,
}

/// How a set of request values is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Qualifier {
    ForAllValues,
    ForAnyValue,
}

/// Whether the operator asks for a match or for its absence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sense {
    Positive,
    Negated,
}

/// What is compared, without negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Comparison),
    Date(Comparison),
    Bool,
    Binary,
    IpAddress,
    Arn,
    Null,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Every operator [IAM:condition-operators].
const TABLE: &[(&str, Test, Sense)] = {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    use Sense::{Negated, Positive};
    &[
        ("StringEquals", Test::StringEquals, Positive),
        ("StringNotEquals", Test::StringEquals, Negated),
        ("StringEqualsIgnoreCase", Test::StringEqualsIgnoreCase, Positive),
        ("StringNotEqualsIgnoreCase", Test::StringEqualsIgnoreCase, Negated),
        ("StringLike", Test::StringLike, Positive),
        ("StringNotLike", Test::StringLike, Negated),
        ("NumericEquals", Test::Numeric(Equal), Positive),
        ("NumericNotEquals", Test::Numeric(Equal), Negated),
        ("NumericLessThan", Test::Numeric(Less), Positive),
        ("NumericLessThanEquals", Test::Numeric(LessOrEqual), Positive),
        ("NumericGreaterThan", Test::Numeric(Greater), Positive),
        ("NumericGreaterThanEquals", Test::Numeric(GreaterOrEqual), Positive),
        ("DateEquals", Test::Date(Equal), Positive),
        ("DateNotEquals", Test::Date(Equal), Negated),
        ("DateLessThan", Test::Date(Less), Positive),
        ("DateLessThanEquals", Test::Date(LessOrEqual), Positive),
        ("DateGreaterThan", Test::Date(Greater), Positive),
        ("DateGreaterThanEquals", Test::Date(GreaterOrEqual), Positive),
        ("Bool", Test::Bool, Positive),
        ("BinaryEquals", Test::Binary, Positive),
        ("IpAddress", Test::IpAddress, Positive),
        ("NotIpAddress", Test::IpAddress, Negated),
        // ArnEquals and ArnLike are one operator (section 9.9).
        ("ArnEquals", Test::Arn, Positive),
        ("ArnLike", Test::Arn, Positive),
        ("ArnNotEquals", Test::Arn, Negated),
        ("ArnNotLike", Test::Arn, Negated),
        ("Null", Test::Null, Positive),
    ]
};

impl FromStr for Operator {
    type Err = MalformedPolicy;

    fn from_str(text: &str) -> Result<Self, MalformedPolicy> {
        let unknown = || MalformedPolicy::UnknownOperator { operator: clip(text) };
        let (qualifier, rest) = match text.split_once(':') {
            Some(("ForAllValues", rest)) => (Some(Qualifier::ForAllValues), rest),
            Some(("ForAnyValue", rest)) => (Some(Qualifier::ForAnyValue), rest),
            Some(_) => return Err(unknown()),
            None => (None, text),
        };
        let (plain, if_exists) = match rest.strip_suffix("IfExists") {
            Some(plain) => (plain, true),
            None => (rest, false),
        };
        let (_, test, sense) = TABLE.iter().find(|(n, _, _)| *n == plain).ok_or_else(unknown)?;
        if *test == Test::Null && (if_exists || qualifier.is_some()) {
            return Err(unknown());
        }
        Ok(Self { name: text.into(), qualifier, test: *test, sense: *sense, if_exists })
    }
}

/// A value in the policy, parsed for its operator when the document is put.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Template(Template),
    Arn(ArnPattern),
    Number(f64),
    Binary(Box<[u8]>),
    Time(Timestamp),
    Bool(bool),
    Network { address: IpAddr, prefix_bits: u8 },
}

/// Whether a request value matches; `Incomparable` when its type does not fit the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Match {
    Yes,
    No,
    Incomparable,
}

impl From<bool> for Match {
    fn from(matched: bool) -> Self {
        if matched { Self::Yes } else { Self::No }
    }
}

impl Test {
    /// Parses a policy value; none when the operator cannot compare it.
    pub(crate) fn operand(self, text: &str, variables: Variables) -> Option<Operand> {
        match self {
            Self::StringEquals | Self::StringEqualsIgnoreCase => {
                Some(Operand::Template(Template::parse(text, Wildcards::Literal, variables)))
            }
            Self::StringLike => Some(Operand::Template(Template::parse(text, Wildcards::Match, variables))),
            Self::Arn => Some(Operand::Arn(ArnPattern::operand(text, variables))),
            Self::Binary => BASE64.decode(text).ok().map(|bytes| Operand::Binary(bytes.into())),
            Self::Numeric(_) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()).map(Operand::Number),
            Self::Date(_) => parse_time(text).map(Operand::Time),
            Self::Bool | Self::Null => match text.to_ascii_lowercase().as_str() {
                "true" => Some(Operand::Bool(true)),
                "false" => Some(Operand::Bool(false)),
                _ => None,
            },
            Self::IpAddress => parse_network(text),
        }
    }

    /// Compares one request value with one policy value.
    pub(crate) fn compare(self, value: &Value, operand: &Operand, context: &Context) -> Match {
        match (self, operand) {
            (Self::StringEquals | Self::StringLike, Operand::Template(template)) => {
                template.matches(&text_of(value), context).into()
            }
            (Self::StringEqualsIgnoreCase, Operand::Template(template)) => {
                template.equals_ignoring_case(&text_of(value), context).into()
            }
            (Self::Arn, Operand::Arn(pattern)) => pattern.matches(&text_of(value), context).into(),
            (Self::Binary, Operand::Binary(right)) => match value {
                Value::Text(text) => {
                    BASE64.decode(text).map_or(Match::Incomparable, |l| (*l == **right).into())
                }
                _ => Match::Incomparable,
            },
            (Self::Numeric(comparison), Operand::Number(right)) => {
                number(value).map_or(Match::Incomparable, |left| comparison.holds(&left, right).into())
            }
            (Self::Date(comparison), Operand::Time(right)) => {
                time(value).map_or(Match::Incomparable, |left| comparison.holds(&left, right).into())
            }
            (Self::Bool, Operand::Bool(right)) => {
                boolean(value).map_or(Match::Incomparable, |left| (left == *right).into())
            }
            (Self::IpAddress, Operand::Network { address, prefix_bits }) => match value {
                Value::Ip(ip) => contains(*address, *prefix_bits, *ip).into(),
                _ => Match::Incomparable,
            },
            _ => Match::Incomparable,
        }
    }
}

impl Comparison {
    fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Less => left < right,
            Self::LessOrEqual => left <= right,
            Self::Greater => left > right,
            Self::GreaterOrEqual => left >= right,
        }
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number as f64),
        Value::Time(at) => Some(at.as_secs_f64()),
        Value::Text(text) => text.trim().parse().ok().filter(|n: &f64| n.is_finite()),
        Value::Bool(_) | Value::Ip(_) => None,
    }
}

fn time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Time(at) => Some(*at),
        Value::Text(text) => parse_time(text),
        Value::Number(seconds) => u64::try_from(*seconds).ok().map(from_seconds),
        Value::Bool(_) | Value::Ip(_) => None,
    }
}

fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) => text.to_ascii_lowercase().parse().ok(),
        _ => None,
    }
}

/// ISO 8601 with or without a time of day, or seconds since the epoch.
fn parse_time(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(from_seconds(seconds));
    }
    Timestamp::parse_iso(text).or_else(|| Timestamp::parse_iso(&format!("{text}T00:00:00Z")))
}

fn from_seconds(seconds: u64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1000))
}

/// An address, or an address and the length of its network prefix.
fn parse_network(text: &str) -> Option<Operand> {
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv4() { 32 } else { 128 };
    let prefix_bits = prefix.map_or(Some(most), |p| p.parse().ok()).filter(|bits| *bits <= most)?;
    Some(Operand::Network { address, prefix_bits })
}

fn contains(network: IpAddr, prefix_bits: u8, address: IpAddr) -> bool {
    let same = |a: u128, b: u128, bits: u8| {
        let host_bits = u32::from(bits.saturating_sub(prefix_bits));
        a.checked_shr(host_bits).unwrap_or(0) == b.checked_shr(host_bits).unwrap_or(0)
    };
    match (network, address.to_canonical()) {
        (IpAddr::V4(n), IpAddr::V4(a)) => same(n.to_bits().into(), a.to_bits().into(), 32),
        (IpAddr::V6(n), IpAddr::V6(a)) => same(n.to_bits(), a.to_bits(), 128),
        _ => false,
    }
}
