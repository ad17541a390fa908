//! `meridian local logs`: the nodes' logs side by side, each line with its node's name. Parses nothing in them.

use clap::Args;
use std::{
    fs::File,
    io::{Read, Seek, SeekFrom, Write},
    path::PathBuf,
    time::Duration,
};

use crate::{
    failure::Failure,
    local::{
        DirArgs,
        layout::{Cluster, NodeKey},
        process::tail,
        target::{Selector, Target},
    },
};

const POLL: Duration = Duration::from_millis(200);
/// Read at most this much of a log per poll, so that one busy node does not starve the others.
const CHUNK_BYTES: u64 = 256 << 10;

/// Flags of `local logs`.
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// Only this Region or node, for example `eu-west-1/2`.
    target: Option<Target>,
    #[command(flatten)]
    dir: DirArgs,
    /// Go on printing what is written.
    #[arg(short, long)]
    follow: bool,
    /// How many of the last lines of each log to print.
    #[arg(short = 'n', long, default_value_t = 20)]
    lines: usize,
    /// Print one JSON object per line.
    #[arg(long)]
    json: bool,
}

/// Prints, and follows until interrupted.
pub async fn run(args: &LogsArgs) -> Result<(), Failure> {
    let dir = args.dir.data_dir()?;
    let cluster = Cluster::open(&dir)?;
    let mut logs: Vec<Log> = nodes(&cluster, args.target.as_ref())?
        .into_iter()
        .map(|key| Log::new(dir.node_log(&key), key, args.json))
        .collect();
    logs.iter_mut().for_each(|log| log.print_tail(args.lines));
    if !args.follow {
        return Ok(());
    }
    loop {
        tokio::time::sleep(POLL).await;
        logs.iter_mut().for_each(Log::print_new);
    }
}

fn nodes(cluster: &Cluster, target: Option<&Target>) -> Result<Vec<NodeKey>, Failure> {
    match target {
        None => Ok(cluster.nodes().map(|(key, _)| key).collect()),
        Some(target) if target.nodes == Selector::Leader => {
            Err(Failure::Usage("logs are of a node, not of whoever leads: write REGION/NODE".into()))
        }
        Some(target) => target.resolve(cluster, None),
    }
}

struct Log {
    node: NodeKey,
    path: PathBuf,
    read: u64,
    /// The begin of a line whose end has not been written yet.
    rest: Vec<u8>,
    json: bool,
}

impl Log {
    fn new(path: PathBuf, node: NodeKey, json: bool) -> Self {
        let read = path.metadata().map_or(0, |m| m.len());
        Self { node, path, read, rest: Vec::new(), json }
    }

    fn print_tail(&mut self, lines: usize) {
        tail(&self.path, lines).lines().for_each(|line| self.print(line));
    }

    fn print_new(&mut self) {
        let Ok(mut file) = File::open(&self.path) else { return };
        let length = file.metadata().map_or(0, |m| m.len());
        if length < self.read {
            // A new file under the old name.
            self.read = 0;
            self.rest.clear();
        }
        let mut new = Vec::new();
        let chunk =
            file.seek(SeekFrom::Start(self.read)).and_then(|_| file.take(CHUNK_BYTES).read_to_end(&mut new));
        self.read += chunk.unwrap_or(0) as u64;
        self.rest.extend(new);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.print(String::from_utf8_lossy(&line).trim_end());
        }
    }

    fn print(&self, line: &str) {
        let text = match self.json {
            true => serde_json::json!({ "node": self.node.to_string(), "line": line }).to_string(),
            false => format!("{:<18} {line}", self.node.to_string()),
        };
        // A reader that went away, such as `head`, ends the command with the broken pipe, not a panic.
        if writeln!(std::io::stdout(), "{text}").is_err() {
            std::process::exit(0);
        }
    }
}
