//! Which `meridian` program to run: the one that MERIDIAN_BINARY names, else the one that the same `cargo` built, else
//! the one on PATH.

use std::{
    env,
    path::{Path, PathBuf},
};

use crate::error::Error;

const NAME: &str = "meridian";
const VARIABLE: &str = "MERIDIAN_BINARY";

/// The program. One that was named is never replaced by another.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf, Error> {
    let named = named.map(Path::to_owned).or_else(|| env::var_os(VARIABLE).map(PathBuf::from));
    let candidates = match named {
        Some(path) => vec![path],
        None => built().into_iter().chain(on_path()).collect(),
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

fn on_path() -> Vec<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).map(|folder| folder.join(NAME)).collect()
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
    fn a_build_is_looked_for_beside_the_tests() {
        let expected = env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("meridian");
        assert_eq!(built(), Some(expected));
    }
}
