//! Everything an envelope is bound to. A field that differs between sealing and opening closes it (F2).

use kms_types::{DeploymentId, Incarnation, KeyId, KeySpec, MaterialId, RecordVersion, Region, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{Commitment, transcript::Transcript};

/// From whom, to whom, what, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeBinding {
    /// The deployment that both Regions belong to.
    pub deployment: DeploymentId,
    /// The sending Region.
    pub from: Region,
    /// The sender's incarnation.
    pub from_incarnation: Incarnation,
    /// The receiving Region.
    pub to: Region,
    /// The receiver's incarnation.
    pub to_incarnation: Incarnation,
    /// The key.
    pub key: KeyId,
    /// The key's spec.
    pub spec: KeySpec,
    /// The material of that key.
    pub material: MaterialId,
    /// The commitment that the key's control record holds for the material.
    pub commitment: Commitment,
    /// The version of the control record under which the material is sent.
    pub version: RecordVersion,
    /// When the receiver key expires; the receiver compares it with Region time before it opens.
    pub expires_at: Timestamp,
}

const LABEL: &str = "meridian/v1/envelope";

impl EnvelopeBinding {
    /// The injective encoding that HPKE takes as `info` [RFC9180 §5.1].
    pub(super) fn info(&self) -> Vec<u8> {
        Transcript::new(LABEL)
            .field(self.deployment.bytes())
            .field(self.from.as_str().as_bytes())
            .field(self.from_incarnation.bytes())
            .field(self.to.as_str().as_bytes())
            .field(self.to_incarnation.bytes())
            .key_id(&self.key)
            .field(self.material.bytes())
            .field(&self.commitment.0)
            .number(self.version.epoch.counter)
            .field(self.version.epoch.region.as_str().as_bytes())
            .number(self.version.n)
            .number(self.expires_at.as_millis())
            .spec(self.spec)
            .into_bytes()
    }
}
