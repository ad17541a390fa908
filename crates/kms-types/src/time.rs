use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. A number, never a clock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(u64);

const DAY_MS: u64 = 86_400_000;

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Whole seconds since the epoch.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// Seconds with a fraction, as AWS JSON 1.1 writes timestamps.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1000.0
    }

    /// This time plus `days` days, saturating.
    pub const fn plus_days(self, days: u64) -> Self {
        Self(self.0.saturating_add(days.saturating_mul(DAY_MS)))
    }

    /// This time plus `ms` milliseconds, saturating.
    pub const fn plus_millis(self, ms: u64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` to this time, zero if `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Parses the basic ISO 8601 form of SigV4, `20260203T081409Z`, or an RFC 3339 text.
    pub fn parse_iso(text: &str) -> Option<Self> {
        let stamp = match jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", text) {
            Ok(broken) if text.len() == 16 => {
                broken.to_datetime().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
            }
            _ => text.parse::<jiff::Timestamp>().ok()?,
        };
        u64::try_from(stamp.as_millisecond()).ok().map(Self)
    }

    /// `2026-02-03T08:14:09Z`, as CloudTrail writes times; seconds resolution.
    pub fn to_rfc3339(self) -> String {
        self.format("%Y-%m-%dT%H:%M:%SZ")
    }

    /// `20260203T081409Z`, as SigV4 writes times.
    pub fn to_iso_basic(self) -> String {
        self.format("%Y%m%dT%H%M%SZ")
    }

    /// Formats in UTC with a strftime pattern.
    pub fn format(self, pattern: &str) -> String {
        let seconds = i64::try_from(self.as_secs()).unwrap_or(i64::MAX);
        let stamp = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::MAX);
        stamp.to_zoned(jiff::tz::TimeZone::UTC).strftime(pattern).to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_forms_parse_and_print() {
        let t = Timestamp::parse_iso("20260203T081409Z").unwrap();
        assert_eq!(t.to_rfc3339(), "2026-02-03T08:14:09Z");
        assert_eq!(Timestamp::parse_iso("2026-02-03T08:14:09Z"), Some(t));
        assert_eq!(t.to_iso_basic(), "20260203T081409Z");
        assert_eq!(Timestamp::parse_iso("20260203"), None);
    }
}
