//! One verified call from a linearizable view to its answer: prepare, propose, wait, respond.
//!
//! Deliberately absent: HTTP, signatures and the audit record; `service.rs` puts those around this.

use kms_ops::{
    AuditFacts, Call, Env, Error, Pending, RespondError, Response, Settings, Step, Weight,
    iam::{self, IamCall, IamError, IamStep},
};
use kms_state::{Outcome, State};
use std::{sync::Arc, time::Duration};

use crate::{
    entropy::OsEntropy,
    group::Group,
    heavy::{GivenUp, HeavyPool},
    keyring::RegionKeyRing,
};

/// How often a call is authorized again because the key changed between its view and its entry (invariant B2).
const ATTEMPTS: usize = 16;
/// How long a shared change waits for a majority of Regions before the caller is told that the outcome is unknown.
const REGIONS_DEADLINE: Duration = Duration::from_secs(8);

/// What a decision needs.
pub(crate) struct Decider {
    pub(crate) group: Group,
    pub(crate) keyring: Arc<RegionKeyRing>,
    pub(crate) settings: Arc<Settings>,
    heavy: HeavyPool,
}

impl Decider {
    pub(crate) fn new(group: Group, keyring: Arc<RegionKeyRing>, settings: Arc<Settings>) -> Self {
        Self { group, keyring, settings, heavy: HeavyPool::new() }
    }

    /// Decides one call, at first in the view that its signature was verified in. `facts` is filled as far as the decision
    /// gets, for the audit record.
    pub(crate) async fn decide(
        &self,
        call: &Call,
        admitted: State,
        facts: &mut AuditFacts,
    ) -> Result<Response, Error> {
        let mut admitted = Some(admitted);
        for _ in 0..ATTEMPTS {
            *facts = AuditFacts::default();
            match self.prepare(call, admitted.take(), facts).await? {
                Step::Answer(response) => return Ok(response),
                Step::Propose(pending) => match self.carry_out(*pending).await {
                    Ok(response) => return Ok(response),
                    Err(RespondError::Failed(error)) => return Err(error),
                    Err(RespondError::Retry(refusal)) => tracing::debug!(%refusal, "deciding the call again"),
                },
            }
        }
        Err(Error::Internal("the key changes faster than the call can be decided; retry"))
    }

    /// Decides one call of IAM or STS.
    pub(crate) async fn decide_iam(&self, call: &IamCall, admitted: State) -> Result<iam::Answer, IamError> {
        let mut admitted = Some(admitted);
        for _ in 0..ATTEMPTS {
            let view = match admitted.take() {
                Some(view) => view,
                None => self.view().await?,
            };
            match self.prepare_iam(call, &view)? {
                IamStep::Answer(answer) => return Ok(answer),
                IamStep::Propose(pending) => {
                    let outcome = self.group.propose(pending.proposal.clone()).await.map_err(|error| {
                        tracing::warn!(%error, "proposal without a known outcome");
                        IamError::Internal("the outcome of the change is unknown; look before you retry")
                    })?;
                    if let Some(answer) = pending.respond(&outcome)? {
                        return Ok(answer);
                    }
                    tracing::debug!("deciding the call again");
                }
            }
        }
        Err(IamError::Internal("the records change faster than the call can be decided; retry"))
    }

    fn prepare_iam(&self, call: &IamCall, view: &State) -> Result<IamStep, IamError> {
        let mut entropy = OsEntropy;
        iam::prepare(
            call,
            view,
            &mut Env { entropy: &mut entropy, keyring: &*self.keyring, settings: &self.settings },
        )
    }

    /// A linearizable view of the Region (invariant B1): confirmed by a quorum after this call began.
    pub(crate) async fn view(&self) -> Result<State, Error> {
        let view = self.group.read_view().await.map_err(|error| {
            tracing::warn!(%error, "no linearizable view");
            Error::Internal("the Region has no leader that a majority confirms; retry")
        })?;
        self.keyring.follow(&view.state);
        Ok(view.state)
    }

    /// Decides on the view that the call was admitted in, or on a new one. What computes for long does so in the pool, on a
    /// view that is taken once it has a place there: waiting does not age it.
    async fn prepare(
        &self,
        call: &Call,
        admitted: Option<State>,
        facts: &mut AuditFacts,
    ) -> Result<Step, Error> {
        if call.request.weight() == Weight::Light {
            let view = match admitted {
                Some(view) => view,
                None => self.view().await?,
            };
            return prepare(call, &view, &self.keyring, &self.settings, facts);
        }
        let given_up = |GivenUp| Error::Internal("the computation was given up; retry");
        let place = self.heavy.place().await.map_err(given_up)?;
        let (call, view) = (call.clone(), self.view().await?);
        let (keyring, settings) = (self.keyring.clone(), self.settings.clone());
        let work = move || {
            let mut facts = AuditFacts::default();
            let step = prepare(&call, &view, &keyring, &settings, &mut facts);
            (step, facts)
        };
        let (step, seen) = place.run(work).await.map_err(given_up)?;
        *facts = seen;
        step
    }

    async fn carry_out(&self, pending: Pending) -> Result<Response, RespondError> {
        let outcome = self.group.propose(pending.proposal.clone()).await.map_err(|error| {
            tracing::warn!(%error, "proposal without a known outcome");
            Error::Internal("the outcome of the change is unknown; look before you retry")
        })?;
        if matches!(outcome, Outcome::RecordProposed { .. }) {
            let wait = pending.wait.clone();
            // Given up silently: `respond` then tells the caller that the outcome is unknown.
            let _ = self.group.wait_until(|state| wait.is_over(state), REGIONS_DEADLINE).await;
        }
        let after = self.view().await?;
        pending.respond(&after, outcome)
    }
}

fn prepare(
    call: &Call,
    view: &State,
    keyring: &RegionKeyRing,
    settings: &Settings,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    kms_ops::prepare(call, view, &mut Env { entropy: &mut OsEntropy, keyring, settings }, facts)
}
