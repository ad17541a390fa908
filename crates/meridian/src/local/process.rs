//! One node as a child process: started, signalled, waited for. Decides nothing about when.

use kms_node::disturbance::Disturbance;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};
use tokio::{
    io::AsyncWriteExt,
    process::{Child, ChildStderr, ChildStdin, Command},
    sync::mpsc,
};

use crate::{
    clock::now,
    failure::{Failure, io_error},
    local::{
        generate::private_dir,
        layout::{DataDir, NodeKey},
        supervisor::Event,
    },
};

/// A log larger than this is set aside when its node starts again.
const LOG_BYTES: u64 = 64 << 20;

/// Begins the part of a log that one process wrote.
const START_MARK: &str = "== start of node ";

/// A running child. Its standard input ends when this program does, however it ends, and then the child stops.
pub struct NodeProcess {
    /// Its process id.
    pub pid: u32,
    orders: mpsc::UnboundedSender<Order>,
}

/// What is done to a running child.
enum Order {
    Signal(Signal),
    /// A line for its standard input.
    Tell(String),
}

/// What starts nodes.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// The binary with the `server` subcommand.
    pub program: PathBuf,
    /// Whose nodes.
    pub dir: DataDir,
}

impl Launcher {
    /// Starts `node`; its end is reported as an event of `generation`.
    pub fn spawn(
        &self,
        node: &NodeKey,
        disturbance: &Disturbance,
        generation: u64,
        events: mpsc::UnboundedSender<Event>,
    ) -> Result<NodeProcess, Failure> {
        let path = self.dir.node_log(node);
        let mut log = open_log(&path)?;
        writeln!(log, "{START_MARK}{node} at {}", now().to_rfc3339()).map_err(io_error("write", &path))?;
        let mut command = self.command(node, &log)?;
        if *disturbance != Disturbance::default() {
            command.arg("--disturbance").arg(line(disturbance));
        }
        let mut child = command.spawn().map_err(io_error("run", &self.program))?;
        let (pid, stdin, stderr) = (child.id().unwrap_or(0), child.stdin.take(), child.stderr.take());
        let pid_file = self.dir.node_pid(node);
        fs::write(&pid_file, pid.to_string()).map_err(io_error("write", &pid_file))?;
        let (orders, received) = mpsc::unbounded_channel();
        let node = node.clone();
        tokio::spawn(async move {
            let attended = attend(child, stdin, received);
            let (status, ()) = tokio::join!(attended, keep(stderr, log));
            let _ = fs::remove_file(&pid_file);
            let _ = events.send(Event::Exited { node, generation, status });
        });
        Ok(NodeProcess { pid, orders })
    }

    fn command(&self, node: &NodeKey, log: &File) -> Result<Command, Failure> {
        let path = self.dir.node_log(node);
        let output = log.try_clone().map_err(io_error("open", &path))?;
        let mut command = Command::new(&self.program);
        command
            .args(["server", "--stop-on-stdin-eof", "--config"])
            .arg(self.dir.node_config(node))
            .stdin(Stdio::piped())
            .stdout(output)
            // Not a file of the node: it must be able to say that its disk is full.
            .stderr(Stdio::piped())
            // Its own group: a Ctrl-C at the terminal reaches the supervisor alone, which then stops nodes in order.
            .process_group(0)
            .kill_on_drop(true);
        Ok(command)
    }
}

impl NodeProcess {
    /// Sends `signal`, unless the child has ended.
    pub fn signal(&self, signal: Signal) {
        let _ = self.orders.send(Order::Signal(signal));
    }

    /// Tells it what is wrong with it from now on, unless it has ended.
    pub fn tell(&self, disturbance: &Disturbance) {
        let _ = self.orders.send(Order::Tell(line(disturbance)));
    }
}

/// Waits for the child and passes signals on. Only this task reaps it, so no signal can reach a reused process id.
async fn attend(
    mut child: Child,
    mut stdin: Option<ChildStdin>,
    mut orders: mpsc::UnboundedReceiver<Order>,
) -> io::Result<ExitStatus> {
    let pid = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    let status = loop {
        tokio::select! {
            biased;
            status = child.wait() => break status,
            Some(order) = orders.recv() => match order {
                Order::Signal(signal) => {
                    if let Some(Err(error)) = pid.map(|pid| kill_process(pid, signal)) {
                        tracing::warn!(%error, "cannot signal a node");
                    }
                }
                Order::Tell(line) => tell(stdin.as_mut(), &line).await,
            }
        }
    };
    drop(stdin);
    status
}

/// A paused child reads later; the pipe holds many lines.
async fn tell(stdin: Option<&mut ChildStdin>, line: &str) {
    let Some(stdin) = stdin else { return };
    if let Err(error) = stdin.write_all(format!("{line}\n").as_bytes()).await {
        tracing::warn!(%error, "cannot tell a node what is wrong with it");
    }
}

/// Writes what a child says into its log, until it has ended.
async fn keep(stderr: Option<ChildStderr>, log: File) {
    let Some(mut stderr) = stderr else { return };
    if let Err(error) = tokio::io::copy(&mut stderr, &mut tokio::fs::File::from_std(log)).await {
        tracing::warn!(%error, "cannot write the log of a node");
    }
}

fn line(disturbance: &Disturbance) -> String {
    serde_json::to_string(disturbance).unwrap_or_default()
}

fn open_log(path: &Path) -> Result<File, Failure> {
    if let Some(parent) = path.parent() {
        private_dir(parent)?;
    }
    if fs::metadata(path).is_ok_and(|m| m.len() > LOG_BYTES) {
        let _ = fs::rename(path, path.with_extension("log.1"));
    }
    OpenOptions::new().create(true).append(true).open(path).map_err(io_error("open", path))
}

/// Ends a node of an earlier supervisor that was killed while the node was paused and so missed the end of its input.
pub fn end_leftover(dir: &DataDir, node: &NodeKey) {
    let path = dir.node_pid(node);
    let pid = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<i32>().ok());
    if let Some(pid) = pid.filter(|pid| runs_config(*pid, &dir.node_config(node))).and_then(Pid::from_raw) {
        tracing::warn!(%node, "ending a node that outlived its supervisor");
        let _ = kill_process(pid, Signal::KILL);
    }
    let _ = fs::remove_file(&path);
}

/// True if the process is one of ours: process ids are reused, command lines with our configuration file are not.
fn runs_config(pid: i32, config: &Path) -> bool {
    use std::os::unix::ffi::OsStrExt;
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|byte| *byte == 0).any(|argument| argument == config.as_os_str().as_bytes())
}

/// The last `lines` lines of what the node's last process wrote.
pub fn last_words(path: &Path, lines: usize) -> String {
    let text = tail(path, lines);
    let start = text.rfind(START_MARK).unwrap_or(0);
    text.get(start..).unwrap_or_default().to_owned()
}

/// The last `lines` lines of a file, or what can be had of them.
pub fn tail(path: &Path, lines: usize) -> String {
    let text = fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let all: Vec<&str> = text.lines().collect();
    all.get(all.len().saturating_sub(lines)..).unwrap_or_default().join("\n")
}
