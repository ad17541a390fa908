//! What cargo knows about the workspace. Does not resolve anything itself.

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
};

/// The direct dependencies of one workspace crate, build and dev dependencies apart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CrateDependencies {
    pub(crate) normal: BTreeSet<String>,
    pub(crate) build: BTreeSet<String>,
    pub(crate) dev: BTreeSet<String>,
    /// Features asked for in what ships, as `crate/feature`.
    pub(crate) shipped_features: BTreeSet<String>,
}

/// Workspace crates by name.
pub(crate) type Workspace = BTreeMap<String, CrateDependencies>;

/// The workspace as `cargo metadata` tells it.
pub(crate) fn workspace(root: &Path) -> Result<Workspace, String> {
    let text = cargo(root, &["metadata", "--format-version", "1", "--no-deps"])?;
    let value: Value = serde_json::from_str(&text).map_err(|error| format!("cargo metadata: {error}"))?;
    Ok(packages(&value))
}

/// The names in `package`'s tree of normal dependencies, features resolved for that package alone.
pub(crate) fn normal_tree(root: &Path, package: &str) -> Result<BTreeSet<String>, String> {
    let tree = ["tree", "--package", package, "--edges", "normal", "--prefix", "none", "--format", "{p}"];
    Ok(tree_names(&cargo(root, &tree)?))
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("cargo").current_dir(root).args(arguments).output();
    let output = output.map_err(|error| format!("cargo does not start: {error}"))?;
    if !output.status.success() {
        let command = arguments.join(" ");
        return Err(format!("`cargo {command}` failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("cargo printed no UTF-8: {error}"))
}

fn packages(metadata: &Value) -> Workspace {
    let packages = metadata.get("packages").and_then(Value::as_array).into_iter().flatten();
    packages.filter_map(|package| Some((text(package, "name")?.to_owned(), dependencies(package)))).collect()
}

fn dependencies(package: &Value) -> CrateDependencies {
    let mut found = CrateDependencies::default();
    for dependency in package.get("dependencies").and_then(Value::as_array).into_iter().flatten() {
        let set = match text(dependency, "kind") {
            Some("dev") => &mut found.dev,
            Some("build") => &mut found.build,
            _ => &mut found.normal,
        };
        set.extend(text(dependency, "name").map(str::to_owned));
        if text(dependency, "kind") != Some("dev") {
            found.shipped_features.extend(features(dependency));
        }
    }
    found
}

fn features(dependency: &Value) -> Vec<String> {
    let name = text(dependency, "name").unwrap_or_default();
    let features = dependency.get("features").and_then(Value::as_array).into_iter().flatten();
    features.filter_map(Value::as_str).map(|feature| format!("{name}/{feature}")).collect()
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member).and_then(Value::as_str)
}

fn tree_names(tree: &str) -> BTreeSet<String> {
    tree.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn dependencies_are_told_apart_by_kind() {
        let metadata = json!({"packages": [{"name": "a", "dependencies": [
            {"name": "b", "kind": null, "features": ["x"]},
            {"name": "c", "kind": "dev", "features": ["y"]}, {"name": "d", "kind": "build"}]}]});
        let found = packages(&metadata);
        let expected = CrateDependencies {
            normal: BTreeSet::from(["b".to_owned()]),
            dev: BTreeSet::from(["c".to_owned()]),
            build: BTreeSet::from(["d".to_owned()]),
            shipped_features: BTreeSet::from(["b/x".to_owned()]),
        };
        assert_eq!(found.get("a"), Some(&expected));
    }

    #[test]
    fn a_tree_is_read_by_the_first_word_of_each_line() {
        let tree = "kms-types v0.1.0 (/src/kms-types)\nserde v1.0.228\n\nserde v1.0.228 (*)\n";
        let expected = BTreeSet::from(["kms-types".to_owned(), "serde".to_owned()]);
        assert_eq!(tree_names(tree), expected);
    }
}
