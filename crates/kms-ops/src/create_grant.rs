//! CreateGrant [KMS:CreateGrant].

use kms_state::{Command, CreateGrant, GrantTerms, Outcome};
use kms_types::{EncryptionContext, GrantId, GrantOperation, Operation};

use crate::{
    AuditFacts, Env, Error, Quota, Step,
    authorize::{self, Authorized, authorize_grant},
    case::Case,
    conditions,
    cryptography::end_dry_run,
    grants::{terms, token},
    propose::propose_with_outcome,
    resolve::{Forms, resolve},
    state_table,
};

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Key id or key ARN.
    pub key_id: String,
    /// Who may use the key; this or `grantee_service_principal`.
    pub grantee_principal: Option<String>,
    /// The service that may use the key.
    pub grantee_service_principal: Option<String>,
    /// Who may retire the grant; at most one of the two.
    pub retiring_principal: Option<String>,
    /// The service that may retire the grant.
    pub retiring_service_principal: Option<String>,
    /// What the grant permits; at least one.
    pub operations: Vec<GrantOperation>,
    /// When the grant permits it.
    pub constraints: Option<GrantConstraintMembers>,
    /// Grant tokens.
    pub grant_tokens: Vec<String>,
    /// Equal requests with one name make one grant.
    pub name: Option<String>,
    /// Decide, and do nothing.
    pub dry_run: bool,
}

/// `GrantConstraints`, as a request has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GrantConstraintMembers {
    /// The request's context must have at least these pairs.
    pub encryption_context_subset: Option<EncryptionContext>,
    /// The request's context must have exactly these pairs.
    pub encryption_context_equals: Option<EncryptionContext>,
    /// The resource that a service must act for.
    pub source_arn: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// A fresh token for the grant.
    pub grant_token: String,
    /// The grant.
    pub grant_id: GrantId,
}

/// Decides the call.
pub(crate) fn decide(
    case: &Case<'_>,
    request: &Request,
    env: &mut Env<'_>,
    facts: &mut AuditFacts,
) -> Result<Step, Error> {
    let terms = terms::of(case, request)?;
    let key = resolve(case, &request.key_id, Forms::KeyOnly, facts)?;
    token::check(case, env, &request.grant_tokens)?;
    let key = authorize_grant(case, key, &terms, |context| conditions::add_grant(context, case, &terms))?;
    state_table::check(Operation::CreateGrant, key.key().state(case.region), key.arn())?;
    terms::check_for(&terms, key.key(), key.arn())?;
    check_quota(case, &key, &terms)?;
    end_dry_run(request.dry_run)?;
    run(case, key, terms, env)
}

fn check_quota<A>(case: &Case<'_>, key: &Authorized<'_, A>, terms: &GrantTerms) -> Result<(), Error> {
    let (used, limit) = (case.view.grant_count(&key.key().id), case.settings.quotas.grants_per_key);
    match used < limit || case.view.named_grant(key.key().id, terms).is_some() {
        true => Ok(()),
        false => Err(Error::LimitExceeded(Quota::Grants { used: used as u64, limit: limit as u64 })),
    }
}

/// The token is made before the entry is proposed and for whichever grant the entry leads to: a node that cannot make
/// tokens makes no grants.
fn run(
    case: &Case<'_>,
    key: Authorized<'_, authorize::CreateGrant>,
    terms: GrantTerms,
    env: &mut Env<'_>,
) -> Result<Step, Error> {
    let domain = env.keyring.current_domain_key();
    let domain = domain.ok_or_else(|| Error::KeyUnavailable { arn: key.arn().clone() })?;
    let id = key.key().id;
    let most_grants = case.settings.quotas.grants_per_key;
    let grant = GrantId::from_bytes(env.entropy.array());
    let mut nonce = Drawn(env.entropy.array());
    let command = Command::CreateGrant(Box::new(CreateGrant { key: id, grant, terms, most_grants }));
    Ok(propose_with_outcome(case, env, key.expectation(), command, move |_, outcome| match outcome {
        Outcome::GrantCreated { grant } => {
            let grant_token = token::issue(&domain, id, *grant, &mut nonce);
            Ok(Response { grant_token, grant_id: *grant }.into())
        }
        _ => Err(Error::Internal("the state machine made no grant")),
    }))
}

/// Randomness drawn while the call was decided, for an answer that is built later.
struct Drawn([u8; 16]);

impl kms_types::Entropy for Drawn {
    fn fill(&mut self, bytes: &mut [u8]) {
        bytes.iter_mut().zip(self.0).for_each(|(to, from)| *to = from);
    }
}
