//! What a decision leads to: an answer at once, or a proposal and what to answer when it has taken effect.

use kms_state::{CredentialRef, Outcome, Proposal, Refusal, State};
use kms_types::{GrantId, KeyArn, KeyId, MaterialId, NodeId, Principal, RecordVersion, RequestId};
use std::net::IpAddr;

use crate::{Error, Request, Response};

/// A verified call.
#[derive(Debug, Clone)]
pub struct Call {
    /// What is asked.
    pub request: Request,
    /// Who asks; verified.
    pub caller: Principal,
    /// With which credential; looked up again in the view of the decision.
    pub credential: CredentialRef,
    /// The call's id.
    pub request_id: RequestId,
    /// The node that verified it.
    pub node: NodeId,
    /// How it came, for conditions.
    pub circumstances: Circumstances,
}

/// What conditions see of the way that a request came (section 9.8). Only the transport and the peer are more than what
/// the client says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// `aws:SourceIp`.
    pub source_ip: Option<IpAddr>,
    /// `aws:UserAgent`.
    pub user_agent: Option<String>,
    /// `aws:Referer`.
    pub referer: Option<String>,
    /// `aws:SecureTransport`.
    pub transport: Transport,
}

/// Whether a request came encrypted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Transport {
    /// In the clear.
    #[default]
    Plain,
    /// Over TLS.
    Tls,
}

/// What to do next.
#[expect(clippy::large_enum_variant, reason = "one per call, matched at once and never stored")]
pub enum Step {
    /// Answer.
    Answer(Response),
    /// Propose, wait, then [`Pending::respond`].
    Propose(Box<Pending>),
}

/// A proposal, and how to answer once it has taken effect.
pub struct Pending {
    /// What to propose.
    pub proposal: Proposal,
    /// What to wait for after the proposal was applied.
    pub wait: Wait,
    pub(crate) respond: Respond,
}

pub(crate) type Respond = Box<dyn FnOnce(&State, &Outcome) -> Result<Response, RespondError> + Send>;

/// When a proposal has taken effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wait {
    /// Once applied.
    Applied,
    /// Once the key's committed record is at this version or a higher one.
    Committed {
        /// The key.
        key: KeyId,
        /// The version.
        version: RecordVersion,
    },
}

impl Wait {
    /// True when there is nothing left to wait for in `view`.
    pub fn is_over(&self, view: &State) -> bool {
        match self {
            Self::Applied => true,
            Self::Committed { key, version } => {
                let committed = view.register(key).and_then(|r| r.committed.as_deref());
                committed.is_some_and(|record| record.version >= *version)
            }
        }
    }
}

/// A proposal that did not lead to an answer.
#[derive(Debug, PartialEq, Eq)]
pub enum RespondError {
    /// The state moved while the call was decided: authorize and prepare again.
    Retry(Refusal),
    /// The call fails.
    Failed(Error),
}

impl From<Error> for RespondError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Pending {
    /// The answer, once the proposal was applied with `outcome` and [`Self::wait`] is over in `view_after`. Call it also
    /// when the wait was given up or the outcome is a refusal: it then says what the caller is told.
    pub fn respond(self, view_after: &State, outcome: Outcome) -> Result<Response, RespondError> {
        (self.respond)(view_after, &outcome)
    }
}

/// What the audit record needs to know about a call, known for failures after resolution too.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFacts {
    /// The keys concerned; ReEncrypt names the source first.
    pub resources: Vec<KeyArn>,
    /// Aliases concerned, as ARNs; the record lists them after the keys.
    pub aliases: Vec<String>,
    /// The material that sealed or opened.
    pub key_material_id: Option<MaterialId>,
    /// The grant that RetireGrant is about; its record shows it nowhere else.
    pub grant_id: Option<GrantId>,
    /// The enclave that the answer was made for.
    pub recipient: Option<RecipientFacts>,
}

/// What the audit record tells of an attestation document that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientFacts {
    /// The enclave's module.
    pub module_id: String,
    /// The digest of its image, in hex; a NitroTPM has none.
    pub image_digest: Option<String>,
}

impl AuditFacts {
    /// `responseElements` of the record of a successful write; none for reads and cryptography (section 12.1).
    pub fn response_elements(&self, response: &Response) -> Option<serde_json::Value> {
        crate::response_elements::of(response, self.resources.first())
    }
}
