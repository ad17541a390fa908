//! The repository's own text files, read once. Does not look into `target` or anything git ignores.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

/// One text file, by its path from the root with `/` between the parts.
#[derive(Debug, Clone)]
pub(crate) struct SourceFile {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every text file that is tracked, or would be.
#[derive(Debug, Clone)]
pub(crate) struct Repository {
    pub(crate) root: PathBuf,
    pub(crate) files: Vec<SourceFile>,
}

impl Repository {
    /// Reads the repository at `root`.
    pub(crate) fn read(root: &Path) -> io::Result<Self> {
        let mut paths = listed_by_git(root).map_or_else(|| walk(root), Ok)?;
        paths.sort();
        let files = paths.into_iter().filter_map(|path| {
            let text = fs::read_to_string(root.join(&path)).ok()?; // deleted or not text: nothing to check
            Some(SourceFile { path, text })
        });
        Ok(Self { root: root.to_path_buf(), files: files.collect() })
    }

    /// The file at `path`.
    pub(crate) fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.iter().find(|file| file.path == path)
    }

    /// Files whose path starts with `prefix` and ends with `suffix`.
    pub(crate) fn under<'a>(
        &'a self,
        prefix: &'a str,
        suffix: &'a str,
    ) -> impl Iterator<Item = &'a SourceFile> {
        self.files.iter().filter(move |file| file.path.starts_with(prefix) && file.path.ends_with(suffix))
    }
}

fn listed_by_git(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").arg("-C").arg(root).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
    Some(text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

/// For a source archive, where git has no list.
fn walk(root: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            let path = entry.path();
            match entry.file_type()?.is_dir() {
                true if is_generated(&entry.file_name().to_string_lossy()) => {}
                true => folders.push(path),
                false => found.extend(path.strip_prefix(root).ok().map(|p| p.to_string_lossy().into_owned())),
            }
        }
    }
    Ok(found)
}

fn is_generated(folder: &str) -> bool {
    matches!(folder, "target" | ".git" | ".venv" | ".meridian" | "store" | "__pycache__" | ".pytest_cache")
}

#[cfg(test)]
impl Repository {
    /// A repository of these files only, for tests of the checks.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| SourceFile { path: (*path).into(), text: (*text).into() };
        Self { root: PathBuf::from("."), files: files.iter().map(file).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_read_with_forward_slashes_and_without_its_target() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let repository = Repository::read(root).unwrap();
        assert!(repository.file("xtask/src/repository.rs").is_some());
        assert!(repository.files.iter().all(|file| !file.path.starts_with("target/")));
    }

    #[test]
    fn without_git_the_walk_finds_the_same_manifests() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        assert!(walk(root).unwrap().contains(&"Cargo.toml".to_owned()));
    }
}
