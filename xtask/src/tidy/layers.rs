//! Which crate may use which: the list in ARCHITECTURE.md, as a table.
//!
//! Dependencies point from the shells to the core, never back, and three libraries stay where replacing them
//! remains a local decision. Dev-dependencies are free, except that the core's tests stay in the core.

use crate::{
    metadata::{CrateDependencies, Workspace},
    problem::Problem,
};

/// A crate and the workspace crates it may use.
struct Layer {
    name: &'static str,
    may_use: &'static [&'static str],
}

const fn layer(name: &'static str, may_use: &'static [&'static str]) -> Layer {
    Layer { name, may_use }
}

/// The core, in order: no clock, no randomness, no files, no sockets, no async.
pub(crate) const CORE: [&str; 6] =
    ["kms-types", "kms-crypto", "kms-policy", "kms-state", "kms-region", "kms-ops"];

/// Every crate of the workspace. `kms-transport` carries proposals, so it knows the state's types; `kms-node` is
/// the service that takes kms-http's `Authenticated` and writes the audit record, so it knows both.
const LAYERS: &[Layer] = &[
    layer("kms-types", &[]),
    layer("kms-crypto", &["kms-types"]),
    layer("kms-policy", &["kms-types"]),
    layer("kms-state", &["kms-types", "kms-crypto", "kms-policy"]),
    layer("kms-region", &["kms-types", "kms-crypto", "kms-state"]),
    layer("kms-ops", &["kms-types", "kms-crypto", "kms-policy", "kms-state"]),
    layer("kms-raft", &["kms-types", "kms-state"]),
    layer("kms-transport", &["kms-types", "kms-state", "kms-region", "kms-raft"]),
    layer("kms-http", &["kms-types", "kms-ops"]),
    layer("kms-audit", &["kms-types"]),
    layer("kms-rootkey", &["kms-types", "kms-crypto"]),
    layer(
        "kms-node",
        &[
            "kms-types",
            "kms-crypto",
            "kms-policy",
            "kms-state",
            "kms-region",
            "kms-ops",
            "kms-raft",
            "kms-transport",
            "kms-http",
            "kms-audit",
            "kms-rootkey",
        ],
    ),
    layer(
        "meridian",
        &[
            "kms-types",
            "kms-crypto",
            "kms-policy",
            "kms-state",
            "kms-region",
            "kms-ops",
            "kms-raft",
            "kms-transport",
            "kms-http",
            "kms-audit",
            "kms-rootkey",
            "kms-node",
        ],
    ),
    layer("meridian-testkit", &[]),
    layer(
        "kms-sim",
        &[
            "kms-types",
            "kms-crypto",
            "kms-policy",
            "kms-state",
            "kms-region",
            "kms-ops",
            "kms-raft",
            "kms-transport",
            "kms-node",
        ],
    ),
    layer("kms-model", &["kms-types", "kms-crypto", "kms-state", "kms-region"]),
    layer("xtask", &[]),
];

/// Libraries with a few homes only.
const HOMES: &[(&str, &[&str])] = &[
    ("sled", &["kms-raft"]),
    ("openraft", &["kms-raft", "kms-transport", "kms-node", "kms-sim"]),
    ("tonic", &["kms-transport"]),
];

/// Features for tests, which nothing that ships may ask for.
const TEST_FEATURES: [&str; 7] = [
    "kms-crypto/reveal-material",
    "kms-state/seeded-bugs",
    "kms-region/seeded-bugs",
    "kms-raft/seeded-bugs",
    "kms-raft/simulation",
    "kms-node/seeded-bugs",
    "kms-node/simulation",
];

/// Ships nothing, and simulates.
const SIMULATION: &str = "kms-sim";

/// Crates that are not in the table, edges that point down it, libraries away from home.
pub(crate) fn check(workspace: &Workspace) -> Vec<Problem> {
    workspace.iter().flat_map(|(name, used)| of_crate(name, used, workspace)).collect()
}

fn of_crate(name: &str, used: &CrateDependencies, workspace: &Workspace) -> Vec<Problem> {
    let Some(layer) = LAYERS.iter().find(|layer| layer.name == name) else {
        return vec![Problem::new(name, "not in the crate list: add it to `LAYERS` and to ARCHITECTURE.md")];
    };
    let shipped = used.normal.union(&used.build);
    let ours = shipped.clone().filter(|other| workspace.contains_key(*other));
    let down = ours.filter(|other| !layer.may_use.contains(&other.as_str()));
    let lost = shipped.filter(|library| !may_hold(name, library));
    let tests = used.dev.iter().filter(|other| CORE.contains(&name) && is_shell(other, workspace));
    let down = down.chain(tests).map(|other| Problem::new(name, format!("must not use `{other}`")));
    let lost = lost.map(|library| Problem::new(name, format!("`{library}` belongs to {}", homes(library))));
    let hooks = used.shipped_features.iter().filter(|feature| TEST_FEATURES.contains(&feature.as_str()));
    let hooks = hooks.filter(|_| name != SIMULATION);
    let hooks = hooks.map(|feature| Problem::new(name, format!("ships `{feature}`, which is for tests")));
    down.chain(lost).chain(hooks).collect()
}

fn is_shell(name: &str, workspace: &Workspace) -> bool {
    workspace.contains_key(name) && !CORE.contains(&name)
}

fn may_hold(name: &str, library: &str) -> bool {
    HOMES.iter().filter(|(held, _)| *held == library).all(|(_, homes)| homes.contains(&name))
}

fn homes(library: &str) -> String {
    let homes = HOMES.iter().filter(|(held, _)| *held == library);
    homes.map(|(_, homes)| homes.join(", ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn workspace(crates: &[(&str, &[&str])]) -> Workspace {
        let normal = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
        let entry = |(name, used): &(&str, &[&str])| {
            ((*name).to_owned(), CrateDependencies { normal: normal(used), ..CrateDependencies::default() })
        };
        crates.iter().map(entry).collect()
    }

    fn found(crates: &[(&str, &[&str])]) -> Vec<String> {
        check(&workspace(crates)).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn dependencies_up_the_list_pass() {
        assert_eq!(found(&[("kms-types", &["serde"]), ("kms-crypto", &["kms-types", "sha2"])]), [""; 0]);
    }

    #[test]
    fn a_dependency_down_the_list_is_refused() {
        let crates: &[(&str, &[&str])] = &[("kms-types", &["kms-state"]), ("kms-state", &[])];
        assert_eq!(found(crates), ["kms-types: must not use `kms-state`"]);
    }

    #[test]
    fn a_crate_outside_the_list_is_refused() {
        assert!(found(&[("kms-extra", &[])]).concat().contains("not in the crate list"));
    }

    #[test]
    fn a_storage_engine_outside_its_home_is_refused() {
        assert_eq!(found(&[("kms-node", &["sled"])]), ["kms-node: `sled` belongs to kms-raft"]);
        assert_eq!(found(&[("kms-raft", &["sled"])]), [""; 0]);
    }

    #[test]
    fn a_shell_in_the_tests_of_the_core_is_refused() {
        let mut crates = workspace(&[("kms-ops", &[]), ("kms-node", &[])]);
        crates.get_mut("kms-ops").unwrap().dev.insert("kms-node".to_owned());
        assert_eq!(check(&crates), [Problem::new("kms-ops", "must not use `kms-node`")]);
    }

    #[test]
    fn a_test_hook_in_what_ships_is_refused() {
        let mut crates = workspace(&[("meridian", &["kms-crypto"]), ("kms-crypto", &[])]);
        crates.get_mut("meridian").unwrap().shipped_features.insert("kms-crypto/reveal-material".to_owned());
        assert_eq!(check(&crates).len(), 1);
    }

    #[test]
    fn the_table_itself_points_up() {
        let position = |name: &str| LAYERS.iter().position(|layer| layer.name == name);
        let up = |layer: &Layer| layer.may_use.iter().all(|used| position(used) < position(layer.name));
        assert!(LAYERS.iter().all(up));
    }
}
