//! One CloudTrail record of KMS [KMS:logging-using-cloudtrail]: CloudTrail's names in CloudTrail's order.
//! Holds no secret: request and response members are reduced to what AWS shows of them.

mod builder;
#[cfg(test)]
mod tests;

use kms_types::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::UserIdentity;
pub use builder::RecordBuilder;

/// A record, ready to be written.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    event_version: &'static str,
    user_identity: UserIdentity,
    event_time: String,
    event_source: &'static str,
    event_name: &'static str,
    aws_region: String,
    #[serde(rename = "sourceIPAddress")]
    source_ip_address: String,
    user_agent: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    request_parameters: Value,
    response_elements: Value,
    #[serde(skip_serializing_if = "Map::is_empty")]
    additional_event_data: Map<String, Value>,
    #[serde(rename = "requestID", skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(rename = "eventID")]
    event_id: String,
    read_only: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Resource>,
    event_type: &'static str,
    management_event: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_account_id: Option<String>,
    #[serde(rename = "sharedEventID", skip_serializing_if = "Option::is_none")]
    shared_event_id: Option<String>,
    event_category: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_event_details: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_details: Option<TlsDetails>,
    #[serde(skip)]
    time: Timestamp,
}

/// A key or alias that the event touches; CloudTrail types both as a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Resource {
    #[serde(rename = "accountId")]
    account_id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "ARN")]
    arn: String,
}

/// What the transport negotiated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TlsDetails {
    /// For example `TLSv1.3`.
    pub tls_version: String,
    /// For example `TLS_AES_128_GCM_SHA256`.
    pub cipher_suite: String,
    /// For example `X25519MLKEM768`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_exchange: Option<String>,
    /// The request's `Host`.
    pub client_provided_host_header: String,
}

impl Record {
    /// When the event happened.
    pub(crate) fn time(&self) -> Timestamp {
        self.time
    }
}

/// CloudTrail's own bound of free text such as the user agent, in characters.
const MOST_TEXT_CHARS: usize = 1024;

/// Free text from outside, cut to CloudTrail's bound.
pub(crate) fn clip(text: &str) -> String {
    text.chars().take(MOST_TEXT_CHARS).collect()
}
