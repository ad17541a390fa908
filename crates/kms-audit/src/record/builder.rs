//! Builds a record from what a call knows, filling in what follows from the event.

use kms_types::{AccountId, AliasArn, GrantId, KeyArn, MaterialId, Region, RequestId, Timestamp};
use serde_json::{Map, Value};

use super::{Record, Resource, TlsDetails, clip};
use crate::{
    Event, UserIdentity,
    identity::INTERNAL,
    members::{shown, single},
};

/// A record in the making.
#[derive(Debug, Clone)]
#[must_use]
pub struct RecordBuilder(Record);

const EVENT_VERSION: &str = "1.11";
const CATEGORY: &str = "Management";
const RESOURCE_TYPE: &str = "AWS::KMS::Key";

impl Record {
    /// Starts a record. `event_id_bytes` are 16 fresh random bytes: no two records share an id.
    ///
    /// Address and user agent are the service's own until [`RecordBuilder::client`] names a client.
    pub fn builder(
        event: Event,
        identity: UserIdentity,
        time: Timestamp,
        region: &Region,
        event_id_bytes: [u8; 16],
    ) -> RecordBuilder {
        RecordBuilder(Record {
            event_version: EVENT_VERSION,
            recipient_account_id: identity.account().map(|account| account.to_string()),
            user_identity: identity,
            event_time: time.to_rfc3339(),
            event_source: event.source(),
            event_name: event.name(),
            aws_region: region.to_string(),
            source_ip_address: INTERNAL.to_owned(),
            user_agent: INTERNAL.to_owned(),
            error_code: None,
            error_message: None,
            request_parameters: Value::Null,
            response_elements: Value::Null,
            additional_event_data: Map::new(),
            request_id: None,
            // A request id is a UUID version 4, and so is an event id.
            event_id: RequestId::from_random(event_id_bytes).to_string(),
            read_only: event.read_only(),
            resources: Vec::new(),
            event_type: event.event_type(),
            management_event: true,
            shared_event_id: None,
            event_category: CATEGORY,
            service_event_details: None,
            tls_details: None,
            time,
        })
    }
}

impl RecordBuilder {
    /// Where the request came from and what sent it.
    pub fn client(mut self, source_ip: &str, user_agent: &str) -> Self {
        self.0.source_ip_address = clip(source_ip);
        self.0.user_agent = clip(user_agent);
        self
    }

    /// The id in the answer's `x-amzn-RequestId`.
    pub fn request_id(mut self, id: RequestId) -> Self {
        self.0.request_id = Some(id.to_string());
        self
    }

    /// The request's members under their API names, defaults filled in. Secret ones are dropped here.
    pub fn request_parameters(mut self, members: Value) -> Self {
        self.0.request_parameters = shown(members);
        self
    }

    /// The members of the answer that AWS shows; nothing for cryptography and reads.
    pub fn response_elements(mut self, members: Value) -> Self {
        self.0.response_elements = shown(members);
        self
    }

    /// The refusal that the caller got.
    pub fn error(mut self, code: &str, message: &str) -> Self {
        self.0.error_code = Some(clip(code));
        self.0.error_message = (!message.is_empty()).then(|| clip(message));
        self
    }

    /// A key that the event touches; for ReEncrypt the source first.
    pub fn key(self, arn: &KeyArn) -> Self {
        self.resource(arn.account, arn.to_string())
    }

    /// An alias that the event touches.
    pub fn alias(self, arn: &AliasArn) -> Self {
        self.resource(arn.account, arn.to_string())
    }

    fn resource(mut self, account: AccountId, arn: String) -> Self {
        self.0.resources.push(Resource { account_id: account.to_string(), kind: RESOURCE_TYPE, arn });
        self
    }

    /// The material that a cryptographic call used.
    pub fn key_material_id(self, id: &MaterialId) -> Self {
        self.additional_event_data(single("keyMaterialId", id.to_string()))
    }

    /// The grant that RetireGrant is about.
    pub fn grant_id(self, id: &GrantId) -> Self {
        self.additional_event_data(single("grantId", id.to_string()))
    }

    /// The enclave that alone reads the answer, by its attestation document.
    pub fn attested_recipient(self, module_id: &str, image_digest: Option<&str>) -> Self {
        let mut shown = Map::new();
        shown.insert("attestationDocumentModuleId".into(), module_id.into());
        if let Some(digest) = image_digest {
            shown.insert("attestationDocumentEnclaveImageDigest".into(), digest.into());
        }
        self.additional_event_data(Map::from_iter([("recipient".to_owned(), Value::Object(shown))]))
    }

    /// More members of `additionalEventData`.
    pub fn additional_event_data(mut self, members: Map<String, Value>) -> Self {
        self.0.additional_event_data.extend(members);
        self
    }

    /// What a service event did; also for an operator's command, such as the typed confirmation of an unsafe one.
    pub fn service_event_details(mut self, members: Value) -> Self {
        self.0.service_event_details = Some(shown(members));
        self
    }

    /// The account that gets this record, where it is not the caller's.
    pub fn recipient(mut self, account: AccountId) -> Self {
        self.0.recipient_account_id = Some(account.to_string());
        self
    }

    /// The id that the caller's and the owner's record of one call have in common, from 16 random bytes.
    pub fn shared_event_id(mut self, bytes: [u8; 16]) -> Self {
        self.0.shared_event_id = Some(RequestId::from_random(bytes).to_string());
        self
    }

    /// What the transport negotiated.
    pub fn tls(mut self, details: TlsDetails) -> Self {
        self.0.tls_details = Some(details);
        self
    }

    /// The record.
    pub fn build(self) -> Record {
        self.0
    }
}
