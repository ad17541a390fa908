//! The decision: section 9.2 of the reference, step by step [IAM:evaluation-logic].

use kms_types::{AccountId, Principal};

use crate::{
    Caller, Consent, Context, Decision, Effect, Findings, GrantRef, Ground, NamedPolicy, Permissions, Policy,
    PolicySource, StatementRef, Verdict,
    policy::{Statement, Subject},
};

/// Who wants to do what to what, under which circumstances.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The verified caller and its policies.
    pub caller: &'a Caller,
    /// The action, for example `kms:Decrypt`.
    pub action: &'a str,
    /// What it concerns.
    pub target: Target<'a>,
    /// The condition keys.
    pub context: &'a Context,
}

/// What an action concerns, and who besides identity policies has a say in it.
#[derive(Clone, Copy)]
pub enum Target<'a> {
    /// Nobody: an action without a resource, or a resource without a policy of its own, such as an alias.
    Plain {
        /// `*`, or the resource's ARN.
        resource: &'a str,
    },
    /// A key with its policy and grants, or a role with its trust policy.
    Guarded(Guarded<'a>),
}

/// A resource with a policy of its own.
#[derive(Clone, Copy)]
pub struct Guarded<'a> {
    /// The resource's ARN.
    pub arn: &'a str,
    /// Its account.
    pub owner: AccountId,
    /// The name of its policy in explanations, for example `default`.
    pub policy_name: &'a str,
    /// Its policy; one that cannot be read allows nothing.
    pub policy: Option<&'a Policy>,
    /// Its grants.
    pub grants: &'a dyn Grants,
}

/// The grants of a resource, already narrowed to one caller and one request.
pub trait Grants {
    /// A grant that allows `action` to the caller of this request. Asked only when no statement denies and policies do not
    /// allow.
    fn allowing(&self, action: &str) -> Option<GrantRef>;
}

/// A resource without grants.
pub struct NoGrants;

impl Grants for NoGrants {
    fn allowing(&self, _: &str) -> Option<GrantRef> {
        None
    }
}

impl<'a> Target<'a> {
    pub(crate) fn resource(&self) -> &'a str {
        match self {
            Self::Plain { resource } => resource,
            Self::Guarded(guarded) => guarded.arn,
        }
    }
}

/// Decides a request: deny wins, absence denies (B3).
pub fn evaluate<'a>(request: &Request<'a>) -> Decision<'a> {
    let action = request.action.to_ascii_lowercase();
    let subject = Subject {
        caller: &request.caller.principal,
        action: &action,
        resource: request.target.resource(),
        context: request.context,
    };
    if let Some(deny) = explicit_deny(request, &subject) {
        let findings = Findings { deny: Some(deny), ..Findings::default() };
        return Decision { verdict: Verdict::ExplicitDeny(deny.source), findings };
    }
    let mut findings = consents(request.caller, &subject);
    let verdict = match &request.target {
        Target::Plain { .. } => plain(&findings),
        Target::Guarded(guarded) => {
            look_at_resource(guarded, &subject, &mut findings);
            let by_policies = keyed(request.caller, guarded.owner, &findings);
            if !matches!(by_policies, Verdict::Allow(_)) {
                findings.grant = guarded.grants.allowing(request.action);
            }
            match findings.grant {
                Some(_) => Verdict::Allow(Ground::Grant),
                None => by_policies,
            }
        }
    };
    Decision { verdict, findings }
}

/// Step 2: a Deny in any policy.
fn explicit_deny<'a>(request: &Request<'a>, subject: &Subject<'_>) -> Option<StatementRef<'a>> {
    let of_caller = policies_of(request.caller)
        .find_map(|(source, named)| find(source, &named.name, &named.policy, Effect::Deny, subject));
    of_caller.or_else(|| match &request.target {
        Target::Plain { .. } => None,
        Target::Guarded(Guarded { policy: Some(policy), policy_name, .. }) => {
            find(PolicySource::Resource, policy_name, policy, Effect::Deny, subject)
        }
        Target::Guarded(_) => None,
    })
}

/// Every policy of a caller.
pub(crate) fn policies_of(caller: &Caller) -> impl Iterator<Item = (PolicySource, &NamedPolicy)> {
    let identity = match &caller.permissions {
        Permissions::Root => &[][..],
        Permissions::Policies(policies) => policies,
    };
    let session = caller.session_policies.as_deref().unwrap_or_default();
    let with = |source| move |policy| (source, policy);
    identity
        .iter()
        .map(with(PolicySource::Identity))
        .chain(caller.boundary.iter().map(with(PolicySource::Boundary)))
        .chain(session.iter().map(with(PolicySource::Session)))
}

fn find<'a>(
    source: PolicySource,
    name: &'a str,
    policy: &'a Policy,
    effect: Effect,
    subject: &Subject<'_>,
) -> Option<StatementRef<'a>> {
    let mut statements = policy.statements.iter().enumerate().filter(|(_, s)| s.effect == effect);
    let (index, statement) = statements.find(|(_, statement)| statement.applies(subject).any())?;
    Some(reference(source, name, index, statement))
}

pub(crate) fn reference<'a>(
    source: PolicySource,
    policy: &'a str,
    index: usize,
    statement: &'a Statement,
) -> StatementRef<'a> {
    StatementRef { source, policy, index, sid: statement.sid.as_deref() }
}

/// What the caller's own policies say, each source by itself.
fn consents<'a>(caller: &'a Caller, subject: &Subject<'_>) -> Findings<'a> {
    let of = |source, policies: &'a [NamedPolicy]| {
        let mut policies = policies.iter();
        let found = policies.find_map(|p| find(source, &p.name, &p.policy, Effect::Allow, subject));
        found.map_or(Consent::Missing, Consent::By)
    };
    let identity = match &caller.permissions {
        Permissions::Root => Consent::Unlimited,
        Permissions::Policies(policies) => of(PolicySource::Identity, policies),
    };
    let boundary = caller.boundary.as_ref().map(|b| of(PolicySource::Boundary, std::slice::from_ref(b)));
    let session = caller.session_policies.as_deref().map(|policies| of(PolicySource::Session, policies));
    Findings {
        identity,
        boundary: boundary.unwrap_or_default(),
        session: session.unwrap_or_default(),
        ..Findings::default()
    }
}

/// The statements of the resource's policy that allow, one for each way in which they name the caller.
fn look_at_resource<'a>(guarded: &Guarded<'a>, subject: &Subject<'_>, findings: &mut Findings<'a>) {
    let statements = guarded.policy.map_or(&[][..], |policy| &policy.statements);
    for (index, statement) in statements.iter().enumerate().filter(|(_, s)| s.effect == Effect::Allow) {
        let grasp = statement.applies(subject);
        let found = reference(PolicySource::Resource, guarded.policy_name, index, statement);
        for (grasped, finding) in [
            (grasp.direct, &mut findings.direct),
            (grasp.role, &mut findings.role),
            (grasp.account, &mut findings.delegated),
        ] {
            if grasped && finding.is_none() {
                *finding = Some(found);
            }
        }
        if findings.direct.is_some() && findings.delegated.is_some() {
            return;
        }
    }
}

/// Step 4: no resource's policy plays a part.
fn plain(findings: &Findings<'_>) -> Verdict {
    match missing_identity(findings) {
        None => Verdict::Allow(Ground::IdentityPolicy),
        Some(source) => Verdict::ImplicitDeny(source),
    }
}

/// Step 5 without its grants: a resource with a policy of its own.
fn keyed(caller: &Caller, owner: AccountId, findings: &Findings<'_>) -> Verdict {
    let limits = missing_limit(findings);
    let direct = findings.direct.is_some() || findings.role.is_some() && limits.is_none();
    let delegated = findings.delegated.is_some();
    let iam = missing_identity(findings);
    match side(&caller.principal, owner) {
        Side::SameAccount | Side::Service if direct => Verdict::Allow(Ground::ResourcePolicy),
        Side::SameAccount if delegated => both(iam),
        Side::SameAccount => Verdict::ImplicitDeny(role_limit(findings, limits)),
        Side::OtherAccount if direct || delegated => both(iam),
        Side::OtherAccount => Verdict::ImplicitDeny(role_limit(findings, limits)),
        Side::Service => Verdict::ImplicitDeny(PolicySource::Resource),
    }
}

/// From where a caller comes to a resource.
enum Side {
    SameAccount,
    OtherAccount,
    /// Services have no identity policies: what a resource's policy gives them is theirs.
    Service,
}

fn side(caller: &Principal, owner: AccountId) -> Side {
    match caller {
        Principal::Service(_) => Side::Service,
        Principal::Root { account } | Principal::FederatedUser { account, .. } => of_account(*account, owner),
        Principal::User(user) => of_account(user.account, owner),
        Principal::AssumedRole(session) => of_account(session.account, owner),
    }
}

fn of_account(account: AccountId, owner: AccountId) -> Side {
    if account == owner { Side::SameAccount } else { Side::OtherAccount }
}

fn both(missing: Option<PolicySource>) -> Verdict {
    match missing {
        None => Verdict::Allow(Ground::ResourceAndIdentityPolicy),
        Some(source) => Verdict::ImplicitDeny(source),
    }
}

/// What keeps a role from what its key policy gives it is its boundary or session policy, if anything names it at all.
fn role_limit(findings: &Findings<'_>, limits: Option<PolicySource>) -> PolicySource {
    limits.filter(|_| findings.role.is_some()).unwrap_or(PolicySource::Resource)
}

/// Whose consent is missing to what identity policies allow.
fn missing_identity(findings: &Findings<'_>) -> Option<PolicySource> {
    match findings.identity.is_given() {
        true => missing_limit(findings),
        false => Some(PolicySource::Identity),
    }
}

fn missing_limit(findings: &Findings<'_>) -> Option<PolicySource> {
    let missing = |consent: &Consent<'_>, source| (!consent.is_given()).then_some(source);
    missing(&findings.boundary, PolicySource::Boundary)
        .or_else(|| missing(&findings.session, PolicySource::Session))
}
