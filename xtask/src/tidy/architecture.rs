//! ARCHITECTURE.md names every crate of the workspace. Does not check what it says about them.

use crate::{metadata::Workspace, problem::Problem, repository::Repository};

const MAP: &str = "ARCHITECTURE.md";

/// Crates the map leaves out.
pub(crate) fn check(repository: &Repository, workspace: &Workspace) -> Vec<Problem> {
    let Some(map) = repository.file(MAP) else {
        return vec![Problem::new(MAP, "missing")];
    };
    let absent = workspace.keys().filter(|name| !names(&map.text, name));
    absent.map(|name| Problem::new(MAP, format!("does not name the crate `{name}`"))).collect()
}

/// Whether `name` stands in `text` as a word of its own, so that `kms-raft-x` does not name `kms-raft`.
fn names(text: &str, name: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-')).any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::CrateDependencies;

    #[test]
    fn a_crate_that_the_map_leaves_out_is_found() {
        let names = ["kms-raft", "meridian"];
        let workspace = names.map(|name| (name.to_owned(), CrateDependencies::default())).into();
        let repository = Repository::of(&[(MAP, "`meridian` is the binary; kms-raft-tools is not ours")]);
        assert_eq!(check(&repository, &workspace), [Problem::new(MAP, "does not name the crate `kms-raft`")]);
    }
}
