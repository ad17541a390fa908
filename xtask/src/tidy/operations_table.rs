//! docs/spec/operations.md has one row for each operation of the API, in `Operation`'s own order.
//! What a row claims is checked against a running server by tests/e2e/test_operations.py.

use crate::{problem::Problem, repository::Repository};

const TABLE: &str = "docs/spec/operations.md";
const OPERATIONS: &str = "crates/kms-types/src/operation.rs";

/// Operations without a row, and rows without an operation.
pub(crate) fn check(repository: &Repository) -> Vec<Problem> {
    let (Some(table), Some(source)) = (repository.file(TABLE), repository.file(OPERATIONS)) else {
        return vec![Problem::new(TABLE, format!("missing, or {OPERATIONS} is"))];
    };
    let (rows, names) = (rows(&table.text), names(&source.text));
    let absent =
        names.iter().filter(|name| !rows.contains(name)).map(|name| format!("has no row for `{name}`"));
    let extra = rows.iter().filter(|row| !names.contains(row)).map(|row| format!("`{row}` is no operation"));
    let mut found: Vec<_> = absent.chain(extra).collect();
    if found.is_empty() && rows != names {
        found.push("rows are doubled or out of order".to_owned());
    }
    found.into_iter().map(|text| Problem::new(TABLE, text)).collect()
}

/// The first cells of the rows below the heading `Operation`.
fn rows(table: &str) -> Vec<&str> {
    let rows = table.lines().skip_while(|line| !line.starts_with("| Operation |")).skip(2);
    rows.map_while(|line| Some(line.strip_prefix("| ")?.split_once(" |")?.0)).collect()
}

/// The names inside the `operations! { .. }` invocation.
fn names(source: &str) -> Vec<&str> {
    let list = source.split_once("\noperations! {").and_then(|(_, rest)| rest.split_once('}'));
    let names = list.map_or("", |(names, _)| names).split(',').map(str::trim);
    names.filter(|name| !name.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str =
        "macro_rules! operations { () => {} }\n\noperations! {\n    CreateKey, Encrypt,\n}\n";

    fn found(table: &str) -> Vec<String> {
        let repository = Repository::of(&[(TABLE, table), (OPERATIONS, SOURCE)]);
        check(&repository).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn one_row_for_each_operation_passes() {
        assert_eq!(
            found("# Title\n\n| Operation | |\n|---|---|\n| CreateKey | yes |\n| Encrypt | yes |\n"),
            [""; 0]
        );
    }

    #[test]
    fn absent_unknown_and_disordered_rows_are_found() {
        let table = |rows: &str| found(&format!("| Operation | |\n|---|---|\n{rows}")).concat();
        assert!(table("| CreateKey | yes |\n").contains("no row for `Encrypt`"));
        assert!(table("| CreateKey | |\n| Encrypt | |\n| Sing | |\n").contains("`Sing` is no operation"));
        assert!(table("| Encrypt | |\n| CreateKey | |\n").contains("out of order"));
    }
}
