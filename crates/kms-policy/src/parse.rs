//! The grammar of key policies (section 9.9). Whatever it does not know, it refuses.

use kms_types::limits;

use crate::{
    Effect, MalformedPolicy, Policy,
    condition::Condition,
    error::clip,
    json::Json,
    operator::{Operator, Qualifier},
    policy::{Clause, Statement},
    principal,
    template::{Template, Variables, Wildcards},
};

type Parsed<T> = Result<T, MalformedPolicy>;

impl Policy {
    /// Parses a document of at most [`limits::MAX_POLICY_BYTES`].
    pub fn parse(document: &str) -> Parsed<Self> {
        let most_bytes = limits::MAX_POLICY_BYTES;
        if document.len() > most_bytes {
            return Err(MalformedPolicy::TooLong { length_bytes: document.len(), most_bytes });
        }
        let json = Json::parse(document)?;
        let members = Members::of(&json, "the document", &["Version", "Id", "Statement"])?;
        members.text("Id")?;
        let variables = version(&members)?;
        let statements = members.required("Statement")?.elements();
        if statements.is_empty() {
            return Err(unexpected("Statement", "one statement or more"));
        }
        let statements = statements.iter().map(|json| statement(json, variables)).collect::<Parsed<_>>()?;
        Ok(Self { statements })
    }
}

/// Variables exist only in the newer language version; without a version the document is of the older one.
fn version(members: &Members<'_>) -> Parsed<Variables> {
    match members.text("Version")? {
        Some("2012-10-17") => Ok(Variables::Expand),
        Some("2008-10-17") | None => Ok(Variables::Literal),
        Some(_) => Err(unexpected("Version", "`2012-10-17` or `2008-10-17`")),
    }
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

fn statement(json: &Json, variables: Variables) -> Parsed<Statement> {
    let members = Members::of(json, "a statement", STATEMENT)?;
    let effect = match members.required("Effect")?.text() {
        Some("Allow") => Effect::Allow,
        Some("Deny") => Effect::Deny,
        _ => return Err(unexpected("Effect", "`Allow` or `Deny`")),
    };
    let principals = members.clause("Principal", "NotPrincipal", principal::parse)?;
    let principals =
        principals.ok_or(MalformedPolicy::Missing { element: "Principal", place: "a statement" })?;
    Ok(Statement {
        sid: members.text("Sid")?.map(Into::into),
        effect,
        principals,
        actions: members.clause("Action", "NotAction", actions)?,
        resources: members.clause("Resource", "NotResource", |json| resources(json, variables))?,
        conditions: members.find("Condition").map_or(Ok(Vec::new()), |json| conditions(json, variables))?,
    })
}

fn actions(json: &Json) -> Parsed<Vec<Template>> {
    texts(json, "Action")?
        .into_iter()
        .map(|action| match is_action(action) {
            true => Ok(Template::parse(&action.to_ascii_lowercase(), Wildcards::Match, Variables::Literal)),
            false => Err(unexpected(action, "an action")),
        })
        .collect()
}

/// `*`, or a service prefix and a name, the name with wildcards.
fn is_action(text: &str) -> bool {
    let word = |w: &str, also: &str| {
        !w.is_empty() && w.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c))
    };
    text == "*"
        || text.split_once(':').is_some_and(|(service, name)| word(service, "-*?") && word(name, "*?"))
}

fn resources(json: &Json, variables: Variables) -> Parsed<Vec<Template>> {
    texts(json, "Resource")?
        .into_iter()
        .map(|resource| match resource == "*" || resource.starts_with("arn:") {
            true => Ok(Template::parse(resource, Wildcards::Match, variables)),
            false => Err(unexpected(resource, "`*` or an ARN")),
        })
        .collect()
}

fn conditions(json: &Json, variables: Variables) -> Parsed<Vec<Condition>> {
    let mut conditions = Vec::new();
    for (name, keys) in object(json, "Condition")? {
        let operator: Operator = name.parse()?;
        for (key, values) in object(keys, name)? {
            refuse_overly_permissive(name, &operator, key)?;
            let operands = operands(name, &operator, values, variables)?;
            conditions.push(Condition { operator: operator.clone(), key: key.clone(), operands });
        }
    }
    Ok(conditions)
}

fn operands(
    name: &str,
    operator: &Operator,
    values: &Json,
    variables: Variables,
) -> Parsed<Vec<crate::operator::Operand>> {
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

/// Section 9.4: `ForAllValues` would let requests through that do not carry the key at all.
fn refuse_overly_permissive(name: &str, operator: &Operator, key: &str) -> Parsed<()> {
    let lower = key.to_lowercase();
    let single = lower.starts_with("kms:encryptioncontext:") || lower.starts_with("aws:requesttag/");
    if single && operator.qualifier == Some(Qualifier::ForAllValues) {
        return Err(MalformedPolicy::OverlyPermissive { operator: clip(name), key: clip(key) });
    }
    Ok(())
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
        name: &str,
        not_name: &str,
        parse: impl Fn(&Json) -> Parsed<Vec<T>>,
    ) -> Parsed<Option<Clause<T>>> {
        match (self.find(name), self.find(not_name)) {
            (Some(_), Some(_)) => Err(MalformedPolicy::Twice { element: name.into(), place: self.place }),
            (Some(json), None) => parse(json).map(Clause::In).map(Some),
            (None, Some(json)) => parse(json).map(Clause::NotIn).map(Some),
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
