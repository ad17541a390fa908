//! Bracketed citation keys, such as `RFC9180` or `SP800-38D §8.3`, resolve in docs/references.md.
//!
//! A key starts with two capitals or digits, which no Rust type does; a bare word in capitals without a section
//! may be a constant that rustdoc links, and is left alone.

use super::comment;
use crate::{problem::Problem, repository::Repository};
use std::collections::BTreeSet;

const REFERENCES: &str = "docs/references.md";
const OPERATIONS: &str = "crates/kms-types/src/operation.rs";

/// Keys that stand nowhere in the references.
pub(crate) fn check(repository: &Repository) -> Vec<Problem> {
    let Some(references) = repository.file(REFERENCES) else {
        return vec![Problem::new(REFERENCES, "missing: citations in comments resolve there")];
    };
    let known = Known { keys: listed(&references.text), operations: operations(repository) };
    let files = repository.files.iter().filter(|file| file.path != REFERENCES);
    files.flat_map(|file| unresolved(&file.path, &file.text, &known)).collect()
}

struct Known {
    keys: BTreeSet<String>,
    operations: BTreeSet<String>,
}

impl Known {
    /// `KMS:CreateKey` resolves through the entry `KMS:<Operation>`, if there is such an operation.
    fn has(&self, key: &str) -> bool {
        let operation = key.strip_prefix("KMS:").is_some_and(|name| self.operations.contains(name));
        self.keys.contains(key) || (operation && self.keys.contains("KMS:<Operation>"))
    }
}

/// Keys of lines such as `- **[RFC9180]** Hybrid Public Key Encryption`.
fn listed(references: &str) -> BTreeSet<String> {
    let keys = references.lines().filter_map(|line| line.strip_prefix("- **[")?.split_once("]**"));
    keys.map(|(key, _)| key.to_owned()).collect()
}

fn operations(repository: &Repository) -> BTreeSet<String> {
    let text = repository.file(OPERATIONS).map_or("", |file| file.text.as_str());
    text.split(|c: char| !c.is_ascii_alphanumeric()).map(str::to_owned).collect()
}

fn unresolved(path: &str, text: &str, known: &Known) -> Vec<Problem> {
    let comments =
        text.lines().enumerate().filter_map(|(at, line)| Some((at, comment::of_line(path, line)?)));
    let keys = comments.flat_map(|(at, comment)| citations(comment).map(move |key| (at, key)));
    let missing = keys.filter(|(_, key)| !known.has(key));
    let problem = |(at, key)| Problem::at(path, at + 1, format!("`[{key}]` is not in {REFERENCES}"));
    missing.map(problem).collect()
}

/// The keys cited in one comment, alone, with a section, or several behind `;`; no links and no code.
fn citations(comment: &str) -> impl Iterator<Item = &str> {
    let brackets = comment.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    let links = |after: &str| after.starts_with('(') || after.starts_with(':') || after.starts_with('[');
    let brackets = brackets.filter(move |(_, after)| !links(after)).map(|(inner, _)| inner);
    brackets.flat_map(|inner| inner.split([';', ','])).filter_map(key)
}

/// Whether a text in brackets is a citation, and no link to an item of Rust.
pub(crate) fn is_key(text: &str) -> bool {
    key(text).is_some()
}

fn key(citation: &str) -> Option<&str> {
    let (key, section) = citation.trim().split_once(' ').unwrap_or((citation.trim(), ""));
    let is_section = section.trim_start().starts_with('§');
    let shaped = key.bytes().take(2).filter(|b| b.is_ascii_uppercase() || b.is_ascii_digit()).count() == 2;
    let first = key.starts_with(|c: char| c.is_ascii_uppercase());
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b":.-".contains(&b));
    let bare = key.bytes().all(|b| b.is_ascii_uppercase());
    let cited = shaped && first && plain && (section.is_empty() || is_section) && (!bare || is_section);
    cited.then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(comment: &str) -> Vec<&str> {
        citations(comment).collect()
    }

    #[test]
    fn citations_are_told_from_links_types_and_code() {
        assert_eq!(keys("safe for 2^32 seals [SP800-38D §8.3]; see [RFC9180]"), ["SP800-38D", "RFC9180"]);
        assert_eq!(keys("[KMS:CancelKeyDeletion] and [GCM §B]"), ["KMS:CancelKeyDeletion", "GCM"]);
        assert_eq!(keys("[RFC5869 §2; RFC2104]"), ["RFC5869", "RFC2104"]);
        assert_eq!(keys("[`State`], [String], [u8; 32], [SUITE], [RFC9180](a.html), [T]"), [""; 0]);
    }

    #[test]
    fn an_unknown_key_is_found_with_its_line() {
        let references = "- **[RFC9180]** HPKE\n";
        let code = "fn a() {}\n// [RFC9180 §5.1] and [RFC9999]\n";
        let repository = Repository::of(&[(REFERENCES, references), ("a.rs", code)]);
        assert_eq!(check(&repository), [Problem::at("a.rs", 2, "`[RFC9999]` is not in docs/references.md")]);
    }

    #[test]
    fn an_operation_resolves_by_its_name_only() {
        let files = [
            (REFERENCES, "- **[KMS:<Operation>]** the operation's page\n"),
            (OPERATIONS, "operations! { CreateKey, Encrypt }"),
            ("a.rs", "// [KMS:CreateKey] [KMS:CreateKeys]\n"),
        ];
        let problems = check(&Repository::of(&files));
        assert_eq!(problems, [Problem::at("a.rs", 1, "`[KMS:CreateKeys]` is not in docs/references.md")]);
    }

    #[test]
    fn missing_references_are_a_problem_of_their_own() {
        assert_eq!(check(&Repository::of(&[])).len(), 1);
    }
}
