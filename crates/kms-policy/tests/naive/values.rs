//! Comparing one value of a request with one value of a policy.

use std::net::IpAddr;

/// A value of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Given {
    Text(&'static str),
    Number(i64),
    Bool(bool),
    /// Seconds since 1970.
    Time(u64),
    Ip(&'static str),
}

impl Given {
    pub fn text(&self) -> String {
        match self {
            Given::Text(text) | Given::Ip(text) => (*text).into(),
            Given::Number(number) => number.to_string(),
            Given::Bool(b) => b.to_string(),
            Given::Time(seconds) => iso(*seconds),
        }
    }
}

/// None when the two cannot be compared. `operator` is without negation.
pub fn compare(
    operator: &str,
    given: &Given,
    wanted: &str,
    modern: bool,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Option<bool> {
    let text = given.text();
    let pattern = |wild| Pattern::of(wanted, wild, modern, variable);
    match operator {
        "StringEquals" => Some(pattern(false).is_some_and(|p| p.matches(&text))),
        "StringLike" => Some(pattern(true).is_some_and(|p| p.matches(&text))),
        "StringEqualsIgnoreCase" => {
            Some(pattern(false).is_some_and(|p| p.lower().matches(&text.to_lowercase())))
        }
        "ArnEquals" | "ArnLike" => Some(wanted == "*" || pattern(true).is_some_and(|p| p.matches_arn(&text))),
        "Bool" => {
            let given = match given {
                Given::Bool(b) => *b,
                Given::Text(t) => t.to_lowercase().parse().ok()?,
                _ => return None,
            };
            Some(given.to_string() == wanted.to_lowercase())
        }
        "BinaryEquals" => match given {
            Given::Text(t) => Some(base64(t)? == base64(wanted).expect("base64 in the policy")),
            _ => None,
        },
        "IpAddress" => match given {
            Given::Ip(ip) => Some(in_network(ip.parse().expect("an address"), wanted)),
            _ => None,
        },
        numeric if numeric.starts_with("Numeric") => {
            let given = match given {
                Given::Number(n) => *n as f64,
                Given::Time(t) => *t as f64,
                Given::Text(t) => t.trim().parse::<f64>().ok().filter(|n| n.is_finite())?,
                Given::Bool(_) | Given::Ip(_) => return None,
            };
            Some(ordered(&numeric["Numeric".len()..], given, wanted.trim().parse().expect("a number")))
        }
        date if date.starts_with("Date") => {
            let given = match given {
                Given::Time(t) => *t,
                Given::Number(n) => u64::try_from(*n).ok()?,
                Given::Text(t) => seconds(t)?,
                Given::Bool(_) | Given::Ip(_) => return None,
            };
            Some(ordered(&date["Date".len()..], given, seconds(wanted).expect("a date")))
        }
        other => panic!("operator {other}"),
    }
}

fn ordered<T: PartialOrd>(relation: &str, left: T, right: T) -> bool {
    match relation {
        "Equals" => left == right,
        "LessThan" => left < right,
        "LessThanEquals" => left <= right,
        "GreaterThan" => left > right,
        "GreaterThanEquals" => left >= right,
        other => panic!("relation {other}"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Char(char),
    /// A colon that the policy wrote outside of a variable.
    Colon,
    One,
    Many,
}

/// A pattern whose variables have values.
#[derive(Debug, Clone)]
pub struct Pattern {
    marks: Vec<Mark>,
    /// A variable stands in it, and no colon outside of one.
    whole: bool,
}

impl Pattern {
    /// None when a variable has no value.
    pub fn of(
        text: &str,
        wild: bool,
        modern: bool,
        variable: &dyn Fn(&str) -> Option<String>,
    ) -> Option<Pattern> {
        let (mut marks, mut variables) = (Vec::new(), false);
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            if let Some(end) = rest.find('}').filter(|_| modern && rest.starts_with("${")) {
                let inside = &rest[2..end];
                rest = &rest[end + 1..];
                if ["*", "?", "$"].contains(&inside) {
                    marks.extend(inside.chars().map(Mark::Char));
                    continue;
                }
                let (key, default) = match inside.split_once(',') {
                    Some((key, default)) => (key, Some(default.trim().trim_matches('\'').to_string())),
                    None => (inside, None),
                };
                variables = true;
                marks.extend(variable(key.trim()).or(default)?.chars().map(Mark::Char));
                continue;
            }
            marks.push(match c {
                '*' if wild => Mark::Many,
                '?' if wild => Mark::One,
                ':' => Mark::Colon,
                c => Mark::Char(c),
            });
            rest = &rest[c.len_utf8()..];
        }
        let whole = variables && !marks.contains(&Mark::Colon);
        Some(Pattern { marks, whole })
    }

    pub fn lower(&self) -> Pattern {
        let lower = |m: &Mark| match m {
            Mark::Char(c) => c.to_lowercase().map(Mark::Char).collect(),
            other => vec![*other],
        };
        Pattern { marks: self.marks.iter().flat_map(lower).collect(), whole: self.whole }
    }

    pub fn matches(&self, text: &str) -> bool {
        matches(&self.marks, &text.chars().collect::<Vec<_>>())
    }

    /// Each of six fields by itself.
    pub fn matches_arn(&self, arn: &str) -> bool {
        let marks: Vec<Mark> = match self.whole {
            // A variable that stands for the whole ARN brings its colons along.
            true => self.marks.iter().map(|m| if *m == Mark::Char(':') { Mark::Colon } else { *m }).collect(),
            false => self.marks.clone(),
        };
        let patterns: Vec<&[Mark]> = marks.splitn(6, |m| *m == Mark::Colon).collect();
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let field = |(p, f): (&&[Mark], &str)| matches(p, &f.chars().collect::<Vec<_>>());
        patterns.len() == 6 && fields.len() == 6 && patterns.iter().zip(fields).all(field)
    }
}

fn matches(marks: &[Mark], text: &[char]) -> bool {
    match (marks.split_first(), text.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((Mark::Many, rest)), _) => (0..=text.len()).any(|n| matches(rest, &text[n..])),
        (Some(_), None) => false,
        (Some((Mark::One, rest)), Some((_, tail))) => matches(rest, tail),
        (Some((Mark::Colon, rest)), Some((c, tail))) => *c == ':' && matches(rest, tail),
        (Some((Mark::Char(wanted), rest)), Some((c, tail))) => wanted == c && matches(rest, tail),
    }
}

fn in_network(ip: IpAddr, network: &str) -> bool {
    let (address, bits) = network.split_once('/').unwrap_or((network, ""));
    let octets = |ip: IpAddr| match ip {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    };
    let (ip, network) = (octets(ip), octets(address.parse().expect("an address in the policy")));
    let bits = bits.parse().unwrap_or(network.len() * 8);
    let bit = |bytes: &[u8], n: usize| bytes[n / 8] >> (7 - n % 8) & 1;
    ip.len() == network.len() && (0..bits).all(|n| bit(&ip, n) == bit(&network, n))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let body = text.trim_end_matches('=');
    if text.len() - body.len() > 2 {
        return None;
    }
    let (mut bits, mut count, mut bytes) = (0usize, 0, Vec::new());
    for c in body.chars() {
        bits = bits << 6 | alphabet.find(c)?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from(bits >> count & 0xff).ok()?);
        }
    }
    (bits & ((1 << count) - 1) == 0).then_some(bytes)
}

/// `2026-02-03`, `2026-02-03T04:05:06Z`, or seconds.
fn seconds(text: &str) -> Option<u64> {
    if let Ok(seconds) = text.parse() {
        return Some(seconds);
    }
    let (date, time) = text.split_once('T').unwrap_or((text, "00:00:00Z"));
    let numbers =
        |text: &str, by: char| text.split(by).map(|n| n.parse::<i64>().ok()).collect::<Option<Vec<_>>>();
    let [year, month, day] = numbers(date, '-')?.try_into().ok()?;
    let [hour, minute, second] = numbers(time.strip_suffix('Z')?, ':')?.try_into().ok()?;
    u64::try_from(days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second).ok()
}

/// Days since 1970-01-01, by counting.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let leap = |y: i64| i64::from(y % 4 == 0 && y % 100 != 0 || y % 400 == 0);
    let years: i64 = (1970..year).map(|y| 365 + leap(y)).sum();
    let lengths = [31, 28 + leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let months: i64 = lengths.iter().take(usize::try_from(month - 1).unwrap_or(0)).sum();
    years + months + day - 1
}

fn iso(seconds: u64) -> String {
    let (mut day, rest) = (i64::try_from(seconds / 86_400).unwrap_or(0), seconds % 86_400);
    let mut year = 1970;
    while day >= days(year + 1, 1, 1) - days(year, 1, 1) {
        day -= days(year + 1, 1, 1) - days(year, 1, 1);
        year += 1;
    }
    let mut month = 1;
    while month < 12 && day >= days(year, month + 1, 1) - days(year, month, 1) {
        day -= days(year, month + 1, 1) - days(year, month, 1);
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", day + 1)
}
