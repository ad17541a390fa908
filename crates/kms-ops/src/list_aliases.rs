//! ListAliases [KMS:ListAliases].

use crate::AliasEntry;

use crate::{
    AuditFacts, Error, Step,
    authorize::authorize_plain,
    case::Case,
    conditions, managed_key,
    page::{self, List},
    resolve::{Forms, alias_arn, not_visible, resolve},
};
use kms_state::Alias;
use kms_types::{AliasName, KeyId, Operation};
use std::collections::BTreeMap;

/// The request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Only aliases of this key: key id or key ARN.
    pub key_id: Option<String>,
    /// Most entries of the answer.
    pub limit: Option<u32>,
    /// Where the answer before this one ended.
    pub marker: Option<String>,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The aliases, in name order.
    pub aliases: Vec<AliasEntry>,
    /// True when there is more.
    pub truncated: bool,
    /// Where to go on; present exactly when truncated.
    pub next_marker: Option<String>,
}

/// Decides the call; a key only filters.
pub(crate) fn decide(case: &Case<'_>, request: &Request, facts: &mut AuditFacts) -> Result<Step, Error> {
    authorize_plain(case, "kms:ListAliases", "*", &conditions::of_caller(case))?;
    let key = match &request.key_id {
        Some(text) => Some(own_key(case, text, facts)?),
        None => None,
    };
    let scope = format!("{} {}", case.account(), key.map(|k| k.to_string()).unwrap_or_default());
    let list = List { operation: Operation::ListAliases, scope: &scope };
    let after = list.after(request.marker.as_deref())?;
    let aliases: Box<dyn Iterator<Item = AliasEntry>> = match key {
        Some(key) => Box::new(existing(case).filter(move |alias| alias.target_key_id == Some(key))),
        None => Box::new(with_predefined(case)),
    };
    let rest = aliases.filter(|alias| after.as_ref().is_none_or(|a| alias.alias_name.as_str() > a.as_str()));
    let page = list.page(rest, page::limit(request.limit, 50, 100), |alias| alias.alias_name.to_string());
    let truncated = page.truncated();
    Ok(Step::Answer(Response { aliases: page.items, truncated, next_marker: page.next_marker }.into()))
}

fn existing<'a>(case: &Case<'a>) -> impl Iterator<Item = AliasEntry> + use<'a> {
    let case = *case;
    case.view.aliases_of(case.account()).map(move |alias| entry(&case, alias))
}

/// The account's aliases and those of services that have no key yet, in name order (section 13).
fn with_predefined(case: &Case<'_>) -> impl Iterator<Item = AliasEntry> {
    let all: BTreeMap<AliasName, AliasEntry> = managed_key::predefined(case)
        .map(|name| predefined(case, name))
        .chain(existing(case))
        .map(|entry| (entry.alias_name.clone(), entry))
        .collect();
    all.into_values()
}

fn predefined(case: &Case<'_>, name: AliasName) -> AliasEntry {
    AliasEntry {
        alias_arn: alias_arn(case, name.clone()),
        alias_name: name,
        target_key_id: None,
        creation_date: None,
        last_updated_date: None,
    }
}

/// Aliases of keys of other accounts are never shown, and neither is which of those exist.
fn own_key(case: &Case<'_>, text: &str, facts: &mut AuditFacts) -> Result<KeyId, Error> {
    let resolved = resolve(case, text, Forms::KeyOnly, facts)?;
    match resolved.key.account == case.account() {
        true => Ok(resolved.key.id),
        false => Err(not_visible(case)),
    }
}

fn entry(case: &Case<'_>, alias: &Alias) -> AliasEntry {
    AliasEntry {
        alias_name: alias.name.clone(),
        alias_arn: alias_arn(case, alias.name.clone()),
        target_key_id: Some(alias.target),
        creation_date: Some(alias.created_at),
        last_updated_date: Some(alias.updated_at),
    }
}
