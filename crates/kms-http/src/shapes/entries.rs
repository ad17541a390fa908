//! Members that several shapes share.

use base64::{Engine, engine::general_purpose::STANDARD};
use kms_ops::{
    ContextConstraint, GrantConstraints, GrantEntry, KeyMetadata, MultiRegionConfiguration, MultiRegionKey,
    Recipient, Secret, ShownPrincipal, Tag,
};
use kms_types::{EncryptionAlgorithm, MaterialId, MessageType, Timestamp};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::validate::{Length, Members, SerializationError, Text};

type Read<T> = Result<T, SerializationError>;

/// Most bytes of a ciphertext blob: `CiphertextType`.
pub(super) const CIPHERTEXT: Length = Length::new(1, kms_types::limits::MAX_CIPHERTEXT_BYTES);

/// Most bytes of a public key: `PublicKeyType`.
pub(super) const PUBLIC_KEY: Length = Length::new(1, 8192);

pub(super) fn key_id(members: &mut Members<'_>) -> Read<String> {
    members.required_text("KeyId", &Text::KEY_ID)
}

pub(super) fn custom_key_store_id(members: &mut Members<'_>) -> Read<String> {
    members.required_text("CustomKeyStoreId", &Text::CUSTOM_KEY_STORE_ID)
}

/// `KeyMaterialId`; the model's pattern and length leave exactly what parses.
pub(super) fn key_material_id(members: &mut Members<'_>) -> Read<Option<MaterialId>> {
    Ok(members.text("KeyMaterialId", &Text::KEY_MATERIAL_ID)?.and_then(|text| text.parse().ok()))
}

pub(super) fn grant_tokens(members: &mut Members<'_>) -> Read<Vec<String>> {
    members.texts("GrantTokens", Length::new(0, 10), &Text::GRANT_TOKEN)
}

pub(super) fn algorithm(members: &mut Members<'_>, name: &str) -> Read<Option<EncryptionAlgorithm>> {
    let algorithm = members.choice(name, EncryptionAlgorithm::ALL)?;
    // Audit records always name the algorithm.
    members.default(name, EncryptionAlgorithm::SymmetricDefault.as_str());
    Ok(algorithm)
}

/// `Message`: 1 to 4,096 bytes, never shown.
pub(super) fn message(members: &mut Members<'_>) -> Read<Zeroizing<Vec<u8>>> {
    members.required_blob("Message", Length::new(1, kms_types::limits::MAX_MESSAGE_BYTES))
}

pub(super) fn message_type(members: &mut Members<'_>) -> Read<Option<MessageType>> {
    let message_type = members.choice("MessageType", MessageType::ALL)?;
    members.default("MessageType", MessageType::Raw.as_str());
    Ok(message_type)
}

pub(super) fn ciphertext(members: &mut Members<'_>) -> Read<Option<Vec<u8>>> {
    let blob = members.blob("CiphertextBlob", CIPHERTEXT)?;
    Ok(blob.map(|mut bytes| std::mem::take(&mut *bytes)))
}

/// `Limit` and `Marker`; the narrower limits of single operations are checked in `kms-ops`.
pub(super) fn page(members: &mut Members<'_>) -> Read<(Option<u32>, Option<String>)> {
    Ok((members.integer("Limit", 1, 1000)?, members.text("Marker", &Text::MARKER)?))
}

pub(super) fn tags(members: &mut Members<'_>) -> Read<Vec<Tag>> {
    members.objects("Tags", Length::ANY, |tag| {
        let tag_key = tag.required_text("TagKey", &Text::TAG_KEY)?;
        Ok(Tag { tag_key, tag_value: tag.required_text("TagValue", &Text::TAG_VALUE)? })
    })
}

pub(super) fn recipient(members: &mut Members<'_>) -> Read<Option<Recipient>> {
    members.object("Recipient", |inner| {
        let algorithm = inner.choice("KeyEncryptionAlgorithm", &["RSAES_OAEP_SHA_256"])?;
        let document = inner.blob("AttestationDocument", Length::new(1, 262_144))?;
        Ok(Recipient {
            key_encryption_algorithm: algorithm.map(str::to_owned),
            attestation_document: document.map(|mut bytes| std::mem::take(&mut *bytes)),
        })
    })
}

/// An answer's object under construction; members without a value are left out, never null.
#[derive(Default)]
pub(super) struct Answer(Map<String, Value>);

impl Answer {
    pub(super) fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.insert(name.into(), value.into());
        self
    }

    pub(super) fn with_some(self, name: &str, value: Option<impl Into<Value>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    pub(super) fn with_text(self, name: &str, value: &impl ToString) -> Self {
        self.with(name, value.to_string())
    }

    pub(super) fn with_blob(self, name: &str, bytes: &[u8]) -> Self {
        self.with(name, STANDARD.encode(bytes))
    }

    /// Under the first name an identity, under the second a service.
    fn with_principal(self, [identity, service]: [&str; 2], principal: &ShownPrincipal) -> Self {
        match principal {
            ShownPrincipal::Identity(name) => self.with(identity, name.as_str()),
            ShownPrincipal::Service(name) => self.with(service, name.as_str()),
        }
    }

    /// A secret in the clear under `name`, or in its envelope.
    pub(super) fn with_secret(self, name: &str, secret: &Secret) -> Self {
        match secret {
            Secret::Plaintext(bytes) => self.with_blob(name, bytes),
            Secret::ForRecipient(envelope) => self.with_blob("CiphertextForRecipient", envelope),
        }
    }

    /// `Truncated` always, `NextMarker` only when there is more.
    pub(super) fn with_page(self, truncated: bool, next_marker: Option<&str>) -> Self {
        self.with("Truncated", truncated).with_some("NextMarker", next_marker)
    }

    pub(super) fn done(self) -> Value {
        Value::Object(self.0)
    }
}

/// Epoch seconds with a fraction.
pub(super) fn time(stamp: Timestamp) -> Value {
    stamp.as_secs_f64().into()
}

pub(super) fn tag_list(tags: &[Tag]) -> Value {
    tags.iter().map(|tag| json!({"TagKey": tag.tag_key, "TagValue": tag.tag_value})).collect()
}

/// `KeyMetadata`, with the presence rules of its optional members.
pub(super) fn key_metadata(key: &KeyMetadata) -> Value {
    Answer::default()
        .with_text("AWSAccountId", &key.aws_account_id)
        .with_text("KeyId", &key.key_id)
        .with_text("Arn", &key.arn)
        .with("CreationDate", time(key.creation_date))
        .with("Enabled", key.enabled)
        .with("Description", key.description.as_str())
        .with_text("KeyUsage", &key.key_usage)
        .with_text("KeyState", &key.key_state)
        .with_some("DeletionDate", key.deletion_date.map(time))
        .with_text("Origin", &key.origin)
        .with_text("KeyManager", &key.key_manager)
        .with_text("CustomerMasterKeySpec", &key.key_spec)
        .with_text("KeySpec", &key.key_spec)
        .with(key.algorithms.member(), key.algorithms.names())
        .with("MultiRegion", key.multi_region)
        .with_some("MultiRegionConfiguration", key.multi_region_configuration.as_ref().map(multi_region))
        .with_some("PendingDeletionWindowInDays", key.pending_deletion_window_in_days)
        .with_some("CurrentKeyMaterialId", key.current_key_material_id.map(|id| id.to_string()))
        .with_some("ExpirationModel", key.expiration_model.map(|model| model.as_str()))
        .with_some("ValidTo", key.valid_to.map(time))
        .done()
}

fn multi_region(configuration: &MultiRegionConfiguration) -> Value {
    let member = |key: &MultiRegionKey| json!({"Arn": key.arn.to_string(), "Region": key.region.as_str()});
    json!({
        "MultiRegionKeyType": configuration.multi_region_key_type.as_str(),
        "PrimaryKey": member(&configuration.primary_key),
        "ReplicaKeys": configuration.replica_keys.iter().map(member).collect::<Value>(),
    })
}

/// A page of `GrantListEntry`.
pub(super) fn grant_list(grants: &[GrantEntry], truncated: bool, next_marker: Option<&str>) -> Value {
    Answer::default()
        .with("Grants", grants.iter().map(grant).collect::<Value>())
        .with_page(truncated, next_marker)
        .done()
}

fn grant(entry: &GrantEntry) -> Value {
    let operations: Vec<&str> = entry.operations.iter().map(|o| o.as_str()).collect();
    let answer = Answer::default()
        .with_text("KeyId", &entry.key_id)
        .with_text("GrantId", &entry.grant_id)
        .with("Name", entry.name.as_str())
        .with("CreationDate", time(entry.creation_date))
        .with_principal(["GranteePrincipal", "GranteeServicePrincipal"], &entry.grantee);
    let answer = match &entry.retiring {
        Some(retiring) => answer.with_principal(["RetiringPrincipal", "RetiringServicePrincipal"], retiring),
        None => answer,
    };
    answer
        .with("IssuingAccount", entry.issuing_account.as_str())
        .with("Operations", operations)
        .with_some("Constraints", constraints(&entry.constraints))
        .done()
}

/// `None` without any: an answer has no empty structure.
fn constraints(constraints: &GrantConstraints) -> Option<Value> {
    let GrantConstraints { encryption_context, source_arn } = constraints;
    let answer = match encryption_context {
        Some(ContextConstraint::Equals(c)) => {
            Answer::default().with("EncryptionContextEquals", json!(c.pairs()))
        }
        Some(ContextConstraint::Subset(c)) => {
            Answer::default().with("EncryptionContextSubset", json!(c.pairs()))
        }
        None => Answer::default(),
    };
    let answer = answer.with_some("SourceArn", source_arn.as_deref());
    (*constraints != GrantConstraints::default()).then(|| answer.done())
}
