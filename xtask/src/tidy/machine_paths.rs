//! No file names a place that exists on one developer's machine only.

use crate::{
    problem::Problem,
    repository::{Repository, SourceFile},
};

/// This file holds the patterns themselves.
const THIS_FILE: &str = "xtask/src/tidy/machine_paths.rs";
const HOMES: [&str; 4] = ["/root/", "/home/", "/Users/", "/work/"];

/// Lines that hold somebody's home directory or the place of this checkout.
pub(crate) fn check(repository: &Repository) -> Vec<Problem> {
    let root = repository.root.to_string_lossy();
    let files = repository.files.iter().filter(|file| file.path != THIS_FILE);
    files.flat_map(|file| of_file(file, &root)).collect()
}

fn of_file(file: &SourceFile, root: &str) -> Vec<Problem> {
    let lines = file.text.lines().enumerate();
    let found = lines.filter_map(|(at, line)| Some((at, machine_path(line, root)?)));
    found
        .map(|(at, path)| Problem::at(&file.path, at + 1, format!("`{path}` is a path of one machine")))
        .collect()
}

fn machine_path<'a>(line: &str, root: &'a str) -> Option<&'a str> {
    let checkout = Some(root).filter(|root| root.len() > 1 && line.contains(*root));
    checkout.or_else(|| HOMES.into_iter().find(|home| starts_a_path(line, home)))
}

/// Whether `home` starts a path: `"/root/x` does, `target/root/x` does not.
fn starts_a_path(line: &str, home: &str) -> bool {
    let inside = |c: char| c.is_ascii_alphanumeric() || "/._-}>)".contains(c);
    line.match_indices(home).any(|(at, _)| !line.get(..at).is_some_and(|before| before.ends_with(inside)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_directories_and_the_checkout_are_found() {
        assert_eq!(machine_path("see \"/root/x\"", "/src"), Some("/root/"));
        assert_eq!(machine_path("cd /home/ada/x", "/src"), Some("/home/"));
        assert_eq!(machine_path("at /src/a.rs", "/src"), Some("/src"));
    }

    #[test]
    fn paths_inside_the_tree_pass() {
        assert_eq!(machine_path("target/root/a, $DIR/work/b, ./home/c", "/src"), None);
        assert_eq!(machine_path("/var/lib/meridian", "."), None);
    }
}
