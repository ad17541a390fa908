//! Which `meridian` program to run: the one that MERIDIAN_BINARY names, else the one that the same `cargo` built, else
//! the one on PATH, else the newest build of the source tree that this crate was compiled from.

use std::{
    cmp::Reverse,
    env,
    path::{Path, PathBuf},
};

use crate::error::Error;

const NAME: &str = "meridian";
const VARIABLE: &str = "MERIDIAN_BINARY";
/// Where this crate lies: in Meridian's source tree, for a dependency by path.
const HERE: &str = env!("CARGO_MANIFEST_DIR");

/// The program. One that was named is never replaced by another.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf, Error> {
    let named = named.map(Path::to_owned).or_else(|| env::var_os(VARIABLE).map(PathBuf::from));
    let candidates = match named {
        Some(path) => vec![path],
        None => built().into_iter().chain(on_path()).chain(of_source_tree()).collect(),
    };
    first(candidates)
}

fn first(candidates: Vec<PathBuf>) -> Result<PathBuf, Error> {
    match candidates.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(Error::NoBinary { looked_at: candidates }),
    }
}

/// A test runs as `target/PROFILE/deps/NAME-HASH`; a binary of the same build is `target/PROFILE/meridian`.
fn built() -> Option<PathBuf> {
    let executable = env::current_exe().ok()?;
    let folder = executable.parent()?;
    let profile = if folder.ends_with("deps") { folder.parent()? } else { folder };
    Some(profile.join(NAME))
}

/// Only what is there: an error that lists every folder of PATH hides what to do.
fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(NAME)).find(|path| path.is_file())
}

/// Meridian's source tree, if this crate was compiled from it and it is still there.
pub(crate) fn source_tree() -> Option<PathBuf> {
    let tree = Path::new(HERE).ancestors().nth(2)?;
    tree.join("crates/meridian").is_dir().then(|| tree.to_owned())
}

/// The builds of the source tree, the newest first; those that do not exist come last, to be named in an error.
fn of_source_tree() -> Vec<PathBuf> {
    let Some(tree) = source_tree() else { return Vec::new() };
    newest_first(["release", "debug"].map(|profile| tree.join("target").join(profile).join(NAME)).to_vec())
}

fn newest_first(mut builds: Vec<PathBuf>) -> Vec<PathBuf> {
    let built = |path: &PathBuf| path.metadata().and_then(|data| data.modified()).ok();
    builds.sort_by_key(|path| Reverse(built(path)));
    builds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_program_that_is_missing_is_an_error_that_says_what_to_do() {
        let error = find(Some(Path::new("/nowhere/meridian"))).unwrap_err().to_string();
        assert!(error.contains("`/nowhere/meridian`") && error.contains("MERIDIAN_BINARY"), "{error}");
    }

    #[test]
    fn the_first_that_exists_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&two, "").unwrap();
        assert_eq!(first(vec![one, two.clone()]).unwrap(), two);
    }

    #[test]
    fn the_newest_build_of_the_source_tree_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        let (old, new, none) =
            (folder.path().join("old"), folder.path().join("new"), folder.path().join("none"));
        std::fs::write(&new, "").unwrap();
        let file = std::fs::File::create(&old).unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(newest_first(vec![none.clone(), old.clone(), new.clone()]), [new, old, none]);
        assert!(of_source_tree().iter().all(|build| build.ends_with(NAME)));
    }

    #[test]
    fn a_build_is_looked_for_beside_the_tests() {
        let expected = env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("meridian");
        assert_eq!(built(), Some(expected));
    }
}
