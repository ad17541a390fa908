//! A second evaluator, written from section 9 of the reference without a look at the first one and without its code.
//!
//! It is slow and plain: documents stay JSON, every wildcard is a recursion, every question walks everything. Its bugs can
//! be switched on one by one, so that a test can show that comparing the two would find them.

pub mod values;

use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

use values::{Given, Pattern, compare};

/// Somebody who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    Root {
        account: &'static str,
    },
    User {
        account: &'static str,
        name: &'static str,
        id: &'static str,
    },
    Session {
        account: &'static str,
        path: &'static str,
        role: &'static str,
        id: &'static str,
        session: &'static str,
    },
    Federated {
        account: &'static str,
        name: &'static str,
    },
    Service {
        name: &'static str,
    },
}

/// Everything that a decision depends on.
#[derive(Debug, Clone)]
pub struct Question {
    pub who: Who,
    pub action: &'static str,
    pub resource: &'static str,
    /// Absent for an action that only identity policies speak about.
    pub key: Option<KeySide>,
    /// Absent for a root, which needs none.
    pub identity: Option<Vec<Json>>,
    pub boundary: Option<Json>,
    pub session: Option<Vec<Json>>,
    pub given: BTreeMap<String, Vec<Given>>,
    /// Keys whose value the service assumed.
    pub assumed: BTreeSet<String>,
}

#[derive(Debug, Clone)]
pub struct KeySide {
    pub owner: &'static str,
    pub policy: Json,
    /// Unique ids that the policy was stored with, by ARN.
    pub ids: BTreeMap<String, String>,
    pub granted: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Allow,
    Explicit(Side),
    Implicit(Side),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Identity,
    Key,
    Boundary,
    Session,
}

/// A mistake that somebody could make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    DenyOfBoundaryForgotten,
    DenyOfKeyPolicyForgotten,
    DelegationSuffices,
    RoleIsNotLimited,
    UserIsLimited,
    ForeignersNeedNoIdentityPolicy,
    GrantsNeedIdentityPolicy,
    PlainActionsIgnoreSessionPolicies,
    MissingKeyFailsNegated,
    ForAnyValueHoldsWhenMissing,
    ForAllValuesFailsWhenMissing,
    NamesInsteadOfIds,
    ActionsWithCase,
    TagsSeenInKeyPolicies,
    AssumedIsPresentForNull,
    UnknownKeysAllow,
    DoubtSparesFromDeny,
    NotPrincipalByAnyName,
    VariablesInTheOldLanguage,
}

impl Bug {
    pub const ALL: &[Bug] = &[
        Bug::DenyOfBoundaryForgotten,
        Bug::DenyOfKeyPolicyForgotten,
        Bug::DelegationSuffices,
        Bug::RoleIsNotLimited,
        Bug::UserIsLimited,
        Bug::ForeignersNeedNoIdentityPolicy,
        Bug::GrantsNeedIdentityPolicy,
        Bug::PlainActionsIgnoreSessionPolicies,
        Bug::MissingKeyFailsNegated,
        Bug::ForAnyValueHoldsWhenMissing,
        Bug::ForAllValuesFailsWhenMissing,
        Bug::NamesInsteadOfIds,
        Bug::ActionsWithCase,
        Bug::TagsSeenInKeyPolicies,
        Bug::AssumedIsPresentForNull,
        Bug::UnknownKeysAllow,
        Bug::DoubtSparesFromDeny,
        Bug::NotPrincipalByAnyName,
        Bug::VariablesInTheOldLanguage,
    ];
}

/// Section 9.2.
pub fn answer(q: &Question, bug: Option<Bug>) -> Answer {
    let judge = Judge { q, bug };
    // Step 2.
    for (side, policy) in judge.policies() {
        let forgotten = bug == Some(Bug::DenyOfBoundaryForgotten) && side == Side::Boundary
            || bug == Some(Bug::DenyOfKeyPolicyForgotten) && side == Side::Key;
        if !forgotten && judge.says(policy, side, "Deny").any() {
            return Answer::Explicit(side);
        }
    }
    match &q.key {
        None => judge.plain(),
        Some(key) => judge.keyed(key),
    }
}

/// How a statement names the caller (section 9.3).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Named {
    itself: bool,
    its_role: bool,
    its_account: bool,
}

impl Named {
    fn any(self) -> bool {
        self.itself || self.its_role || self.its_account
    }

    fn or(self, other: Named) -> Named {
        Named {
            itself: self.itself || other.itself,
            its_role: self.its_role || other.its_role,
            its_account: self.its_account || other.its_account,
        }
    }
}

struct Judge<'a> {
    q: &'a Question,
    bug: Option<Bug>,
}

impl Judge<'_> {
    fn policies(&self) -> Vec<(Side, &Json)> {
        let mut all: Vec<(Side, &Json)> = Vec::new();
        all.extend(self.q.identity.iter().flatten().map(|p| (Side::Identity, p)));
        all.extend(self.q.boundary.iter().map(|p| (Side::Boundary, p)));
        all.extend(self.q.session.iter().flatten().map(|p| (Side::Session, p)));
        all.extend(self.q.key.iter().map(|k| (Side::Key, &k.policy)));
        all
    }

    fn identity_allows(&self) -> bool {
        match &self.q.identity {
            None => true,
            Some(policies) => policies.iter().any(|p| self.says(p, Side::Identity, "Allow").any()),
        }
    }

    fn limit(&self) -> Option<Side> {
        if self.q.boundary.as_ref().is_some_and(|p| !self.says(p, Side::Boundary, "Allow").any()) {
            return Some(Side::Boundary);
        }
        let session = self.q.session.as_ref();
        let silent = session.is_some_and(|l| !l.iter().any(|p| self.says(p, Side::Session, "Allow").any()));
        silent.then_some(Side::Session)
    }

    /// Step 4.
    fn plain(&self) -> Answer {
        if !self.identity_allows() {
            return Answer::Implicit(Side::Identity);
        }
        match self.limit() {
            Some(Side::Session) if self.bug == Some(Bug::PlainActionsIgnoreSessionPolicies) => Answer::Allow,
            Some(side) => Answer::Implicit(side),
            None => Answer::Allow,
        }
    }

    /// Step 5.
    fn keyed(&self, key: &KeySide) -> Answer {
        let named = self.says(&key.policy, Side::Key, "Allow");
        let limit = self.limit();
        let unlimited_role = limit.is_none() || self.bug == Some(Bug::RoleIsNotLimited);
        let itself = named.itself && (limit.is_none() || self.bug != Some(Bug::UserIsLimited));
        let direct = itself || named.its_role && unlimited_role;
        let delegated = named.its_account;
        let iam = if !self.identity_allows() { Some(Side::Identity) } else { limit };
        let granted = key.granted && (self.bug != Some(Bug::GrantsNeedIdentityPolicy) || iam.is_none());
        if granted {
            return Answer::Allow;
        }
        let nobody = match limit {
            Some(side) if named.its_role => Answer::Implicit(side),
            _ => Answer::Implicit(Side::Key),
        };
        let if_iam = |skip: bool| match iam {
            Some(side) if !skip => Answer::Implicit(side),
            _ => Answer::Allow,
        };
        match account_of(&self.q.who) {
            None if direct => Answer::Allow,
            None => Answer::Implicit(Side::Key),
            Some(account) if account == key.owner => match (direct, delegated) {
                (true, _) => Answer::Allow,
                (false, true) => if_iam(self.bug == Some(Bug::DelegationSuffices)),
                (false, false) => nobody,
            },
            Some(_) if direct || delegated => if_iam(self.bug == Some(Bug::ForeignersNeedNoIdentityPolicy)),
            Some(_) => nobody,
        }
    }

    /// How the statements of one effect name the caller, over the whole policy.
    fn says(&self, policy: &Json, side: Side, effect: &str) -> Named {
        let modern = policy["Version"] == "2012-10-17" || self.bug == Some(Bug::VariablesInTheOldLanguage);
        let reader = Reader { judge: self, side, effect, modern };
        let statements = list(&policy["Statement"]);
        let matching = statements.iter().filter(|s| s["Effect"] == effect && reader.applies(s));
        matching.fold(Named::default(), |named, s| named.or(reader.named(s)))
    }
}

fn account_of(who: &Who) -> Option<&str> {
    match who {
        Who::Root { account }
        | Who::User { account, .. }
        | Who::Session { account, .. }
        | Who::Federated { account, .. } => Some(account),
        Who::Service { .. } => None,
    }
}

/// Scalars and arrays are interchangeable.
fn list(json: &Json) -> Vec<&Json> {
    match json {
        Json::Array(elements) => elements.iter().collect(),
        Json::Null => Vec::new(),
        one => vec![one],
    }
}

/// Reads the statements of one policy.
struct Reader<'a> {
    judge: &'a Judge<'a>,
    side: Side,
    effect: &'a str,
    modern: bool,
}

impl Reader<'_> {
    fn q(&self) -> &Question {
        self.judge.q
    }

    fn has(&self, bug: Bug) -> bool {
        self.judge.bug == Some(bug)
    }

    fn applies(&self, s: &Json) -> bool {
        self.action(s) && self.resource(s) && self.conditions(s)
    }

    fn action(&self, s: &Json) -> bool {
        let matches = |pattern: &Json| {
            let pattern = pattern.as_str().unwrap_or_default();
            let (pattern, action) = match self.has(Bug::ActionsWithCase) {
                true => (pattern.to_string(), self.q().action.to_string()),
                false => (pattern.to_lowercase(), self.q().action.to_lowercase()),
            };
            Pattern::of(&pattern, true, false, &|_| None).is_some_and(|p| p.matches(&action))
        };
        one_of(s, "Action", "NotAction", matches)
    }

    fn resource(&self, s: &Json) -> bool {
        let matches = |pattern: &Json| {
            let pattern = pattern.as_str().unwrap_or_default();
            let mut pattern = pattern.to_string();
            if pattern == "*" {
                return true;
            }
            // An ARN that ends early goes on with anything.
            while outside_variables(&pattern, self.modern) < 5 {
                pattern.push_str(":*");
            }
            let pattern = Pattern::of(&pattern, true, self.modern, &|key| self.variable(key));
            pattern.is_some_and(|p| p.matches_arn(self.q().resource))
        };
        one_of(s, "Resource", "NotResource", matches)
    }

    /// What a variable stands for: the one value of a key that is no set.
    fn variable(&self, key: &str) -> Option<String> {
        let key = key.to_lowercase();
        let sets = ["kms:encryptioncontextkeys", "kms:resourcealiases", "aws:tagkeys"];
        match self.visible(&key).as_slice() {
            [one] if !sets.contains(&key.as_str()) => Some(one.text()),
            _ => None,
        }
    }

    fn visible(&self, key: &str) -> Vec<Given> {
        let identity_only = key == "kms:resourcealiases" || key.starts_with("aws:resourcetag/");
        if identity_only && self.side == Side::Key && !self.has(Bug::TagsSeenInKeyPolicies) {
            return Vec::new();
        }
        self.q().given.get(key).cloned().unwrap_or_default()
    }

    fn conditions(&self, s: &Json) -> bool {
        let Some(operators) = s["Condition"].as_object() else { return true };
        operators.iter().all(|(operator, keys)| {
            let keys = keys.as_object().expect("an object of keys");
            keys.iter().all(|(key, wanted)| self.condition(operator, key, &list(wanted)))
        })
    }

    /// Section 9.9.
    fn condition(&self, operator: &str, key: &str, wanted: &[&Json]) -> bool {
        let allow = self.effect == "Allow";
        let key = key.to_lowercase();
        if key.starts_with("kms:nosuch") && allow && !self.has(Bug::UnknownKeysAllow) {
            return false;
        }
        let given = self.visible(&key);
        let (set, operator) = match operator.split_once(':') {
            Some((set, operator)) => (Some(set), operator),
            None => (None, operator),
        };
        if operator == "Null" {
            let assumed = self.q().assumed.contains(&key) && !self.has(Bug::AssumedIsPresentForNull);
            let absent = assumed || given.iter().all(|g| g.text().is_empty());
            return wanted.iter().any(|w| scalar(w).to_lowercase() == absent.to_string());
        }
        let (operator, if_exists) = match operator.strip_suffix("IfExists") {
            Some(operator) => (operator, true),
            None => (operator, false),
        };
        let negated = operator.contains("Not");
        if given.is_empty() {
            return match set {
                Some("ForAllValues") => !self.has(Bug::ForAllValuesFailsWhenMissing),
                Some(_) => if_exists || self.has(Bug::ForAnyValueHoldsWhenMissing),
                None => if_exists || negated && !self.has(Bug::MissingKeyFailsNegated),
            };
        }
        // What cannot be compared counts against the caller.
        let doubt = !allow && !self.has(Bug::DoubtSparesFromDeny);
        let one = |given: &Given| {
            let results: Vec<Option<bool>> = wanted
                .iter()
                .map(|w| {
                    compare(&operator.replace("Not", ""), given, &scalar(w), self.modern, &|k| {
                        self.variable(k)
                    })
                })
                .collect();
            match results.contains(&None) {
                true => doubt,
                false => results.contains(&Some(true)) != negated,
            }
        };
        match set {
            Some("ForAllValues") => given.iter().all(one),
            Some(_) => given.iter().any(one),
            None if given.len() > 1 => doubt,
            None => given.iter().all(one),
        }
    }

    /// Section 9.3; identity policies have no principal and are about whom they are attached to.
    fn named(&self, s: &Json) -> Named {
        let everybody = self.everybody();
        if self.side != Side::Key {
            return everybody;
        }
        if !s["Principal"].is_null() {
            return self.named_by(&s["Principal"]);
        }
        let named = self.named_by(&s["NotPrincipal"]);
        let spared = match self.effect {
            "Deny" if !self.has(Bug::NotPrincipalByAnyName) => named == everybody,
            _ => named.any(),
        };
        if spared { Named::default() } else { everybody }
    }

    /// Every name that the caller has.
    fn everybody(&self) -> Named {
        match self.q().who {
            Who::Root { .. } | Who::Service { .. } => Named { itself: true, ..Named::default() },
            Who::User { .. } | Who::Federated { .. } => {
                Named { itself: true, its_account: true, its_role: false }
            }
            Who::Session { .. } => Named { itself: true, its_account: true, its_role: true },
        }
    }

    fn named_by(&self, principal: &Json) -> Named {
        if principal == "*" {
            return self.everybody();
        }
        let kinds = principal.as_object().expect("principals by kind");
        let mut named = Named::default();
        for (kind, values) in kinds {
            for value in list(values).into_iter().filter_map(Json::as_str) {
                named = named.or(self.named_as(kind, value));
            }
        }
        named
    }

    fn named_as(&self, kind: &str, value: &str) -> Named {
        let nobody = Named::default();
        let itself = |is| Named { itself: is, ..nobody };
        if (kind, value) == ("AWS", "*") {
            return self.everybody();
        }
        let who = &self.q().who;
        if let Who::Service { name } = who {
            return itself(kind == "Service" && value == *name);
        }
        if kind != "AWS" {
            return nobody;
        }
        let account = account_of(who).unwrap_or_default();
        if value == account || value == format!("arn:aws:iam::{account}:root") {
            let root = matches!(who, Who::Root { .. });
            return Named { itself: root, its_account: !root, its_role: false };
        }
        let same = |id: &str| match (self.has(Bug::NamesInsteadOfIds), &self.q().key) {
            (false, Some(key)) => key.ids.get(value).is_some_and(|stored| stored == id),
            _ => true,
        };
        match who {
            Who::User { name, id, .. } => {
                itself(value == format!("arn:aws:iam::{account}:user/{name}") && same(id))
            }
            Who::Session { path, role, id, session, .. } => Named {
                itself: value == format!("arn:aws:sts::{account}:assumed-role/{role}/{session}") && same(id),
                its_role: value == format!("arn:aws:iam::{account}:role{path}{role}") && same(id),
                its_account: false,
            },
            Who::Federated { name, .. } => {
                itself(value == format!("arn:aws:sts::{account}:federated-user/{name}"))
            }
            Who::Root { .. } | Who::Service { .. } => nobody,
        }
    }
}

fn one_of(s: &Json, name: &str, not_name: &str, matches: impl Fn(&Json) -> bool) -> bool {
    match (&s[name], &s[not_name]) {
        (Json::Null, Json::Null) => false,
        (Json::Null, not) => !list(not).into_iter().any(matches),
        (yes, _) => list(yes).into_iter().any(matches),
    }
}

fn scalar(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Colons that are not inside `${...}`.
fn outside_variables(text: &str, modern: bool) -> usize {
    let mut rest = text;
    let mut colons = 0;
    while let Some(c) = rest.chars().next() {
        if let Some(end) = rest.find('}').filter(|_| modern && rest.starts_with("${")) {
            rest = &rest[end + 1..];
            continue;
        }
        colons += usize::from(c == ':');
        rest = &rest[c.len_utf8()..];
    }
    colons
}
