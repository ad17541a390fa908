//! The core's promise, proven from its dependency trees: nothing in them can read a clock of the system, draw
//! randomness, open a file or a socket, or run a task.

use super::layers::CORE;
use crate::{metadata, problem::Problem};
use std::{collections::BTreeSet, path::Path};

/// Crates that bring what the core must not have; `getrandom` stands for every OS randomness of `rand`.
const FORBIDDEN: [&str; 14] = [
    "tokio",
    "mio",
    "socket2",
    "async-std",
    "smol",
    "futures-timer",
    "sled",
    "memmap2",
    "getrandom",
    "fastrand",
    "openraft",
    "tonic",
    "hyper",
    "rustls",
];

/// Asks cargo for each core crate's tree of normal dependencies.
pub(crate) fn check(root: &Path) -> Result<Vec<Problem>, String> {
    let trees = CORE.iter().map(|name| Ok((name, metadata::normal_tree(root, name)?)));
    let trees = trees.collect::<Result<Vec<_>, String>>()?;
    Ok(trees.into_iter().flat_map(|(name, tree)| of_tree(name, &tree)).collect())
}

fn of_tree(name: &str, tree: &BTreeSet<String>) -> Vec<Problem> {
    let found = FORBIDDEN.iter().filter(|forbidden| tree.contains(**forbidden));
    let text =
        |found| format!("`{found}` is in its dependency tree: `cargo tree -p {name} -e normal -i {found}`");
    found.map(|found| Problem::new(name, text(found))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn os_randomness_in_a_tree_is_refused() {
        let tree = BTreeSet::from(["serde".to_owned(), "getrandom".to_owned()]);
        let problems = of_tree("kms-state", &tree);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].to_string().contains("`getrandom` is in its dependency tree"));
    }

    #[test]
    fn a_tree_of_data_and_arithmetic_passes() {
        let tree = BTreeSet::from(["serde".to_owned(), "sha2".to_owned(), "rand_core".to_owned()]);
        assert_eq!(of_tree("kms-state", &tree), []);
    }
}
