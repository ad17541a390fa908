//! Answers an operator who asks why a caller may or may not do something: the decision, the statements that made it, and
//! what kept every other statement from applying. Changes nothing, and is no way around authorization: it only tells.

use kms_policy::{
    Caller, Consent, Context, Decision, Ground, Guarded, MalformedPolicy, NamedPolicy, Permissions, Policy,
    PolicyKind, PolicySource, PrincipalDirectory, PrincipalPattern, Request, StatementRef, Target, Value,
    Verdict, evaluate, trace,
};
pub use kms_policy::{Effect, Miss, PolicyTrace, StatementTrace};
use kms_state::{CredentialRef, Key, State};
use kms_types::{AccountId, KeyArn, KeyRef, Principal, Region, RoleSession, ServicePrincipal, UserPrincipal};
use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use crate::{
    Circumstances,
    conditions::{self, Setting},
    grants::GrantsOn,
    identity,
    policy_document::DEFAULT_NAME,
};

/// What an operator asks.
#[derive(Debug, Clone, Default)]
pub struct Question {
    /// An account id, the ARN of a root, user, role, role session or federated user, or the name of a service.
    pub principal: String,
    /// For example `kms:Decrypt`.
    pub action: String,
    /// Key id, key ARN, alias or alias ARN; an action without a key when absent.
    pub key: Option<String>,
    /// Condition keys of the request. They replace those that the Region knows of itself.
    pub context: Vec<(String, String)>,
    /// Policies to suppose instead of those that are in force.
    pub suppose: Documents,
}

/// Policy documents to suppose.
#[derive(Debug, Clone, Default)]
pub struct Documents {
    /// The key policy.
    pub key: Option<String>,
    /// All identity policies of the caller, when there is one.
    pub identity: Vec<String>,
    /// The permissions boundary.
    pub boundary: Option<String>,
    /// All session policies, when there is one.
    pub session: Vec<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The caller's ARN.
    pub caller: String,
    /// The key's ARN, or `*`.
    pub resource: String,
    /// Whether the call may go on.
    pub allowed: bool,
    /// Which statements decided, or whose consent was missing; one sentence.
    pub reason: String,
    /// Every policy that has a say, statement by statement.
    pub policies: Vec<PolicyTrace>,
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExplainError {
    /// The state is empty.
    #[error("the Region is not bootstrapped yet")]
    NotBootstrapped,
    /// Not a principal, or none that exists.
    #[error("there is no principal `{0}`")]
    NoPrincipal(String),
    /// Not a key of this Region.
    #[error("there is no key `{0}` in this Region")]
    NoKey(String),
    /// A supposed document does not parse.
    #[error("the supposed {0:?} policy is malformed: {1}")]
    Malformed(PolicyKind, MalformedPolicy),
}

/// Decides as a call would be decided. CreateGrant is taken without the grant that it would make, so that no grant allows it.
pub fn explain(view: &State, question: &Question) -> Result<Explanation, ExplainError> {
    let region = view.region().ok_or(ExplainError::NotBootstrapped)?;
    let caller = caller(view, question)?;
    let key = question.key.as_deref().map(|text| find_key(view, &caller, text)).transpose()?;
    let context = context(view, region, &caller, key.as_deref(), question);
    let arn = key.as_ref().map(|key| KeyArn { region: region.clone(), account: key.account, key: key.id });
    let resource = arn.map_or("*".into(), |arn| arn.to_string());
    let supposed = question.suppose.key.as_deref().map(|d| parse(PolicyKind::Key, d)).transpose()?;
    let grants = key.as_deref().map(|key| {
        let (caller, conditions) = (&caller.principal, &context);
        GrantsOn { view, key, caller, conditions, child: None }
    });
    let target = match key.as_ref().zip(grants.as_ref()) {
        None => Target::Plain { resource: &resource },
        Some((key, grants)) => Target::Guarded(Guarded {
            arn: &resource,
            owner: key.account,
            policy_name: DEFAULT_NAME,
            policy: supposed.as_ref().or_else(|| key.policy.compiled()),
            grants,
        }),
    };
    let request = Request { caller: &caller, action: &question.action, target, context: &context };
    let decision = evaluate(&request);
    Ok(Explanation {
        caller: caller.principal.arn(),
        allowed: decision.is_allowed(),
        reason: reason(&decision),
        policies: trace(&request),
        resource,
    })
}

fn parse(kind: PolicyKind, document: &str) -> Result<Policy, ExplainError> {
    Policy::parse(kind, document).map_err(|error| ExplainError::Malformed(kind, error))
}

fn supposed(kind: PolicyKind, document: &str, number: usize) -> Result<NamedPolicy, ExplainError> {
    let name = format!("supposed {kind:?} policy {number}");
    Ok(NamedPolicy { name, policy: Arc::new(parse(kind, document)?) })
}

fn caller(view: &State, question: &Question) -> Result<Caller, ExplainError> {
    let suppose = &question.suppose;
    let names = if suppose.key.is_some() { Names::Suffice } else { Names::MustExist };
    let principal = principal(view, question, names)?;
    let mut caller = identity::attached(&principal, &CredentialRef::Configured(principal.clone()), view);
    let all = |kind, documents: &[String]| {
        documents.iter().zip(1..).map(|(d, n)| supposed(kind, d, n)).collect::<Result<Vec<_>, _>>()
    };
    if !suppose.identity.is_empty() {
        caller.permissions = Permissions::Policies(all(PolicyKind::Identity, &suppose.identity)?);
    }
    if let Some(document) = &suppose.boundary {
        caller.boundary = Some(supposed(PolicyKind::Boundary, document, 1)?);
    }
    if !suppose.session.is_empty() {
        caller.session_policies = Some(all(PolicyKind::Session, &suppose.session)?);
    }
    Ok(caller)
}

/// Whether users and roles must exist. A key policy in force means unique ids; a supposed one means names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    MustExist,
    Suffice,
}

/// A role stands for a session of it.
fn principal(view: &State, question: &Question, names: Names) -> Result<Principal, ExplainError> {
    let text = question.principal.as_str();
    let none = || ExplainError::NoPrincipal(text.into());
    let known = |id: Option<String>| match names {
        Names::MustExist => id.ok_or_else(none),
        Names::Suffice => Ok(id.unwrap_or_default()),
    };
    if let Ok(account) = text.parse() {
        return Ok(Principal::Root { account });
    }
    let directory = identity::directory(view);
    match PrincipalPattern::from_arn(text) {
        Some(PrincipalPattern::Account(account)) => Ok(Principal::Root { account }),
        Some(PrincipalPattern::User(user)) => {
            let id = known(directory.user_id(user.account, &user.path, &user.name))?;
            let (account, path, name) = (user.account, user.path, user.name);
            Ok(Principal::User(UserPrincipal { account, path, name, id }))
        }
        Some(PrincipalPattern::Role(role)) => {
            let id = known(directory.role_id(role.account, Some(&role.path), &role.name))?;
            Ok(session(role.account, role.path, role.name, id, "explain".into()))
        }
        Some(PrincipalPattern::RoleSession { role, session: name }) => {
            let id = known(directory.role_id(role.account, None, &role.name))?;
            Ok(session(role.account, role.path, role.name, id, name))
        }
        Some(PrincipalPattern::FederatedUser { account, name }) => {
            Ok(Principal::FederatedUser { account, name })
        }
        Some(_) => Err(none()),
        None => service(view, text, question.key.as_deref()).ok_or_else(none),
    }
}

fn session(account: AccountId, path: String, role: String, role_id: String, session: String) -> Principal {
    Principal::AssumedRole(RoleSession { account, path, role, role_id, session })
}

/// A service calls for itself, in the account of the key that is asked about; without one in that of any customer.
fn service(view: &State, text: &str, key: Option<&str>) -> Option<Principal> {
    let is_name = text.contains('.') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    let of_key = match key.map(str::parse::<KeyRef>) {
        Some(Ok(KeyRef::Id(id))) => view.key(&id).map(|key| key.account),
        Some(Ok(KeyRef::Arn(arn))) => Some(arn.account),
        Some(Ok(KeyRef::AliasArn(arn))) => Some(arn.account),
        Some(Ok(KeyRef::Alias(_)) | Err(_)) | None => None,
    };
    let of_customer = |account: &AccountId| *account != AccountId::SYSTEM;
    let any = || view.keys().map(|key| key.account).find(of_customer);
    let account = of_key.filter(of_customer).or_else(any).filter(|_| is_name)?;
    Some(Principal::Service(ServicePrincipal { name: text.into(), account, on_behalf_of: None }))
}

/// By id whatever its account is, but never the deployment's own; an alias name is one of the caller's account.
fn find_key(view: &State, caller: &Caller, text: &str) -> Result<Arc<Key>, ExplainError> {
    let id = match text.parse() {
        Ok(KeyRef::Id(id)) => Some(id),
        Ok(KeyRef::Arn(arn)) => Some(arn.key).filter(|_| view.region() == Some(&arn.region)),
        Ok(KeyRef::Alias(name)) => view.alias(caller.principal.account(), &name).map(|alias| alias.target),
        Ok(KeyRef::AliasArn(arn)) => view.alias(arn.account, &arn.alias).map(|alias| alias.target),
        Err(_) => None,
    };
    let key = id.and_then(|id| view.key(&id)).filter(|key| key.account != AccountId::SYSTEM).cloned();
    key.ok_or_else(|| ExplainError::NoKey(text.into()))
}

fn context(
    view: &State,
    region: &Region,
    caller: &Caller,
    key: Option<&Key>,
    question: &Question,
) -> Context {
    let circumstances = &Circumstances::default();
    let setting = Setting { identity: caller, region, now: view.region_time(), circumstances };
    let mut context = setting.context();
    if let Some(key) = key {
        conditions::describe(key, view, region, &mut context);
    }
    let mut given: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (name, text) in &question.context {
        given.entry(name).or_default().push(value(name, text));
        let prefix = "kms:EncryptionContext:";
        if let Some(name) =
            name.get(prefix.len()..).filter(|_| name.to_lowercase().starts_with(&prefix.to_lowercase()))
        {
            given.entry("kms:EncryptionContextKeys").or_default().push(name.into());
        }
    }
    given.into_iter().for_each(|(name, values)| context.set(name, values));
    context
}

/// Operators read numbers, dates and booleans from text; addresses they do not.
fn value(name: &str, text: &str) -> Value {
    let is_address = ["aws:sourceip", "aws:vpcsourceip"].contains(&name.to_lowercase().as_str());
    match text.parse() {
        Ok(address) if is_address => Value::Ip(address),
        _ => text.into(),
    }
}

fn reason(decision: &Decision<'_>) -> String {
    let found = &decision.findings;
    match decision.verdict {
        Verdict::ExplicitDeny(_) => format!("{} denies", statement(found.deny)),
        Verdict::ImplicitDeny(source) => missing(source, decision),
        Verdict::Allow(Ground::ResourcePolicy) => {
            format!("{} names the caller", statement(found.direct.or(found.role)))
        }
        Verdict::Allow(Ground::ResourceAndIdentityPolicy) => format!(
            "{} opens the key to identity policies, and {}",
            statement(found.direct.or(found.role).or(found.delegated)),
            consent(found.identity)
        ),
        Verdict::Allow(Ground::Grant) => match &found.grant {
            Some(grant) => format!("grant `{}` allows", grant.grant_id),
            None => "a grant allows".into(),
        },
        Verdict::Allow(Ground::IdentityPolicy) => consent(found.identity),
    }
}

fn missing(source: PolicySource, decision: &Decision<'_>) -> String {
    let found = &decision.findings;
    match source {
        PolicySource::Resource => "no statement of the key policy names the caller or its account".into(),
        PolicySource::Identity => match found.direct.or(found.role).or(found.delegated) {
            Some(opened) => {
                format!("{} opens the key to identity policies, and none allows", statement(Some(opened)))
            }
            None => "no identity policy allows".into(),
        },
        PolicySource::Boundary => "the permissions boundary does not allow".into(),
        PolicySource::Session => "no session policy allows".into(),
    }
}

fn consent(consent: Consent<'_>) -> String {
    match consent {
        Consent::By(found) => format!("{} allows", statement(Some(found))),
        Consent::Unlimited => "a root user needs no identity policy".into(),
        Consent::Missing => "no identity policy allows".into(),
    }
}

fn statement(found: Option<StatementRef<'_>>) -> Cow<'static, str> {
    let Some(StatementRef { source, policy, index, sid }) = found else { return "a policy".into() };
    let sid = sid.map(|sid| format!(" (`{sid}`)")).unwrap_or_default();
    let kind = match source {
        PolicySource::Identity => "identity policy",
        PolicySource::Resource => "key policy",
        PolicySource::Boundary => "permissions boundary",
        PolicySource::Session => "session policy",
    };
    format!("statement {}{sid} of {kind} `{policy}`", index + 1).into()
}
