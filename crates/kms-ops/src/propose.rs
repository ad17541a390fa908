//! From a decision to a proposal, and from the outcome back to an answer.

use kms_state::{
    Command, ControlRecord, Expectation, ImportMaterial, Key, NewMaterial, Origin, Outcome, Proposal,
    Refusal, State,
};
use kms_types::{AccountId, KeyArn, KeyId, ProposalId, RecordVersion};

use crate::{
    Env, Error, Pending, Quota, RespondError, Response, Step, Wait, authorize::Authorized, case::Case,
    step::Respond,
};

impl<A> Authorized<'_, A> {
    /// The entry is refused when the key changed after this decision (invariant B2).
    pub(crate) fn expectation(&self) -> Option<Expectation> {
        let Key { id, revision, .. } = *self.key();
        Some(Expectation { key: id, revision, grant: self.grant() })
    }
}

/// Proposes a change that takes effect when it is applied.
pub(crate) fn propose(
    case: &Case<'_>,
    env: &mut Env<'_>,
    expect: Option<Expectation>,
    command: Command,
    respond: impl FnOnce(&State) -> Result<Response, Error> + Send + 'static,
) -> Step {
    propose_with_outcome(case, env, expect, command, |view, _| respond(view))
}

/// As [`propose`], for an answer that depends on what the change did.
pub(crate) fn propose_with_outcome(
    case: &Case<'_>,
    env: &mut Env<'_>,
    expect: Option<Expectation>,
    command: Command,
    respond: impl FnOnce(&State, &Outcome) -> Result<Response, Error> + Send + 'static,
) -> Step {
    let respond: Respond = Box::new(move |view, outcome| match outcome {
        Outcome::Refused(refusal) => Err(refused(refusal)),
        outcome => Ok(respond(view, outcome)?),
    });
    let proposal = proposal(case, env, expect, command);
    Step::Propose(Box::new(Pending { proposal, wait: Wait::Applied, respond }))
}

/// Proposes a change that only prepares the call; `then` is what becomes of the call once it is applied.
pub(crate) fn propose_then(
    case: &Case<'_>,
    env: &mut Env<'_>,
    command: Command,
    then: Result<Response, RespondError>,
) -> Step {
    let respond: Respond = Box::new(move |_, outcome| match outcome {
        Outcome::Refused(refusal) => Err(refused(refusal)),
        _ => then,
    });
    let proposal = proposal(case, env, None, command);
    Step::Propose(Box::new(Pending { proposal, wait: Wait::Applied, respond }))
}

/// Proposes a change whose answer is empty.
pub(crate) fn propose_quietly(
    case: &Case<'_>,
    env: &mut Env<'_>,
    expect: Option<Expectation>,
    command: Command,
    response: impl Into<Response>,
) -> Step {
    let response = response.into();
    propose(case, env, expect, command, move |_| Ok(response))
}

/// The next control record of a multi-Region key, with what it leads to.
pub(crate) struct RecordChange {
    pub(crate) record: ControlRecord,
    pub(crate) base: RecordVersion,
    pub(crate) material: Option<NewMaterial>,
    /// True for a later record that contains the change, when another Region became primary meanwhile.
    pub(crate) contained_in: Box<dyn Fn(&ControlRecord) -> bool + Send>,
}

/// Proposes a shared change, which takes effect when a majority of Regions accepted it (rule 2).
pub(crate) fn propose_record(
    case: &Case<'_>,
    env: &mut Env<'_>,
    arn: &KeyArn,
    expect: Option<Expectation>,
    change: RecordChange,
    respond: impl FnOnce(&State) -> Result<Response, Error> + Send + 'static,
) -> Step {
    let RecordChange { record, base, material, contained_in } = change;
    let agreed = Agreed::new(&record, contained_in, arn);
    let command = Command::ProposeRecord { record: Box::new(record), base, material };
    agreed.propose(case, env, expect, command, respond)
}

/// Proposes a record that lists a material which was imported here.
pub(crate) fn propose_import<A>(
    case: &Case<'_>,
    env: &mut Env<'_>,
    key: &Authorized<'_, A>,
    change: RecordChange,
    import: ImportMaterial,
    response: impl Into<Response>,
) -> Step {
    let RecordChange { record, base, contained_in, .. } = change;
    let agreed = Agreed::new(&record, contained_in, key.arn());
    let command = Command::ProposeImport { record: Box::new(record), base, import: Box::new(import) };
    let response = response.into();
    agreed.propose(case, env, key.expectation(), command, move |_| Ok(response))
}

/// A record that a majority of Regions has to accept.
struct Agreed {
    key: KeyId,
    version: RecordVersion,
    contained_in: Box<dyn Fn(&ControlRecord) -> bool + Send>,
    arn: KeyArn,
}

impl Agreed {
    fn new(
        record: &ControlRecord,
        contained_in: Box<dyn Fn(&ControlRecord) -> bool + Send>,
        arn: &KeyArn,
    ) -> Self {
        Self { key: record.key, version: record.version.clone(), contained_in, arn: arn.clone() }
    }

    fn propose(
        self,
        case: &Case<'_>,
        env: &mut Env<'_>,
        expect: Option<Expectation>,
        command: Command,
        respond: impl FnOnce(&State) -> Result<Response, Error> + Send + 'static,
    ) -> Step {
        let Self { key, version, contained_in, arn } = self;
        let wait = Wait::Committed { key, version: version.clone() };
        let respond: Respond = Box::new(move |view, outcome| match outcome {
            Outcome::Refused(refusal) => Err(refused(refusal)),
            _ if is_committed(view, key, &version, &*contained_in) => Ok(respond(view)?),
            _ => Err(Error::DependencyTimeout { arn, version: Some(version) }.into()),
        });
        let proposal = proposal(case, env, expect, command);
        Step::Propose(Box::new(Pending { proposal, wait, respond }))
    }
}

/// A record of the same epoch that is as new contains the change. One of a higher epoch does only if it shows.
fn is_committed(
    view: &State,
    key: KeyId,
    version: &RecordVersion,
    contained_in: &dyn Fn(&ControlRecord) -> bool,
) -> bool {
    let committed = view.register(&key).and_then(|r| r.committed.as_deref());
    committed.is_some_and(|record| {
        record.version >= *version && (record.version.epoch == version.epoch || contained_in(record))
    })
}

fn proposal(case: &Case<'_>, env: &mut Env<'_>, expect: Option<Expectation>, command: Command) -> Proposal {
    let origin = Origin::Caller {
        author: case.caller().author(),
        request: case.call.request_id,
        node: case.call.node,
    };
    Proposal { id: ProposalId::from_random(env.entropy.array()), origin, expect, command }
}

/// What `prepare` would have refused on the newer state is left to a second `prepare`, which has the right words.
fn refused(refusal: &Refusal) -> RespondError {
    match refusal {
        Refusal::Stale(_)
        | Refusal::KeyNotFound(_)
        | Refusal::KeyIdTaken(_)
        | Refusal::WrongState { .. }
        | Refusal::AliasExists(_)
        | Refusal::AliasNotFound(_)
        | Refusal::AliasLimit(_)
        | Refusal::AliasKindMismatch(_)
        | Refusal::GrantNotFound { .. }
        | Refusal::GrantIdTaken(_)
        | Refusal::GrantLimit(_)
        | Refusal::TagLimit(_)
        | Refusal::NotPrimary(_)
        | Refusal::Outstanding(_)
        | Refusal::Superseded(_)
        | Refusal::MaterialPending { .. }
        | Refusal::RotationInProgress(_)
        | Refusal::OnDemandLimit(_)
        | Refusal::IdentityMoved => RespondError::Retry(refusal.clone()),
        Refusal::KeyLimit { used, limit } => {
            Error::LimitExceeded(Quota::Keys { used: *used, limit: *limit }).into()
        }
        Refusal::NotBootstrapped
        | Refusal::AlreadyBootstrapped
        | Refusal::MultiRegion(_)
        | Refusal::WrongOrigin(_)
        | Refusal::NotDue(_)
        | Refusal::RealClock
        | Refusal::InHistory(_)
        | Refusal::MaterialNotWanted { .. }
        | Refusal::UnknownRegion(_)
        | Refusal::NotIdentityHome(_)
        | Refusal::IdentityGap
        | Refusal::Record(_) => Error::Internal("the state machine refused a checked proposal").into(),
    }
}

/// The key as the change left it.
pub(crate) fn key_after(view: &State, account: AccountId, key: &KeyId) -> Result<Key, Error> {
    view.key(key)
        .filter(|found| found.account == account)
        .map(|found| (**found).clone())
        .ok_or(Error::Internal("the key is gone again"))
}
