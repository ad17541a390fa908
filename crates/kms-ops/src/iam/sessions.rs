//! STS: GetCallerIdentity, AssumeRole, GetSessionToken, GetFederationToken [STS:API]. A session is a sealed token that every
//! Region opens; nothing is written, so these work in every Region, also without the identity home.

use kms_policy::PolicyKind;
use kms_state::{
    CredentialRef, Session,
    identity::{PolicyDocument, Role},
};
use kms_types::{AccountId, Principal, RoleSession, Timestamp};
use std::{collections::BTreeMap, sync::Arc};

use super::{
    IamError, Tree,
    authorize::add_tags,
    call::{Case, Decided},
    credentials::seal_session_token,
    ids::{self, Kind},
    inline_policies::check,
    params::{ARN, DOCUMENT, Rule, SESSION_NAME},
    trust,
};
use crate::{Env, aws_managed};

/// Length of a session in seconds: least, most, default. A role's own limit is lower than the most; a role that is
/// assumed with a role's session gets one hour at most; a root's sessions too.
const ASSUME_ROLE_S: (u32, u32, u32) = (900, 43_200, 3600);
const SESSION_TOKEN_S: (u32, u32, u32) = (900, 129_600, 43_200);
const ONE_HOUR_S: u32 = 3600;
/// Most characters of an inline session policy.
const MOST_POLICY_CHARS: usize = 2048;
/// Most managed session policies.
const MOST_POLICY_ARNS: usize = 10;

const EXTERNAL_ID: Rule = Rule {
    pattern: r"[\w+=,.@:\/-]*",
    allowed: |c| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c),
    length: (2, 1224),
};

pub(super) fn caller_identity(case: &Case<'_>) -> Result<Decided, IamError> {
    let caller = &case.call.caller;
    Ok(Decided::Answer(Some(Tree::Struct(vec![
        ("UserId", caller.user_id().into()),
        ("Account", Tree::text(caller.account())),
        ("Arn", caller.arn().into()),
    ]))))
}

/// What is left of a chain in the session that the call is made with.
fn calling_session<'a>(case: &Case<'a>) -> Option<&'a Arc<Session>> {
    match &case.call.credential {
        CredentialRef::Session(session) => Some(session),
        CredentialRef::Configured(_) | CredentialRef::AccessKey(_) => None,
    }
}

pub(super) fn assume_role(case: &Case<'_>, env: &mut Env<'_>) -> Result<Decided, IamError> {
    let arn = case.params().required("RoleArn", &ARN)?;
    let name = case.params().required("RoleSessionName", &SESSION_NAME)?;
    let chain = Chain::of(case)?;
    let external_id = case.params().optional("ExternalId", &EXTERNAL_ID)?;
    let role = find(case, arn)?;
    authorize_role(case, role, name, external_id, &chain)?;
    let seconds = role_duration(case, role)?;
    let principal = RoleSession {
        account: role.account,
        path: role.path.clone(),
        role: role.name.clone(),
        role_id: role.id.clone(),
        session: name.into(),
    };
    let Chain { tags, transitive_tags, source_identity } = chain;
    let shown_identity = source_identity.clone();
    let session = Session {
        policy: session_policy(case)?,
        policy_arns: policy_arns(case, role.account)?,
        tags,
        transitive_tags,
        source_identity,
        ..plain(case, Principal::AssumedRole(principal.clone()), seconds)
    };
    let credentials = credentials(case, env, &session)?;
    let assumed =
        vec![("AssumedRoleId", session.principal.user_id().into()), ("Arn", session.principal.arn().into())];
    let mut members = vec![("Credentials", credentials), ("AssumedRoleUser", Tree::Struct(assumed))];
    members.extend(shown_identity.map(|identity| ("SourceIdentity", Tree::Text(identity))));
    Ok(Decided::Answer(Some(Tree::Struct(members))))
}

/// For a role that is not there and for one that does not trust the caller the answer is the same.
fn find<'a>(case: &Case<'a>, arn: &str) -> Result<&'a Role, IamError> {
    let id = case.view.unique_id_of(arn);
    let role = id.and_then(|id| case.view.identity().role_by_id(&id));
    let denied = || IamError::AccessDenied {
        caller: case.call.caller.arn(),
        action: "sts:AssumeRole".into(),
        resource: arn.into(),
        reason: crate::Denial::Implicit(crate::PolicySource::Resource),
    };
    // [STS:API]: roles cannot be assumed with root credentials; the text is that of AWS.
    match (&case.call.caller, role) {
        (Principal::Root { .. }, _) => {
            Err(IamError::Forbidden("Roles may not be assumed by root accounts.".into()))
        }
        (_, Some(role)) => Ok(role),
        (_, None) => Err(denied()),
    }
}

fn authorize_role(
    case: &Case<'_>,
    role: &Role,
    session_name: &str,
    external_id: Option<&str>,
    chain: &Chain,
) -> Result<(), IamError> {
    let mut context = case.context();
    context.add("sts:RoleSessionName", session_name);
    if let Some(id) = external_id {
        context.add("sts:ExternalId", id);
    }
    if let Some(identity) = &chain.source_identity {
        context.add("sts:SourceIdentity", identity.as_str());
    }
    add_tags(&mut context, &chain.tags);
    for key in &chain.transitive_tags {
        context.add("sts:TransitiveTagKeys", key.as_str());
    }
    for (key, value) in &role.tags {
        context.add(&format!("aws:ResourceTag/{key}"), value.as_str());
    }
    trust::authorize(case, role, "sts:AssumeRole", &context)?;
    if !chain.tags.is_empty() {
        trust::authorize(case, role, "sts:TagSession", &context)?;
    }
    if chain.source_identity.is_some() {
        trust::authorize(case, role, "sts:SetSourceIdentity", &context)?;
    }
    Ok(())
}

/// What a session hands on to the next: transitive tags and the source identity, which cannot be replaced.
struct Chain {
    tags: BTreeMap<String, String>,
    transitive_tags: Vec<String>,
    source_identity: Option<String>,
}

impl Chain {
    fn of(case: &Case<'_>) -> Result<Self, IamError> {
        let mut tags = case.params().tags("Tags")?;
        let mut transitive_tags: Vec<String> =
            case.params().list("TransitiveTagKeys", "").into_iter().map(str::to_owned).collect();
        let requested = case.params().optional("SourceIdentity", &SESSION_NAME)?;
        let mut source_identity = requested.map(str::to_owned);
        if let Some(session) = calling_session(case) {
            for key in &session.transitive_tags {
                if tags.contains_key(key) {
                    return Err(IamError::InvalidInput(
                        "One of the specified transitive tag keys can't be set because it conflicts with a transitive \
                         tag key from the calling session."
                            .into(),
                    ));
                }
                tags.extend(session.tags.get(key).map(|value| (key.clone(), value.clone())));
                transitive_tags.push(key.clone());
            }
            if session.source_identity.is_some() {
                if requested.is_some_and(|new| Some(new) != session.source_identity.as_deref()) {
                    return Err(IamError::AccessDenied {
                        caller: case.call.caller.arn(),
                        action: "sts:SetSourceIdentity".into(),
                        resource: case.params().get("RoleArn").unwrap_or_default().into(),
                        reason: crate::Denial::Implicit(crate::PolicySource::Identity),
                    });
                }
                source_identity.clone_from(&session.source_identity);
            }
        }
        Ok(Self { tags, transitive_tags, source_identity })
    }
}

fn role_duration(case: &Case<'_>, role: &Role) -> Result<u32, IamError> {
    let (least, most, default) = ASSUME_ROLE_S;
    let chained = matches!(case.call.caller, Principal::AssumedRole(_));
    let requested = case.params().number("DurationSeconds", least, most)?;
    let seconds = requested.unwrap_or(default);
    if chained && seconds > ONE_HOUR_S {
        return Err(IamError::Validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining".into(),
        ));
    }
    if seconds > role.max_session_s {
        return Err(IamError::Validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.".into(),
        ));
    }
    Ok(seconds)
}

/// The inline session policy of the call.
fn session_policy(case: &Case<'_>) -> Result<Option<PolicyDocument>, IamError> {
    let Some(document) = case.params().optional("Policy", &DOCUMENT)? else { return Ok(None) };
    if document.chars().count() > MOST_POLICY_CHARS {
        return Err(IamError::PackedPolicyTooLarge(format!(
            "The session policy has more than {MOST_POLICY_CHARS} characters."
        )));
    }
    check(document, PolicyKind::Session)?;
    Ok(Some(document.into()))
}

/// The managed session policies of the call; they must exist in the session's account.
fn policy_arns(case: &Case<'_>, account: AccountId) -> Result<Vec<String>, IamError> {
    let arns = case.params().list("PolicyArns", ".arn");
    if arns.len() > MOST_POLICY_ARNS {
        return Err(IamError::Validation(format!("At most {MOST_POLICY_ARNS} policy ARNs can be given.")));
    }
    for arn in &arns {
        let own = case.view.identity().policy(arn).is_some_and(|policy| policy.account == account);
        if !own && aws_managed::find(arn).is_none() {
            return Err(IamError::Validation(format!(
                "The policy {arn} does not exist or is not attachable."
            )));
        }
    }
    Ok(arns.into_iter().map(str::to_owned).collect())
}

fn plain(case: &Case<'_>, principal: Principal, seconds: u32) -> Session {
    let issued_at = Timestamp::from_millis(case.now().as_secs() * 1000);
    Session {
        principal,
        issuer: case.call.caller.clone(),
        issued_at,
        expires_at: issued_at.plus_millis(u64::from(seconds) * 1000),
        policy: None,
        policy_arns: Vec::new(),
        tags: BTreeMap::new(),
        transitive_tags: Vec::new(),
        source_identity: None,
    }
}

fn credentials(case: &Case<'_>, env: &mut Env<'_>, session: &Session) -> Result<Tree, IamError> {
    let (id, secret) = (ids::draw(Kind::SessionKey, env.entropy), ids::secret(env.entropy));
    let token = seal_session_token(case.view, env, &id, &secret, session)?;
    Ok(Tree::Struct(vec![
        ("AccessKeyId", id.into()),
        ("SecretAccessKey", secret.as_str().into()),
        ("SessionToken", token.into()),
        ("Expiration", session.expires_at.into()),
    ]))
}

/// Only long-term credentials of a user or root.
fn long_term(case: &Case<'_>, action: &str) -> Result<(), IamError> {
    let by_person = matches!(case.call.caller, Principal::Root { .. } | Principal::User(_));
    match calling_session(case).is_none() && by_person {
        true => Ok(()),
        false => Err(IamError::Forbidden(format!("Cannot call {action} with session credentials"))),
    }
}

fn duration(case: &Case<'_>) -> Result<u32, IamError> {
    let (least, most, default) = SESSION_TOKEN_S;
    let seconds = case.params().number("DurationSeconds", least, most)?.unwrap_or(default);
    let root = matches!(case.call.caller, Principal::Root { .. });
    Ok(if root { seconds.min(ONE_HOUR_S) } else { seconds })
}

/// Needs no permission: the session may do what its user may.
pub(super) fn session_token(case: &Case<'_>, env: &mut Env<'_>) -> Result<Decided, IamError> {
    long_term(case, "GetSessionToken")?;
    if case.params().get("SerialNumber").is_some() || case.params().get("TokenCode").is_some() {
        return Err(IamError::Validation("MultiFactorAuthentication devices are not supported.".into()));
    }
    let session = plain(case, case.call.caller.clone(), duration(case)?);
    let credentials = credentials(case, env, &session)?;
    Ok(Decided::Answer(Some(Tree::Struct(vec![("Credentials", credentials)]))))
}

const FEDERATED_NAME: Rule = Rule { length: (2, 32), ..SESSION_NAME };

pub(super) fn federation_token(case: &Case<'_>, env: &mut Env<'_>) -> Result<Decided, IamError> {
    long_term(case, "GetFederationToken")?;
    let name = case.params().required("Name", &FEDERATED_NAME)?;
    let account = case.account();
    let tags = case.params().tags("Tags")?;
    let arn = format!("arn:aws:sts::{account}:federated-user/{name}");
    case.authorize("sts:GetFederationToken", &arn, |context| add_tags(context, &tags))?;
    let session = Session {
        policy: session_policy(case)?,
        policy_arns: policy_arns(case, account)?,
        tags,
        ..plain(case, Principal::FederatedUser { account, name: name.into() }, duration(case)?)
    };
    let credentials = credentials(case, env, &session)?;
    let federated = vec![("FederatedUserId", session.principal.user_id().into()), ("Arn", arn.into())];
    let members = vec![("Credentials", credentials), ("FederatedUser", Tree::Struct(federated))];
    Ok(Decided::Answer(Some(Tree::Struct(members))))
}
