//! The supervisor's socket: one JSON request per line, one JSON reply per line. Carries requests, decides nothing.

use kms_types::Region;
use serde::{Deserialize, Serialize};
use std::{path::Path, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::{UnixListener, UnixStream},
    sync::{mpsc, oneshot},
};

use crate::{
    failure::{Failure, io_error},
    local::{
        layout::{Cluster, DataDir, NodeKey, RegionPlan},
        links::{LinkFault, Sides, Way},
        node_faults::NodeFault,
        report::Report,
        supervisor::Event,
    },
};

/// Far above any request or reply of a local cluster.
const LINE_BYTES: u64 = 1 << 20;
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// What a client asks the supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// What runs.
    Status,
    /// Do this to these nodes.
    Fault {
        /// What to do.
        action: Action,
        /// To whom.
        nodes: Vec<NodeKey>,
    },
    /// Disturb the connections between these nodes.
    Link {
        /// How.
        #[serde(flatten)]
        fault: LinkFault,
        /// Between whom.
        #[serde(flatten)]
        sides: Sides,
        /// In which directions.
        way: Way,
    },
    /// Disturb these nodes, which go on running.
    Node {
        /// How.
        #[serde(flatten)]
        fault: NodeFault,
        /// Whom.
        nodes: Vec<NodeKey>,
    },
    /// End the faults of connections between these nodes; without sides, all those and the faults of nodes that run.
    Heal {
        /// Between whom.
        #[serde(default)]
        sides: Option<Sides>,
    },
    /// The Region is as `plan` says from now on: new, with more nodes, or with fewer.
    SetRegion {
        /// The Region with its nodes.
        plan: RegionPlan,
    },
    /// The Region is no more.
    DropRegion {
        /// Which.
        region: Region,
    },
    /// Stop everything.
    Down,
}

/// What can be done to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// End it at once with SIGKILL; it stays down until it is started.
    Kill,
    /// Ask it to end with SIGTERM, as an operating system does; it stays down until it is started.
    Stop,
    /// Freeze it with SIGSTOP.
    Pause,
    /// Let a frozen one run on.
    Resume,
    /// Start one that is down.
    Start,
}

/// What the supervisor answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub enum Reply {
    /// The answer to [`Request::Status`].
    Status(Report),
    /// It is done.
    Done,
    /// It is not done.
    Refused {
        /// Why.
        message: String,
    },
}

/// Binds the socket of a supervisor that holds the directory's lock, so that what is there is a leftover.
pub fn bind(path: &Path) -> Result<UnixListener, Failure> {
    let _ = std::fs::remove_file(path);
    UnixListener::bind(path).map_err(io_error("listen on", path))
}

/// Serves the socket until the task is dropped.
pub async fn serve(listener: UnixListener, supervisor: mpsc::UnboundedSender<Event>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(converse(stream, supervisor.clone()))),
            Err(error) => {
                tracing::warn!(%error, "control socket");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(stream: UnixStream, supervisor: mpsc::UnboundedSender<Event>) {
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader.take(LINE_BYTES)).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let reply = match serde_json::from_str(&line) {
            Ok(request) => ask(&supervisor, request).await,
            Err(error) => Reply::Refused { message: format!("not a request: {error}") },
        };
        let Ok(mut text) = serde_json::to_vec(&reply) else { return };
        text.push(b'\n');
        if writer.write_all(&text).await.is_err() {
            return;
        }
    }
}

/// Hands a request to the supervisor's task.
pub async fn ask(supervisor: &mpsc::UnboundedSender<Event>, request: Request) -> Reply {
    let (answer, reply) = oneshot::channel();
    let gone = || Reply::Refused { message: "the supervisor is stopping".into() };
    match supervisor.send(Event::Request(request, answer)) {
        Ok(()) => reply.await.unwrap_or_else(|_| gone()),
        Err(_) => gone(),
    }
}

/// Asks the supervisor of the cluster in `dir`; a refusal is an error.
pub async fn request(dir: &DataDir, request: &Request) -> Result<Reply, Failure> {
    let cluster = Cluster::open(dir)?;
    let path = dir.socket(&cluster.deployment);
    let stream = UnixStream::connect(&path).await.map_err(|_| Failure::NotRunning(dir.root().to_owned()))?;
    match tokio::time::timeout(REPLY_TIMEOUT, exchange(stream, request)).await {
        Ok(Ok(Reply::Refused { message })) => Err(Failure::Refused(message)),
        Ok(Ok(reply)) => Ok(reply),
        Ok(Err(source)) => Err(io_error("talk over", &path)(source)),
        Err(_) => Err(Failure::Refused("the supervisor does not answer".into())),
    }
}

/// What runs in the cluster in `dir`.
pub async fn report(dir: &DataDir) -> Result<Report, Failure> {
    match request(dir, &Request::Status).await? {
        Reply::Status(report) => Ok(report),
        other => Err(Failure::Refused(format!("unexpected answer of the supervisor: {other:?}"))),
    }
}

async fn exchange(mut stream: UnixStream, request: &Request) -> std::io::Result<Reply> {
    let mut text = serde_json::to_vec(request)?;
    text.push(b'\n');
    stream.write_all(&text).await?;
    let mut line = String::new();
    BufReader::new(stream.take(LINE_BYTES)).read_line(&mut line).await?;
    Ok(serde_json::from_str(&line)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_readable_json() {
        let node = NodeKey { region: "eu-west-1".parse().unwrap(), id: 2 };
        let request = Request::Fault { action: Action::Kill, nodes: vec![node] };
        let text = r#"{"command":"fault","action":"kill","nodes":[{"region":"eu-west-1","id":2}]}"#;
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
        assert_eq!(serde_json::from_str::<Request>(text).unwrap(), request);
    }

    #[test]
    fn faults_of_the_network_are_readable_json() {
        let node = |region: &str, id| NodeKey { region: region.parse().unwrap(), id };
        let sides = Sides { from: vec![node("us-east-1", 1)], to: vec![node("eu-west-1", 2)] };
        let fault = LinkFault::Delay { delay_us: 80_000, jitter_us: 0 };
        let request = Request::Link { fault, sides, way: Way::OneWay };
        let text = r#"{"command":"link","fault":"delay","delay_us":80000,"jitter_us":0,"from":[{"region":"us-east-1","id":1}],"to":[{"region":"eu-west-1","id":2}],"way":"one-way"}"#;
        assert_eq!(serde_json::to_string(&request).unwrap(), text);
        assert_eq!(serde_json::from_str::<Request>(text).unwrap(), request);
        assert_eq!(
            serde_json::from_str::<Request>(r#"{"command":"heal"}"#).unwrap(),
            Request::Heal { sides: None }
        );
    }

    #[tokio::test]
    async fn malformed_line_is_answered_and_the_connection_lives_on() {
        let (client, server) = UnixStream::pair().unwrap();
        let (events, mut requests) = mpsc::unbounded_channel();
        tokio::spawn(converse(server, events));
        tokio::spawn(async move {
            while let Some(Event::Request(_, answer)) = requests.recv().await {
                answer.send(Reply::Done).unwrap();
            }
        });
        let (reader, mut writer) = client.into_split();
        let mut lines = BufReader::new(reader).lines();
        writer.write_all(b"{nonsense\n{\"command\":\"status\"}\n").await.unwrap();
        assert!(lines.next_line().await.unwrap().unwrap().contains("not a request"));
        assert_eq!(lines.next_line().await.unwrap().unwrap(), r#"{"result":"done"}"#);
    }
}
