//! A call, and the way from it to an answer or a change.

use kms_policy::Caller;
use kms_state::{CredentialRef, Origin, Outcome, Proposal, Refusal, State};
use kms_types::{AccountId, NodeId, Principal, ProposalId, Region, RequestId, Timestamp};

use super::{Action, IamError, Params, Tree, write::Change};
use crate::{Circumstances, Env, identity};

/// A verified IAM or STS call.
#[derive(Debug, Clone)]
pub struct IamCall {
    /// What is asked.
    pub action: Action,
    /// With which parameters.
    pub params: Params,
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

/// The result of a call; none for actions that answer with nothing but the request id.
pub type Answer = Option<Tree>;

/// What to do next.
pub enum IamStep {
    /// Answer.
    Answer(Answer),
    /// Propose, then ask [`IamPending::respond`].
    Propose(Box<IamPending>),
}

/// A change to propose, and the answer once it is applied.
pub struct IamPending {
    /// What to propose.
    pub proposal: Proposal,
    answer: Answer,
}

impl IamPending {
    /// The answer; `Ok(None)` asks to decide the call again on a newer view.
    pub fn respond(self, outcome: &Outcome) -> Result<Option<Answer>, IamError> {
        match outcome {
            Outcome::Refused(Refusal::IdentityMoved) => Ok(None),
            Outcome::Refused(Refusal::NotIdentityHome(home)) => Err(IamError::NotHome { home: home.clone() }),
            Outcome::Refused(_) => Err(IamError::Internal("the state machine refused a checked proposal")),
            _ => Ok(Some(self.answer)),
        }
    }
}

/// One call beside the view it is decided on.
pub(super) struct Case<'a> {
    pub(super) call: &'a IamCall,
    pub(super) view: &'a State,
    pub(super) region: &'a Region,
    pub(super) identity: &'a Caller,
}

impl<'a> Case<'a> {
    pub(super) fn params(&self) -> &'a Params {
        &self.call.params
    }

    pub(super) fn account(&self) -> AccountId {
        self.call.caller.account()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.view.region_time()
    }
}

/// What an action decided.
pub(super) enum Decided {
    Answer(Answer),
    Change(Change, Answer),
}

/// Decides a call on a linearizable view.
pub fn prepare(call: &IamCall, view: &State, env: &mut Env<'_>) -> Result<IamStep, IamError> {
    let region = view.region().ok_or(IamError::Internal("the Region is not bootstrapped yet"))?;
    if view.caller(&call.credential).as_ref() != Ok(&call.caller) {
        return Err(IamError::CredentialGone);
    }
    let identity = &identity::attached(&call.caller, &call.credential, view);
    let case = &Case { call, view, region, identity };
    match call.action.decide(case, env)? {
        Decided::Answer(answer) => Ok(IamStep::Answer(answer)),
        Decided::Change(change, answer) => {
            require_home(view, region)?;
            let origin =
                Origin::Caller { author: call.caller.author(), request: call.request_id, node: call.node };
            let id = ProposalId::from_random(env.entropy.array());
            let proposal = Proposal { id, origin, expect: None, command: change.into_command() };
            Ok(IamStep::Propose(Box::new(IamPending { proposal, answer })))
        }
    }
}

/// Elsewhere the records are a read-only copy.
fn require_home(view: &State, region: &Region) -> Result<(), IamError> {
    match view.identity_home() {
        Some((home, _)) if home == region => Ok(()),
        other => Err(IamError::NotHome { home: other.map(|(home, _)| home.clone()) }),
    }
}
