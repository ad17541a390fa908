//! Constraints of single members, as the API model states them.

/// Least and most of a length or a count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length {
    pub(crate) least: usize,
    pub(crate) most: usize,
}

impl Length {
    /// No constraint at all.
    pub(crate) const ANY: Self = Self::new(0, usize::MAX);

    pub(crate) const fn new(least: usize, most: usize) -> Self {
        Self { least, most }
    }

    /// The item text when `length` is outside, as AWS words it.
    pub(crate) fn broken_by(self, length: usize) -> Option<String> {
        if length < self.least {
            return Some(format!("Member must have length greater than or equal to {}", self.least));
        }
        (length > self.most).then(|| format!("Member must have length less than or equal to {}", self.most))
    }
}

/// Whether a member's value may appear in error messages and audit records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    Value,
    Nothing,
}

/// A regular expression of the model, with a function that decides the same.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pattern {
    pub(crate) text: &'static str,
    matches: fn(&str) -> bool,
}

/// The constraints of a string shape.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text {
    pub(crate) length: Length,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) show: Show,
}

impl Text {
    pub(crate) const KEY_ID: Self = Self::plain(1, 2048);
    pub(crate) const DESCRIPTION: Self = Self::plain(0, 8192);
    pub(crate) const TAG_KEY: Self = Self::plain(1, 128);
    pub(crate) const TAG_VALUE: Self = Self::plain(0, 256);
    pub(crate) const CUSTOM_KEY_STORE_ID: Self = Self::plain(1, 64);
    pub(crate) const GRANT_TOKEN: Self = Self { show: Show::Nothing, ..Self::plain(1, 8192) };
    pub(crate) const ALIAS_NAME: Self = Self::like(1, 256, "^[a-zA-Z0-9:/_-]+$", |text| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b":/_-".contains(&b))
    });
    pub(crate) const POLICY: Self = Self::like(1, 131_072, r"[\u0009\u000A\u000D\u0020-\u00FF]+", |text| {
        text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='\u{FF}'))
    });
    pub(crate) const POLICY_NAME: Self =
        Self::like(1, 128, r"[\w]+", |text| text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    pub(crate) const MARKER: Self =
        Self::like(1, 1024, r"[\u0020-\u00FF]*", |text| text.chars().all(|c| matches!(c, ' '..='\u{FF}')));
    pub(crate) const REGION: Self =
        Self::like(1, 32, r"^([a-z]+-){2,3}\d+$", |text| text.parse::<kms_types::Region>().is_ok());
    pub(crate) const GRANT_ID: Self = Self::plain(1, 128);
    pub(crate) const GRANT_NAME: Self = Self { length: Length::new(1, 256), ..Self::ALIAS_NAME };
    pub(crate) const PRINCIPAL: Self = Self::like(1, 256, r"^[\w+=,.@:/-]+$", |text| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@:/-".contains(&b))
    });
    pub(crate) const SERVICE_PRINCIPAL: Self =
        Self::like(1, 128, r"^([A-Za-z0-9\-]+)\.([A-Za-z0-9\-]+)(\.[A-Za-z0-9\-]+)+$", |text| {
            text.parse::<kms_types::ServiceName>().is_ok()
        });
    pub(crate) const GRANT_SOURCE_ARN: Self =
        Self::like(20, 512, "^arn:aws[a-z0-9-]*:[a-z0-9-]+:[a-z0-9-]*:[0-9]{12}:.+$", is_resource_arn);
    pub(crate) const KEY_MATERIAL_ID: Self = Self::like(64, 64, "^[a-f0-9]+$", |text| {
        !text.is_empty() && text.bytes().all(|b| matches!(b, b'a'..=b'f' | b'0'..=b'9'))
    });
    pub(crate) const KEY_MATERIAL_DESCRIPTION: Self = Self::like(0, 256, r"^[a-zA-Z0-9:/_\s.-]+$", |text| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b":/_.- \t\n\r\x0b\x0c".contains(&b))
    });
    pub(crate) const XKS_KEY_ID: Self = Self::like(1, 128, "^[a-zA-Z0-9-_.]+$", |text| {
        text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    });

    pub(crate) const CUSTOM_KEY_STORE_NAME: Self = Self::plain(1, 256);
    pub(crate) const TRUST_ANCHOR_CERTIFICATE: Self = Self::plain(1, 5000);
    pub(crate) const KEY_STORE_PASSWORD: Self = Self { show: Show::Nothing, ..Self::plain(7, 32) };
    pub(crate) const CLOUD_HSM_CLUSTER_ID: Self = Self::like(19, 24, "cluster-[2-7a-zA-Z]{11,16}", |text| {
        let id = text.strip_prefix("cluster-").unwrap_or_default();
        (11..=16).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphabetic() || (b'2'..=b'7').contains(&b))
    });
    pub(crate) const ACCOUNT_ID: Self =
        Self::like(12, 12, "[0-9]{12}", |text| text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()));
    pub(crate) const XKS_URI_ENDPOINT: Self = Self::like(10, 128, "^https://[a-zA-Z0-9.-]+$", |text| {
        let host = text.strip_prefix("https://").unwrap_or_default();
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b))
    });
    pub(crate) const XKS_URI_PATH: Self =
        Self::like(10, 128, r"^(/[a-zA-Z0-9\/_-]+/kms/xks/v\d{1,2})$|^(/kms/xks/v\d{1,2})$", is_xks_path);
    pub(crate) const XKS_VPC_SERVICE_NAME: Self = Self::like(
        20,
        64,
        r"^(com|eu)\.amazonaws\.vpce\.([a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+$",
        is_vpc_service_name,
    );
    pub(crate) const XKS_ACCESS_KEY_ID: Self = Self {
        show: Show::Nothing,
        ..Self::like(20, 30, "^[A-Z2-7]+$", |text| {
            text.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b))
        })
    };
    pub(crate) const XKS_SECRET_ACCESS_KEY: Self = Self {
        show: Show::Nothing,
        ..Self::like(43, 64, r"^[a-zA-Z0-9\/+=]+$", |text| {
            text.bytes().all(|b| b.is_ascii_alphanumeric() || b"/+=".contains(&b))
        })
    };

    const fn plain(least: usize, most: usize) -> Self {
        Self { length: Length::new(least, most), pattern: None, show: Show::Value }
    }

    const fn like(least: usize, most: usize, text: &'static str, matches: fn(&str) -> bool) -> Self {
        Self { pattern: Some(Pattern { text, matches }), ..Self::plain(least, most) }
    }

    /// Item texts of every constraint that `value` breaks; lengths count Unicode characters.
    pub(crate) fn broken_by(&self, value: &str) -> Vec<String> {
        let length = self.length.broken_by(value.chars().count());
        let pattern = self
            .pattern
            .filter(|pattern| !(pattern.matches)(value))
            .map(|pattern| format!("Member must satisfy regular expression pattern: {}", pattern.text));
        length.into_iter().chain(pattern).collect()
    }
}

/// `/kms/xks/v1`, with or without a prefix of its own.
fn is_xks_path(text: &str) -> bool {
    let Some((prefix, version)) = text.rsplit_once("/kms/xks/v") else { return false };
    let of_prefix = |b: u8| b.is_ascii_alphanumeric() || b"/_-".contains(&b);
    let prefix_ok =
        prefix.is_empty() || (prefix.len() > 1 && prefix.starts_with('/') && prefix.bytes().all(of_prefix));
    prefix_ok && (1..=2).contains(&version.len()) && version.bytes().all(|b| b.is_ascii_digit())
}

/// `com.amazonaws.vpce.us-east-1.vpce-svc-0123abcd`.
fn is_vpc_service_name(text: &str) -> bool {
    let rest = text.strip_prefix("com.").or_else(|| text.strip_prefix("eu."));
    let rest = rest.and_then(|rest| rest.strip_prefix("amazonaws.vpce."));
    let Some((region, service)) = rest.and_then(|rest| rest.split_once(".vpce-svc-")) else { return false };
    let service_ok =
        !service.is_empty() && service.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    region.parse::<kms_types::Region>().is_ok() && service_ok
}

/// `GrantConstraintSourceArnType`: partition, service, Region, account and a resource.
fn is_resource_arn(text: &str) -> bool {
    let fields: Vec<&str> = text.splitn(6, ':').collect();
    let ["arn", partition, service, region, account, resource] = fields.as_slice() else { return false };
    let plain = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    partition.starts_with("aws")
        && [partition, service, region].into_iter().all(|part| plain(part))
        && !service.is_empty()
        && account.parse::<kms_types::AccountId>().is_ok()
        && !resource.is_empty()
        && !resource.contains(['\n', '\r'])
}
