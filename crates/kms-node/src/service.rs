//! The KMS API's service: every verified call is decided, recorded, then answered, in this order.
//!
//! Deliberately absent: how a call is decided (`decide.rs`), HTTP, and the verification of signatures.

use kms_audit::{AuditLog, Event, Record, RecordBuilder, SessionIssuer, UserIdentity};
use kms_http::{
    Admission, Answer, ApiCall, ApiError, AuditFailure, Authenticated, Credentials, IamAnswer, KmsService,
    Origin, QueryCall, Refused, RefusedCall, Reply, Throttled,
};
use kms_ops::{
    AuditFacts, Call, Circumstances, CredentialRef, Error, Transport,
    iam::{Action, IamCall, OpenedToken},
};
use kms_state::{AccessKeyUsage, LastUsage, State, UsedService};
use kms_types::{
    AliasArn, Entropy, NodeId, Operation, Principal, Region, RequestId, Timestamp, UsageOperation,
};
use serde_json::{Map, Value};
use std::sync::Arc;

use crate::{
    credentials::{ConfiguredCredentials, StateCredentials},
    decide::Decider,
    entropy::OsEntropy,
    iam_audit,
    metrics::Metrics,
    opened_tokens::OpenedTokens,
    rates::Rates,
    readiness::Readiness,
    usage::UsageLog,
};

/// What a caller hears from a node that takes no part in its Region; why is in the node's log and status.
pub(crate) const NOT_ADMITTED: &str =
    "This node takes no part in its Region. Send the request to another node.";
/// What a caller hears in a Region that does not count any more.
const EXCLUDED: &str = "This Region was removed from its deployment, or went back to an earlier state. Send the request to another Region.";

/// One node's API.
#[derive(Clone)]
pub(crate) struct Service {
    pub(crate) node: NodeId,
    pub(crate) region: Region,
    pub(crate) decider: Arc<Decider>,
    pub(crate) configured: Arc<ConfiguredCredentials>,
    pub(crate) tokens: Arc<OpenedTokens<OpenedToken>>,
    pub(crate) audit: AuditLog,
    pub(crate) readiness: Arc<Readiness>,
    pub(crate) rates: Arc<Rates>,
    pub(crate) usage: Arc<UsageLog>,
    pub(crate) metrics: Arc<Metrics>,
}

/// A call's view of the state, with the service behind it.
struct Admitted {
    service: Service,
    credentials: StateCredentials,
}

impl Service {
    async fn carry_out(&self, view: State, call: Authenticated<ApiCall>) -> Result<Answer, AuditFailure> {
        let identity = identity(call.principal(), call.credential(), call.access_key_id());
        self.note_access_key(call.credential(), UsedService::Kms);
        let credential = call.credential().clone();
        let ApiCall { request, principal, origin, audit_parameters } = call.into_inner();
        let operation = request.operation();
        let call = Call {
            request,
            caller: principal,
            credential,
            request_id: origin.request_id,
            node: self.node,
            circumstances: circumstances(&origin),
        };
        let mut facts = AuditFacts::default();
        let answer = self.decider.decide(&call, view, &mut facts).await;
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

    async fn carry_out_query(
        &self,
        view: State,
        call: Authenticated<QueryCall>,
    ) -> Result<IamAnswer, AuditFailure> {
        let identity = identity(call.principal(), call.credential(), call.access_key_id());
        let (caller, credential) = (call.principal().clone(), call.credential().clone());
        let QueryCall { action, params, origin } = call.into_inner();
        self.note_access_key(
            &credential,
            if action.is_of_sts() { UsedService::Sts } else { UsedService::Iam },
        );
        let parameters = iam_audit::parameters(&params);
        let circumstances = circumstances(&origin);
        let (request_id, node) = (origin.request_id, self.node);
        let call = IamCall { action, params, caller, credential, request_id, node, circumstances };
        let answer = self.decider.decide_iam(&call, view).await;
        let event = Event::Query { service: action.service(), action: action.name() };
        let record = self.begin(event, identity, &origin, fresh_bytes()).request_parameters(parameters);
        let record = match &answer {
            Ok(answer) => match iam_audit::response(action, answer) {
                Some(elements) => record.response_elements(elements),
                None => record,
            },
            Err(error) => {
                let shown = ApiError::from(error);
                record.error(shown.code, shown.message.as_deref().unwrap_or_default())
            }
        };
        self.append(record.build()).await?;
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

    /// Every verified request counts as use of the access key, whatever becomes of it.
    fn note_access_key(&self, credential: &CredentialRef, service: UsedService) {
        if let CredentialRef::AccessKey(id) = credential {
            let at = self.decider.group.applied().state.region_time();
            self.usage.note_access_key(id, AccessKeyUsage { at, service });
        }
    }

    async fn record_refusal(&self, refused: Refused) -> Result<(), AuditFailure> {
        let event = match refused.call {
            RefusedCall::Unknown => Event::Operator("UnidentifiedRequest"),
            RefusedCall::Operation(operation) => Event::Call(operation),
            RefusedCall::Action(action) => Event::Query { service: action.service(), action: action.name() },
        };
        let identity = match (&refused.caller, &refused.access_key_id) {
            (Some((principal, credential)), Some(id)) => identity(principal, credential, id),
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
}

/// The caller as the record shows it, with the session that the credential stands for.
fn identity(principal: &Principal, credential: &CredentialRef, access_key_id: &str) -> UserIdentity {
    let verified = UserIdentity::verified(principal, access_key_id);
    let CredentialRef::Session(session) = credential else { return verified };
    let issuer = match principal {
        Principal::AssumedRole(role) => Some(SessionIssuer::Role(role)),
        Principal::FederatedUser { .. } => Some(SessionIssuer::Caller(&session.issuer)),
        Principal::Root { .. } | Principal::User(_) | Principal::Service(_) => None,
    };
    verified.session(session.issued_at, issuer.as_ref())
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
    if let Some(recipient) = &facts.recipient {
        record = record.attested_recipient(&recipient.module_id, recipient.image_digest.as_deref());
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
    fn admit(&self) -> Reply<'_, Result<Box<dyn Admission>, Error>> {
        Box::pin(async {
            if !self.decider.group.takes_part().await {
                return Err(Error::Unavailable(NOT_ADMITTED));
            }
            let view = self.decider.view().await?;
            if !view.counts() {
                return Err(Error::Unavailable(EXCLUDED));
            }
            let (configured, keyring) = (self.configured.clone(), self.decider.keyring.clone());
            let settings = self.decider.settings.clone();
            let tokens = self.tokens.clone();
            let credentials = StateCredentials { configured, keyring, settings, tokens, view };
            Ok(Box::new(Admitted { service: self.clone(), credentials }) as Box<dyn Admission>)
        })
    }

    fn request_id(&self) -> RequestId {
        RequestId::from_random(fresh_bytes())
    }

    fn ready(&self) -> bool {
        self.readiness.is_ready()
    }

    fn metrics(&self) -> String {
        self.metrics.page()
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

    fn throttle_query(&self, caller: &Principal, action: Action) -> Result<(), Throttled> {
        match self.rates.admit_query(caller.account(), action) {
            true => Ok(()),
            false => Err(Throttled),
        }
    }

    fn refused(&self, refused: Refused) -> Reply<'_, Result<(), AuditFailure>> {
        Box::pin(self.record_refusal(refused))
    }
}

impl Admission for Admitted {
    fn now(&self) -> Timestamp {
        self.credentials.view.outside_time()
    }

    fn credentials(&self) -> &dyn Credentials {
        &self.credentials
    }

    fn identity_home(&self) -> Option<Region> {
        self.credentials.view.identity_home().map(|(home, _)| home.clone())
    }

    fn call(self: Box<Self>, call: Authenticated<ApiCall>) -> Reply<'static, Result<Answer, AuditFailure>> {
        Box::pin(async move { self.service.carry_out(self.credentials.view.clone(), call).await })
    }

    fn query(
        self: Box<Self>,
        call: Authenticated<QueryCall>,
    ) -> Reply<'static, Result<IamAnswer, AuditFailure>> {
        Box::pin(async move { self.service.carry_out_query(self.credentials.view.clone(), call).await })
    }
}
