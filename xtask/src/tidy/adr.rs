//! Decision records: numbered, titled, with a status and the four parts, and listed in the index.
//! Does not judge what they decide.

use crate::{
    problem::Problem,
    repository::{Repository, SourceFile},
};

const FOLDER: &str = "docs/adr/";
const INDEX: &str = "docs/adr/README.md";
const STATUSES: [&str; 4] = ["proposed", "accepted", "rejected", "superseded by"];
const PARTS: [&str; 4] = ["## Context", "## Decision", "## Consequences", "## Alternatives"];

/// Records that lack a part, numbers used twice, and records the index does not list.
pub(crate) fn check(repository: &Repository) -> Vec<Problem> {
    let records: Vec<_> = repository.under(FOLDER, ".md").filter(|file| file.path != INDEX).collect();
    let index = repository.file(INDEX).map_or("", |file| file.text.as_str());
    records.iter().flat_map(|record| of_record(record, index)).chain(doubles(&records)).collect()
}

fn of_record(record: &SourceFile, index: &str) -> Vec<Problem> {
    let name = name(record);
    let mut texts = Vec::new();
    if number(name).is_none() {
        texts.push("is not named `NNNN-title.md`".to_owned());
    }
    if !number(name).is_some_and(|number| record.text.starts_with(&format!("# {number}: "))) {
        texts.push("does not open with `# NNNN: Title`".to_owned());
    }
    if !record.text.lines().any(is_status) {
        texts.push(format!("has no line `Status: ` with one of {}", STATUSES.join(", ")));
    }
    texts.extend(missing_part(&record.text));
    if !index.contains(name) {
        texts.push(format!("is not listed in {INDEX}"));
    }
    texts.into_iter().map(|text| Problem::new(&record.path, text)).collect()
}

fn name(record: &SourceFile) -> &str {
    record.path.strip_prefix(FOLDER).unwrap_or(&record.path)
}

fn number(name: &str) -> Option<&str> {
    let (number, _) = name.split_once('-')?;
    (number.len() == 4 && number.bytes().all(|b| b.is_ascii_digit())).then_some(number)
}

fn is_status(line: &str) -> bool {
    line.strip_prefix("Status: ").is_some_and(|status| STATUSES.iter().any(|known| status.starts_with(known)))
}

/// The first part that is absent or out of order.
fn missing_part(text: &str) -> Option<String> {
    let mut lines = text.lines();
    let missing = PARTS.iter().find(|part| !lines.any(|line| line.trim_end() == **part))?;
    Some(format!("lacks `{missing}`, or has it out of order ({})", PARTS.join(", ")))
}

fn doubles(records: &[&SourceFile]) -> Vec<Problem> {
    let pairs = records.iter().zip(records.iter().skip(1)); // the repository's files are sorted
    let same = pairs.filter(|(a, b)| number(name(a)).is_some() && number(name(a)) == number(name(b)));
    same.map(|(a, b)| Problem::new(&b.path, format!("has the number of {}", a.path))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "# 0001: Logs\n\nStatus: accepted\n\n## Context\n\n## Decision\n\n## Consequences\n\n## Alternatives\n";

    #[test]
    fn a_complete_record_passes() {
        let files = [(INDEX, "- [0001](0001-logs.md)"), ("docs/adr/0001-logs.md", GOOD)];
        assert_eq!(check(&Repository::of(&files)), []);
    }

    #[test]
    fn a_record_without_a_part_a_status_or_a_listing_is_refused() {
        let bad = GOOD.replace("## Consequences\n", "").replace("accepted", "perhaps");
        let problems = check(&Repository::of(&[(INDEX, ""), ("docs/adr/0001-logs.md", &bad)]));
        let texts: Vec<_> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), 3);
        assert!(texts[0].contains("Status: ") && texts[1].contains("`## Consequences`"));
        assert!(texts[2].contains("not listed"));
    }

    #[test]
    fn parts_out_of_order_are_refused() {
        let swapped = "## Decision\n## Context\n## Consequences\n## Alternatives\n";
        assert!(missing_part(swapped).is_some_and(|text| text.contains("`## Decision`")));
    }

    #[test]
    fn two_records_with_one_number_are_refused() {
        let files = [
            (INDEX, "0001-logs.md 0001-more.md"),
            ("docs/adr/0001-logs.md", GOOD),
            ("docs/adr/0001-more.md", GOOD),
        ];
        assert_eq!(check(&Repository::of(&files)).len(), 1);
    }
}
