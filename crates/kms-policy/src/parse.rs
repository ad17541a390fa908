//! The grammar of policies (section 9.9). Whatever it does not know, it refuses.

use kms_types::limits;
use std::collections::BTreeSet;

use crate::{
    Effect, MalformedPolicy, Policy, PolicyKind,
    arn_pattern::ArnPattern,
    condition::{Condition, Sight},
    error::clip,
    json::Json,
    keys,
    kind::Presence,
    operator::{Operand, Operator, Qualifier},
    policy::{Clause, Statement},
    principal,
    template::{Template, Variables, Wildcards},
};

type Parsed<T> = Result<T, MalformedPolicy>;

impl Policy {
    /// Parses a document of at most [`limits::MAX_POLICY_BYTES`]. Its principals are taken by name; a stored document
    /// is then [`bound`](Self::bound) to the unique ids that it was put with.
    pub fn parse(kind: PolicyKind, document: &str) -> Parsed<Self> {
        let most_bytes = limits::MAX_POLICY_BYTES;
        if document.len() > most_bytes {
            return Err(MalformedPolicy::TooLong { length_bytes: document.len(), most_bytes });
        }
        let json = Json::parse(document)?;
        let members = Members::of(&json, "the document", &["Version", "Id", "Statement"])?;
        members.text("Id")?;
        let grammar = Grammar { kind, variables: version(&members, kind)? };
        let statements = members.required("Statement")?.elements();
        if statements.is_empty() {
            return Err(unexpected("Statement", "one statement or more"));
        }
        let statements: Vec<_> =
            statements.iter().map(|json| grammar.statement(json)).collect::<Parsed<_>>()?;
        if kind.restricts_sids() {
            check_sids(&statements)?;
        }
        Ok(Self { kind, statements })
    }
}

/// Variables exist only in the newer language version; without a version the document is of the older one.
fn version(members: &Members<'_>, kind: PolicyKind) -> Parsed<Variables> {
    match members.text("Version")? {
        Some("2012-10-17") if kind == PolicyKind::Key => Ok(Variables::ExpandInKeyPolicy),
        Some("2012-10-17") => Ok(Variables::Expand),
        Some("2008-10-17") | None => Ok(Variables::Literal),
        Some(_) => Err(unexpected("Version", "`2012-10-17` or `2008-10-17`")),
    }
}

fn check_sids(statements: &[Statement]) -> Parsed<()> {
    let mut seen = BTreeSet::new();
    for sid in statements.iter().filter_map(|s| s.sid.as_deref()).filter(|sid| !sid.is_empty()) {
        if !sid.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(unexpected(sid, "a Sid of letters and digits"));
        }
        if !seen.insert(sid) {
            return Err(MalformedPolicy::RepeatedSid { sid: clip(sid) });
        }
    }
    Ok(())
}

const STATEMENT: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

/// The rules of one document.
#[derive(Clone, Copy)]
struct Grammar {
    kind: PolicyKind,
    variables: Variables,
}

impl Grammar {
    fn statement(self, json: &Json) -> Parsed<Statement> {
        let members = Members::of(json, "a statement", STATEMENT)?;
        let effect = match members.required("Effect")?.text() {
            Some("Allow") => Effect::Allow,
            Some("Deny") => Effect::Deny,
            _ => return Err(unexpected("Effect", "`Allow` or `Deny`")),
        };
        let kind = self.kind;
        let principals = members.clause("Principal", "NotPrincipal", kind.principals(), principal::parse)?;
        let actions = members.clause("Action", "NotAction", kind.actions(), |json| self.actions(json))?;
        let resources =
            members.clause("Resource", "NotResource", kind.resources(), |json| self.resources(json))?;
        // A trust policy is about the role that it is attached to.
        let own = (kind == PolicyKind::Trust).then(|| Clause::In(vec![ArnPattern::Any]));
        Ok(Statement {
            sid: members.text("Sid")?.map(Into::into),
            effect,
            principals,
            actions,
            resources: resources.or(own),
            conditions: members.find("Condition").map_or(Ok(Vec::new()), |json| self.conditions(json))?,
        })
    }

    fn actions(self, json: &Json) -> Parsed<Vec<Template>> {
        let action = |action: &str| match (is_action(action), self.kind) {
            (true, PolicyKind::Trust) if !action.to_ascii_lowercase().starts_with("sts:") => {
                Err(unexpected(action, "an action of sts, the only ones of a trust policy"))
            }
            (true, _) => {
                Ok(Template::parse(&action.to_ascii_lowercase(), Wildcards::Match, Variables::Literal))
            }
            (false, _) => Err(unexpected(action, "an action")),
        };
        texts(json, "Action")?.into_iter().map(action).collect()
    }

    fn resources(self, json: &Json) -> Parsed<Vec<ArnPattern>> {
        let resource = |resource: &str| {
            if resource != "*" && !resource.starts_with("arn:") {
                return Err(unexpected(resource, "`*` or an ARN"));
            }
            let misplaced = || MalformedPolicy::MisplacedVariable { resource: clip(resource) };
            ArnPattern::resource(resource, self.variables).ok_or_else(misplaced)
        };
        texts(json, "Resource")?.into_iter().map(resource).collect()
    }

    fn conditions(self, json: &Json) -> Parsed<Vec<Condition>> {
        let mut conditions = Vec::new();
        for (name, keys) in object(json, "Condition")? {
            let operator: Operator = name.parse()?;
            for (key, values) in object(keys, name)? {
                conditions.push(self.condition(&operator, key, values)?);
            }
        }
        Ok(conditions)
    }

    fn condition(self, operator: &Operator, name: &str, values: &Json) -> Parsed<Condition> {
        let key = name.to_lowercase();
        // Section 9.4: `ForAllValues` would let requests through that do not carry the key at all.
        if operator.qualifier == Some(Qualifier::ForAllValues) && keys::is_optional_single(&key) {
            let operator = clip(&operator.name);
            return Err(MalformedPolicy::OverlyPermissive { operator, key: clip(name) });
        }
        let sight = match self.kind {
            _ if !keys::is_known(&key) => Sight::Unknown,
            PolicyKind::Key if keys::is_absent_in_key_policies(&key) => Sight::Absent,
            _ => Sight::Request,
        };
        let operands = operands(&operator.name, operator, values, self.variables)?.into();
        Ok(Condition { operator: operator.clone(), name: name.into(), key: key.into(), sight, operands })
    }
}

/// `*`, or a service prefix and a name, the name with wildcards.
fn is_action(text: &str) -> bool {
    let word = |w: &str, also: &str| {
        !w.is_empty() && w.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
    };
    text == "*"
        || text.split_once(':').is_some_and(|(service, name)| word(service, "-*?") && word(name, "*?"))
}

fn operands(name: &str, operator: &Operator, values: &Json, variables: Variables) -> Parsed<Vec<Operand>> {
    let invalid = |value: &str| MalformedPolicy::InvalidValue { operator: clip(name), value: clip(value) };
    let parse = |json: &Json| {
        let text = json.scalar().ok_or_else(|| unexpected(name, "text, a number or a boolean"))?;
        operator.test.operand(&text, variables).ok_or_else(|| invalid(&text))
    };
    match values.elements() {
        [] => Err(unexpected(name, "one value or more")),
        elements => elements.iter().map(parse).collect(),
    }
}

/// The members of one object, each known and there once.
struct Members<'a> {
    place: &'static str,
    members: &'a [(String, Json)],
}

impl<'a> Members<'a> {
    fn of(json: &'a Json, place: &'static str, known: &[&str]) -> Parsed<Self> {
        let members = object(json, place)?;
        match members.iter().find(|(name, _)| !known.contains(&name.as_str())) {
            Some((name, _)) => Err(MalformedPolicy::UnknownElement { element: clip(name), place }),
            None => Ok(Self { place, members }),
        }
    }

    fn find(&self, name: &str) -> Option<&'a Json> {
        self.members.iter().find(|(n, _)| n == name).map(|(_, json)| json)
    }

    fn required(&self, element: &'static str) -> Parsed<&'a Json> {
        self.find(element).ok_or(MalformedPolicy::Missing { element, place: self.place })
    }

    fn text(&self, name: &str) -> Parsed<Option<&'a str>> {
        match self.find(name) {
            None => Ok(None),
            Some(json) => json.text().map(Some).ok_or_else(|| unexpected(name, "text")),
        }
    }

    /// An element or its `Not` form, not both.
    fn clause<T>(
        &self,
        name: &'static str,
        not_name: &'static str,
        presence: Presence,
        parse: impl Fn(&Json) -> Parsed<Vec<T>>,
    ) -> Parsed<Option<Clause<T>>> {
        let place = self.place;
        let prohibited = presence == Presence::Prohibited;
        match (self.find(name), self.find(not_name)) {
            (Some(_), _) if prohibited => Err(MalformedPolicy::Prohibited { element: name, place }),
            (_, Some(_)) if prohibited => Err(MalformedPolicy::Prohibited { element: not_name, place }),
            (Some(_), Some(_)) => Err(MalformedPolicy::Twice { element: name.into(), place }),
            (Some(json), None) => parse(json).map(Clause::In).map(Some),
            (None, Some(json)) => parse(json).map(Clause::NotIn).map(Some),
            (None, None) if presence == Presence::Required => {
                Err(MalformedPolicy::Missing { element: name, place })
            }
            (None, None) => Ok(None),
        }
    }
}

/// The members of an object in which no name repeats.
fn object<'a>(json: &'a Json, place: &str) -> Parsed<&'a [(String, Json)]> {
    let Json::Object(members) = json else { return Err(unexpected(place, "an object")) };
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair.first() == pair.last()) {
        Some(pair) => {
            let element = clip(pair.first().copied().unwrap_or_default());
            Err(MalformedPolicy::Twice { element, place: "one object" })
        }
        None => Ok(members),
    }
}

pub(crate) fn texts<'a>(json: &'a Json, element: &str) -> Parsed<Vec<&'a str>> {
    match json.elements() {
        [] => Err(unexpected(element, "one value or more")),
        elements => elements.iter().map(|e| e.text().ok_or_else(|| unexpected(element, "text"))).collect(),
    }
}

pub(crate) fn unexpected(element: &str, expected: &'static str) -> MalformedPolicy {
    MalformedPolicy::Unexpected { element: clip(element), expected }
}
