//! Where reports go: `STORE/<drill>/<UTC time>/`, with `latest` beside it. Keeps every run.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use crate::{
    clock,
    failure::{Failure, io_error},
};

/// The directory of one run.
#[derive(Debug, Clone)]
pub struct RunDir(PathBuf);

impl RunDir {
    /// Makes a new directory for a run of `drill` that starts now.
    pub fn create(store: &Path, drill: &str) -> Result<Self, Failure> {
        let parent = std::path::absolute(store.join(drill)).map_err(io_error("resolve", store))?;
        fs::create_dir_all(&parent).map_err(io_error("create", &parent))?;
        let name = clock::now().format("%Y-%m-%dT%H-%M-%SZ");
        // Two runs may start within a second.
        let names = std::iter::once(name.clone()).chain((2..100).map(|n| format!("{name}-{n}")));
        for path in names.map(|name| parent.join(name)) {
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(source) => return Err(io_error("create", &path)(source)),
            }
        }
        Err(Failure::NotACluster(parent))
    }

    /// A directory in this one, for one run of many.
    pub fn inner(&self, name: &str) -> Result<Self, Failure> {
        let path = self.0.join(name);
        fs::create_dir(&path).map_err(io_error("create", &path))?;
        Ok(Self(path))
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a file of the report.
    pub fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.0.join(name);
        fs::write(&path, text).map_err(io_error("write", &path))?;
        Ok(path)
    }

    /// Points `latest` here, in one step for whoever reads it.
    pub fn link_latest(&self) -> Result<(), Failure> {
        let (Some(parent), Some(name)) = (self.0.parent(), self.0.file_name()) else { return Ok(()) };
        let (latest, aside) = (parent.join("latest"), parent.join(".latest.tmp"));
        let _ = fs::remove_file(&aside);
        let linked = symlink(name, &aside).and_then(|()| fs::rename(&aside, &latest));
        linked.map_err(io_error("link", &latest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latest_follows_the_newest_run() {
        let store = tempfile::tempdir().unwrap();
        for round in ["first", "second"] {
            let run = RunDir::create(store.path(), "region-loss").unwrap();
            run.write("report.json", round).unwrap();
            run.link_latest().unwrap();
            let read = fs::read_to_string(store.path().join("region-loss/latest/report.json")).unwrap();
            assert_eq!(read, round);
        }
    }
}
