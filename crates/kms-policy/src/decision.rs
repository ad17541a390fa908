//! What evaluation decides, and by which statements: enough to explain a refusal and an answer.

/// A decision with its path. Borrows from the policies that it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<'a> {
    /// What is decided.
    pub verdict: Verdict,
    /// What was found on the way.
    pub findings: Findings<'a>,
}

/// Allowed or denied, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The call may go on.
    Allow(Ground),
    /// A statement denies, whatever others say.
    ExplicitDeny(PolicySource),
    /// Nothing allows; the source is the one whose consent was missing first.
    ImplicitDeny(PolicySource),
}

/// What lets a call through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ground {
    /// The resource's policy names the caller.
    ResourcePolicy,
    /// The resource's policy allows the caller's account, and identity policies allow the caller; also both sides of a
    /// call into another account.
    ResourceAndIdentityPolicy,
    /// A grant.
    Grant,
    /// Identity policies alone: an action that no resource's policy speaks about.
    IdentityPolicy,
}

/// Which policy of a request it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicySource {
    /// An identity policy of the caller.
    Identity,
    /// The key policy, or the trust policy of a role.
    Resource,
    /// The permissions boundary of the caller.
    Boundary,
    /// A session policy of the caller.
    Session,
}

/// What evaluation found, policy by policy. What it never had to look at is empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings<'a> {
    /// The statement that denies.
    pub deny: Option<StatementRef<'a>>,
    /// The statement of the resource's policy that allows the caller as itself.
    pub direct: Option<StatementRef<'a>>,
    /// The statement of the resource's policy that allows the caller's role.
    pub role: Option<StatementRef<'a>>,
    /// The statement of the resource's policy that allows the caller's account.
    pub delegated: Option<StatementRef<'a>>,
    /// The grant that allows.
    pub grant: Option<GrantRef>,
    /// What identity policies say.
    pub identity: Consent<'a>,
    /// What the permissions boundary says.
    pub boundary: Consent<'a>,
    /// What the session policies say.
    pub session: Consent<'a>,
}

/// What policies of one source say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Consent<'a> {
    /// There is no such policy, and without one nothing is limited; for identity policies of a root user: everything.
    #[default]
    Unlimited,
    /// A statement allows.
    By(StatementRef<'a>),
    /// There are such policies, or there should be, and none allows.
    Missing,
}

impl Consent<'_> {
    /// True unless consent is missing.
    pub fn is_given(&self) -> bool {
        *self != Self::Missing
    }
}

/// Names a statement in an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementRef<'a> {
    /// What kind of policy.
    pub source: PolicySource,
    /// The policy's name; of a key policy, `default`.
    pub policy: &'a str,
    /// The statement's position, from 0.
    pub index: usize,
    /// Its Sid.
    pub sid: Option<&'a str>,
}

/// Names a grant in an explanation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GrantRef {
    /// The grant's id.
    pub grant_id: kms_types::GrantId,
}

impl Decision<'_> {
    /// True when the call may go on.
    pub fn is_allowed(&self) -> bool {
        matches!(self.verdict, Verdict::Allow(_))
    }
}
