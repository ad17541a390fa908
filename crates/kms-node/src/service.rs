//! The KMS API's service: every verified call is decided, recorded, then answered, in this order.
//!
//! Deliberately absent: how a call is decided (`decide.rs`), HTTP, and the verification of signatures.

use kms_audit::{AuditLog, Event, Record, RecordBuilder, UserIdentity};
use kms_http::{
    Answer, ApiCall, ApiError, AuditFailure, Authenticated, KmsService, Origin, Refused, Reply, Throttled,
};
use kms_ops::{AuditFacts, Call, Circumstances, Transport};
use kms_state::LastUsage;
use kms_types::{
    AliasArn, Entropy, NodeId, Operation, Principal, Region, RequestId, Timestamp, UsageOperation,
};
use serde_json::{Map, Value};
use std::sync::Arc;

use crate::{
    clock::Clock, decide::Decider, entropy::OsEntropy, rates::Rates, readiness::Readiness, usage::UsageLog,
};

/// Region time this far behind the node's own clock is confirmed before a signature is dated by it: the node was
/// probably paused, and its applied state is old.
const SUSPICIOUS_LAG_MS: u64 = 30_000;

/// One node's KMS API.
pub(crate) struct Service {
    pub(crate) node: NodeId,
    pub(crate) region: Region,
    pub(crate) decider: Decider,
    pub(crate) audit: AuditLog,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) rates: Rates,
    pub(crate) usage: Arc<UsageLog>,
}

impl Service {
    async fn carry_out(&self, call: Authenticated<ApiCall>) -> Result<Answer, AuditFailure> {
        let access_key_id = call.access_key_id().to_owned();
        let ApiCall { request, principal, origin, audit_parameters } = call.into_inner();
        let operation = request.operation();
        let call = Call {
            request,
            caller: principal,
            request_id: origin.request_id,
            node: self.node,
            circumstances: circumstances(&origin),
        };
        let mut facts = AuditFacts::default();
        let answer = self.decider.decide(&call, &mut facts).await;
        let identity = UserIdentity::verified(&call.caller, &access_key_id);
        let event_id = fresh_bytes();
        let record = self.begin(Event::Call(operation), identity, &origin, event_id);
        let record = concluded(record.request_parameters(audit_parameters), &facts, &answer);
        // The record is durable before the answer leaves, or there is no answer (invariant G1).
        self.append(record).await?;
        if answer.is_ok() {
            self.note_use(operation, &facts, origin.request_id, event_id);
        }
        Ok(answer)
    }

    /// A node whose audit log fails takes no more calls (failure case 28).
    async fn append(&self, record: Record) -> Result<(), AuditFailure> {
        self.audit.append(record).await.map_err(|error| {
            tracing::error!(%error, "audit record not written; the call fails");
            self.readiness.refuse();
            AuditFailure
        })
    }

    /// Successful cryptography counts as use of every key it took; a dry run never succeeds.
    fn note_use(&self, operation: Operation, facts: &AuditFacts, request: RequestId, event_id: [u8; 16]) {
        let Some(operation) = UsageOperation::of(operation) else { return };
        let at = self.decider.group.applied().state.region_time();
        let last = LastUsage { at, operation, request, event: RequestId::from_random(event_id) };
        facts.resources.iter().for_each(|arn| self.usage.note(arn.key, last));
    }

    async fn record_refusal(&self, refused: Refused) -> Result<(), AuditFailure> {
        let event = refused.operation.map_or(Event::Operator("UnidentifiedRequest"), Event::Call);
        let identity = match (&refused.principal, &refused.access_key_id) {
            (Some(principal), Some(id)) => UserIdentity::verified(principal, id),
            (_, id) => UserIdentity::unknown(id.as_deref()),
        };
        let record = self
            .begin(event, identity, &refused.origin, fresh_bytes())
            .request_parameters(refused.audit_parameters)
            .error(refused.error.code, refused.error.message.as_deref().unwrap_or_default());
        self.append(record.build()).await
    }

    fn begin(
        &self,
        event: Event,
        identity: UserIdentity,
        origin: &Origin,
        event_id: [u8; 16],
    ) -> RecordBuilder {
        let time = self.decider.group.applied().state.region_time();
        Record::builder(event, identity, time, &self.region, event_id)
            .client(&origin.source_ip.to_string(), origin.user_agent.as_deref().unwrap_or_default())
            .request_id(origin.request_id)
    }

    /// Region time as clocks outside show it, confirmed first when this node looks as if it had slept.
    async fn outside_time(&self) -> Timestamp {
        let applied = self.decider.group.applied().state.outside_time();
        if self.clock.now().millis_since(applied) < SUSPICIOUS_LAG_MS {
            return applied;
        }
        match self.decider.group.read_view().await {
            Ok(view) => view.state.outside_time(),
            Err(_) => applied,
        }
    }
}

/// The port of the API speaks no TLS; what ends TLS before it cannot be told from a client.
fn circumstances(origin: &Origin) -> Circumstances {
    Circumstances {
        source_ip: Some(origin.source_ip),
        user_agent: origin.user_agent.clone(),
        referer: origin.referer.clone(),
        transport: Transport::Plain,
    }
}

fn fresh_bytes() -> [u8; 16] {
    (&mut OsEntropy as &mut dyn Entropy).array()
}

/// Adds what came of the call.
fn concluded(mut record: RecordBuilder, facts: &AuditFacts, answer: &Answer) -> Record {
    for arn in &facts.resources {
        record = record.key(arn);
    }
    for alias in facts.aliases.iter().filter_map(|text| text.parse::<AliasArn>().ok()) {
        record = record.alias(&alias);
    }
    if let Some(id) = &facts.key_material_id {
        record = record.key_material_id(id);
    }
    if let Some(id) = &facts.grant_id {
        record = record.grant_id(id);
    }
    match answer {
        Ok(response) => match facts.response_elements(response) {
            Some(elements) => record.response_elements(elements).build(),
            None => record.build(),
        },
        Err(error) => {
            let shown = ApiError::from(error);
            record.error(shown.code, shown.message.as_deref().unwrap_or_default()).build()
        }
    }
}

impl KmsService for Service {
    fn now(&self) -> Reply<'_, Timestamp> {
        Box::pin(self.outside_time())
    }

    fn request_id(&self) -> RequestId {
        RequestId::from_random(fresh_bytes())
    }

    fn ready(&self) -> bool {
        self.readiness.is_ready()
    }

    fn throttle(
        &self,
        caller: &Principal,
        operation: Operation,
        object: &Map<String, Value>,
    ) -> Result<(), Throttled> {
        let state = &self.decider.group.applied().state;
        match self.rates.admit(state, caller.account(), operation, object) {
            true => Ok(()),
            false => Err(Throttled),
        }
    }

    fn call(&self, call: Authenticated<ApiCall>) -> Reply<'_, Result<Answer, AuditFailure>> {
        Box::pin(self.carry_out(call))
    }

    fn refused(&self, refused: Refused) -> Reply<'_, Result<(), AuditFailure>> {
        Box::pin(self.record_refusal(refused))
    }
}
