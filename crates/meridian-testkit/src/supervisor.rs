//! The process that owns a cluster's nodes: `meridian local up` as a child of the test.
//!
//! Its standard input is a pipe from this process. However this process ends, that pipe ends with it, the supervisor
//! kills its nodes, deletes their data and goes: no orphan is left by a panic, an abort, or a SIGKILL.

use serde::Deserialize;
use std::{
    collections::VecDeque,
    env,
    ffi::OsString,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tempfile::TempDir;

use crate::error::{Error, io_error};

/// Set to anything, it keeps the directory of every cluster, with the nodes' logs, and prints where.
const KEEP: &str = "MERIDIAN_TESTKIT_KEEP";
/// Nodes are killed, not asked, so this is an upper bound for a machine that is very busy.
const END_LIMIT: Duration = Duration::from_secs(30);
const END_POLL: Duration = Duration::from_millis(5);
const KEPT_LINES: usize = 200;

/// A running supervisor. Dropping it ends the cluster and waits until nothing of it is left.
pub(crate) struct Supervisor {
    /// The program.
    pub(crate) binary: PathBuf,
    child: Child,
    stdin: Option<ChildStdin>,
    errors: Errors,
    dir: Option<TempDir>,
    data_dir: PathBuf,
}

/// What `local up --json` prints once every Region serves.
#[derive(Debug, Deserialize)]
pub(crate) struct Announced {
    /// The endpoint that serves all Regions.
    pub(crate) endpoint: String,
}

impl Supervisor {
    /// Starts a new cluster of the shape in `arguments`; returns when it serves.
    pub(crate) fn start(
        binary: &Path,
        arguments: &[String],
        environment: &[(OsString, OsString)],
    ) -> Result<(Self, Announced), Error> {
        let dir = tempfile::Builder::new().prefix("meridian-").tempdir();
        let dir = dir.map_err(io_error("make a temporary directory"))?;
        let keep = env::var_os(KEEP).is_some();
        let mut command = Command::new(binary);
        command.args(["local", "up", "--json", "--stop-on-stdin-eof", "--data-dir"]).arg(dir.path());
        command.args(if keep { &[] } else { &["--wipe"][..] }).args(arguments);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let action = || format!("run `{}`", binary.display());
        let mut child = command.spawn().map_err(io_error(action()))?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let mut supervisor = Self {
            binary: binary.to_owned(),
            child,
            stdin,
            errors: Errors::collect(stderr),
            data_dir: dir.path().to_owned(),
            dir: if keep { kept(dir) } else { Some(dir) },
        };
        let announced = supervisor.announced(stdout)?;
        Ok((supervisor, announced))
    }

    /// The cluster's directory.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// One line of JSON, or the end of a program that could not do it.
    fn announced(&mut self, stdout: Option<ChildStdout>) -> Result<Announced, Error> {
        let mut line = String::new();
        let read = stdout.map(|stdout| BufReader::new(stdout).read_line(&mut line)).transpose();
        read.map_err(io_error("read what `meridian local up` prints"))?;
        if line.is_empty() {
            let _ = self.child.wait();
            return Err(Error::NotStarted { output: self.errors.all() });
        }
        serde_json::from_str(&line).map_err(|error| Error::Unreadable {
            arguments: "local up --json".to_owned(),
            why: error.to_string(),
        })
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Supervisor {
    fn drop(&mut self) {
        self.stdin = None;
        let deadline = Instant::now() + END_LIMIT;
        while !self.has_ended() && Instant::now() < deadline {
            std::thread::sleep(END_POLL);
        }
        if !self.has_ended() {
            eprintln!("meridian-testkit: the cluster did not end within {END_LIMIT:?}: killed");
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
        // What the supervisor has not deleted, if it died early.
        self.dir = None;
    }
}

fn kept(dir: TempDir) -> Option<TempDir> {
    eprintln!("meridian-testkit: keeps `{}`", dir.keep().display());
    None
}

/// The last lines of what the supervisor writes to standard error.
struct Errors {
    lines: Arc<Mutex<VecDeque<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl Errors {
    fn collect(stderr: Option<ChildStderr>) -> Self {
        let lines: Arc<Mutex<VecDeque<String>>> = Arc::default();
        let written = lines.clone();
        let reader = stderr.map(|stderr| std::thread::spawn(move || keep_last(stderr, &written)));
        Self { lines, reader }
    }

    /// Everything, after the process has ended.
    fn all(&mut self) -> String {
        let _ = self.reader.take().map(JoinHandle::join);
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

fn keep_last(stderr: impl Read, lines: &Mutex<VecDeque<String>>) {
    for line in BufReader::new(stderr).lines().map_while(Result::ok) {
        let mut lines = lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == KEPT_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_lines_are_kept() {
        let text: String = (0..KEPT_LINES + 2).map(|n| format!("{n}\n")).collect();
        let lines = Mutex::default();
        keep_last(text.as_bytes(), &lines);
        let lines = lines.into_inner().unwrap();
        assert_eq!((lines.len(), lines[0].as_str()), (KEPT_LINES, "2"));
    }

    #[test]
    fn a_program_that_is_not_meridian_is_an_error_and_leaves_nothing() {
        let error = Supervisor::start(Path::new("/bin/false"), &[], &[]).err().unwrap();
        assert!(matches!(error, Error::NotStarted { .. }), "{error}");
        let error = Supervisor::start(Path::new("/bin/echo"), &[], &[]).err().unwrap();
        assert!(matches!(error, Error::Unreadable { .. }), "{error}");
    }
}
