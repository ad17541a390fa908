//! What a command can fail with, in words for the person who typed it. Carries values; says nothing about HTTP.

use kms_types::{NodeId, Region};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Why a command ended without doing what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A file or directory cannot be used.
    #[error("cannot {action} `{}`", path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A file does not parse.
    #[error("`{}` is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The data directory was written by another version of this program.
    #[error("`{}` has version {found}, this program reads version {known}", path.display())]
    UnknownVersion {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: u32,
        /// What this program writes.
        known: u32,
    },
    /// The directory is in use for something else.
    #[error("`{}` is not empty and holds no cluster: choose another --data-dir or empty it", .0.display())]
    NotACluster(PathBuf),
    /// A new cluster was to be made where one is.
    #[error("`{}` already holds a cluster: choose another --data-dir", .0.display())]
    HoldsCluster(PathBuf),
    /// There is no cluster in the directory.
    #[error("no local cluster in `{}`: run `meridian local up` there, or name its directory with --data-dir", .0.display())]
    NoCluster(PathBuf),
    /// The cluster's supervisor does not run.
    #[error("the local cluster in `{}` is not running: start it with `meridian local up`", .0.display())]
    NotRunning(PathBuf),
    /// Another supervisor owns the directory.
    #[error("the local cluster in `{}` is already running: `meridian local status` shows it, `meridian local down` stops it", .0.display())]
    AlreadyRunning(PathBuf),
    /// A port is in use by another program.
    #[error("port {port} ({what}) is taken by another program: free it, or {remedy}")]
    PortTaken {
        /// The port.
        port: u16,
        /// Who needs it.
        what: String,
        /// What else can be done.
        remedy: &'static str,
    },
    /// No block of free ports was found.
    #[error("no {0} free ports in a row: name a base with --port")]
    NoFreePorts(u16),
    /// An existing cluster was asked to be another one.
    #[error("the cluster in `{}` has {has}, not {asked}: leave the flag out, use another --data-dir, or `meridian local down --wipe` first", dir.display())]
    Differs {
        /// The data directory.
        dir: PathBuf,
        /// What the cluster is.
        has: String,
        /// What the flags say.
        asked: String,
    },
    /// Flags that contradict each other.
    #[error("{0}")]
    Usage(String),
    /// A node ended before it served.
    #[error("node {id} of `{region}` failed to start ({exit}); end of its log, `{}`:\n{tail}", log.display())]
    NodeFailed {
        /// Its Region.
        region: Region,
        /// Its number.
        id: NodeId,
        /// How it ended.
        exit: String,
        /// Its log file.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// Some nodes did not serve in time.
    #[error("not serving after {seconds} s: {nodes}; their logs are under `{}` (`meridian local logs`)", dir.display())]
    NotServing {
        /// How long was waited.
        seconds: u64,
        /// Which nodes.
        nodes: String,
        /// The data directory.
        dir: PathBuf,
    },
    /// The supervisor ended before the cluster served.
    #[error("the supervisor ended; end of its log, `{}`:\n{tail}", log.display())]
    SupervisorFailed {
        /// Its log file.
        log: PathBuf,
        /// The log's last lines.
        tail: String,
    },
    /// The supervisor refused a request.
    #[error("{0}")]
    Refused(String),
    /// No node answered an operator's request.
    #[error("{0}")]
    Admin(String),
    /// A key, certificate or file of the cluster cannot be made.
    #[error("cannot create {what}: {why}")]
    Create {
        /// Which.
        what: String,
        /// Why.
        why: String,
    },
    /// A drill ended with checks that did not hold; its report has been printed.
    #[error("{0} of the drill's checks did not hold")]
    DrillFailed(usize),
    /// A step of a drill could not be done, or not in time.
    #[error("{0}")]
    StepFailed(String),
    /// A file is no drill.
    #[error("`{name}` is no drill: {source}")]
    NotADrill {
        /// The file or the name.
        name: String,
        /// Why.
        source: crate::drill::definition::DefinitionError,
    },
    /// The drill could not be carried out to its end.
    #[error("the drill stopped: {0}")]
    DrillStopped(String),
    /// The benchmark could not be carried out.
    #[error("the benchmark stopped: {0}")]
    Bench(String),
    /// A signal ended the command.
    #[error("interrupted")]
    Interrupted,
    /// The node could not run.
    #[error(transparent)]
    Server(Box<dyn std::error::Error + Send + Sync>),
}

/// For `map_err`: names the action and the file of an input or output error.
pub fn io_error<'a>(action: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Failure + 'a {
    move |source| Failure::Io { action, path: path.to_owned(), source }
}

impl Failure {
    /// The message with every cause behind it, on one line per cause.
    pub fn explain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
    }
}
