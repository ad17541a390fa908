//! `meridian server`: one node. Owned by the node's wiring; here are its flags and logging.

use clap::{Args, ValueEnum};
use futures::future::BoxFuture;
use kms_node::{
    NodeConfig,
    disturbance::{Disturbance, Disturbances},
    rates::RateMode,
    run_disturbed,
};
use rustix::process::Signal;
use std::{
    error::Error,
    fs,
    io::Read,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use tokio::signal::unix::{SignalKind, signal};

use crate::{disturbances, failure::Failure};

/// Examples of the command.
pub const EXAMPLES: &str = "Examples:
  meridian server --config /etc/meridian/meridian.toml
  meridian server --config meridian.toml --log kms_raft=debug,info --log-format json";

/// Flags of `server`.
#[derive(Debug, Clone, Args)]
pub struct ServerArgs {
    /// The node's configuration.
    #[arg(long, value_name = "FILE", env = "MERIDIAN_CONFIG")]
    pub config: PathBuf,
    /// Where log, state and audit files live; overrides the file.
    #[arg(long, value_name = "DIR", env = "MERIDIAN_NODE_DATA_DIR")]
    pub node_data_dir: Option<PathBuf>,
    /// Where to serve the KMS API; overrides the file.
    #[arg(long, value_name = "ADDR", env = "MERIDIAN_LISTEN_API")]
    pub listen_api: Option<SocketAddr>,
    /// Where to serve other nodes and operators; overrides the file.
    #[arg(long, value_name = "ADDR", env = "MERIDIAN_LISTEN_CLUSTER")]
    pub listen_cluster: Option<SocketAddr>,
    /// A quota, `NAME=NUMBER`; overrides the file. Repeat it, or separate several by commas.
    #[arg(long, value_name = "NAME=NUMBER", env = "MERIDIAN_QUOTAS", value_delimiter = ',')]
    pub quota: Vec<String>,
    /// Whether accounts may send only so many requests: `off`, or `aws` for AWS's default rates; overrides the file.
    #[arg(long, value_name = "MODE", env = "MERIDIAN_REQUEST_RATES", value_enum)]
    pub request_rates: Option<RateModeArg>,
    /// A request rate, `CLASS=PER_SECOND`; overrides the file.
    #[arg(long, value_name = "CLASS=RATE", env = "MERIDIAN_REQUEST_RATE", value_delimiter = ',')]
    pub request_rate: Vec<String>,
    /// A service with AWS managed keys, by the name in `alias/aws/NAME`; in addition to those of the file.
    #[arg(long, value_name = "NAME", env = "MERIDIAN_AWS_MANAGED_SERVICES", value_delimiter = ',')]
    pub aws_managed_service: Vec<String>,
    /// PEM file with the root certificate of attestation documents, for Recipient; overrides the file.
    #[arg(long, value_name = "FILE", env = "MERIDIAN_ATTESTATION_ROOT")]
    pub attestation_root: Option<PathBuf>,
    /// Stop when standard input ends, as it does when the process that started this one is gone.
    #[arg(long)]
    pub stop_on_stdin_eof: bool,
    /// What is wrong with the node from its start on, in JSON: for `meridian local`, whose nodes alone obey it.
    #[arg(long, value_name = "JSON", hide = true)]
    pub disturbance: Option<String>,
    /// What to log: a level, or levels per module.
    #[arg(long, value_name = "FILTER", env = "MERIDIAN_LOG", default_value = "info,openraft=warn")]
    pub log: String,
    /// How to log.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

/// `off` or `aws`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RateModeArg {
    /// Nothing is refused for its rate.
    Off,
    /// AWS's default rates.
    Aws,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

impl ServerArgs {
    /// Sends the log to standard error in the asked form.
    pub fn init_logging(&self) -> Result<(), Failure> {
        let filter = tracing_subscriber::EnvFilter::try_new(&self.log)
            .map_err(|error| Failure::Usage(format!("`{}` is no log filter: {error}", self.log)))?;
        let log = tracing_subscriber::fmt()
            .with_writer(std::io::stderr)
            .with_ansi(false)
            .with_env_filter(filter)
            // It would be told to standard error, which is what failed.
            .log_internal_errors(false);
        let started = match self.log_format {
            LogFormat::Text => log.try_init(),
            LogFormat::Json => log.json().try_init(),
        };
        started.map_err(Failure::Server)
    }
}

/// Runs the node until SIGTERM, Ctrl-C, or the end of standard input where asked.
pub async fn run(args: ServerArgs) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut config = read_config(&args.config)?;
    override_settings(&mut config, &args)?;
    if let Some(dir) = args.node_data_dir {
        config.data_dir = dir;
    }
    config.attestation_root = args.attestation_root.or(config.attestation_root);
    config.listen.api = args.listen_api.unwrap_or(config.listen.api);
    config.listen.cluster = args.listen_cluster.unwrap_or(config.listen.cluster);
    // A file that may not grow is an error of the write, as a full disk is, and not the end of the process by SIGXFSZ.
    let _caught = signal(SignalKind::from_raw(Signal::XFSZ.as_raw()))?;
    let (disturbances, input_ended) = input(&config, args.stop_on_stdin_eof, args.disturbance.as_deref())?;
    run_disturbed(config, disturbances, stop_requested(input_ended)?).await?;
    Ok(())
}

/// What standard input says to a node of a local cluster, and when it ends, where that matters.
fn input(
    config: &NodeConfig,
    stop_on_eof: bool,
    disturbance: Option<&str>,
) -> Result<(Disturbances, BoxFuture<'static, ()>), Box<dyn Error + Send + Sync>> {
    let first: Disturbance = disturbance.map(serde_json::from_str).transpose()?.unwrap_or_default();
    Ok(match (stop_on_eof, &config.local) {
        (true, Some(_)) => {
            let (disturbances, ended) = disturbances::follow(first);
            (disturbances, Box::pin(ended))
        }
        (true, None) => (Disturbance::none(), Box::pin(stdin_ended())),
        (false, _) => (Disturbance::none(), Box::pin(std::future::pending())),
    })
}

/// What flags and environment say about quotas and rates; the node checks the result.
fn override_settings(config: &mut NodeConfig, args: &ServerArgs) -> Result<(), Box<dyn Error + Send + Sync>> {
    for quota in args.quota.iter().filter(|text| !text.is_empty()) {
        config.quotas.set(quota)?;
    }
    match args.request_rates {
        Some(RateModeArg::Off) => config.request_rates.mode = RateMode::Off,
        Some(RateModeArg::Aws) => config.request_rates.mode = RateMode::Aws,
        None => {}
    }
    for text in args.request_rate.iter().filter(|text| !text.is_empty()) {
        let rate = text.split_once('=').and_then(|(class, rate)| Some((class, rate.parse().ok()?)));
        let (class, rate) = rate.ok_or_else(|| format!("`{text}` is no rate: write CLASS=PER_SECOND"))?;
        config.request_rates.per_second.insert(class.to_owned(), rate);
    }
    config
        .aws_managed_services
        .extend(args.aws_managed_service.iter().filter(|name| !name.is_empty()).cloned());
    Ok(())
}

fn read_config(path: &Path) -> Result<NodeConfig, Box<dyn Error + Send + Sync>> {
    let text = fs::read_to_string(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
    let config: NodeConfig =
        toml::from_str(&text).map_err(|e| format!("`{}`: {}", path.display(), e.message()))?;
    config.check().map_err(|e| format!("`{}`: {e}", path.display()))?;
    Ok(config)
}

/// Completes when the node should stop. Signals are caught from the moment this returns.
fn stop_requested(input_ended: BoxFuture<'static, ()>) -> Result<impl Future<Output = ()>, std::io::Error> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("SIGTERM: stopping"),
            _ = interrupt.recv() => tracing::info!("interrupt: stopping"),
            () = input_ended => tracing::info!("standard input ended: stopping"),
        }
    })
}

/// Completes at the end of standard input. A thread of its own: a read that tokio waits for would hold up the end of the
/// process.
pub async fn stdin_ended() {
    let (ended, end) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut ignored = [0; 64];
        while matches!(std::io::stdin().read(&mut ignored), Ok(length) if length > 0) {}
        let _ = ended.send(());
    });
    let _ = end.await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ServerArgs,
    }

    fn overridden(flags: &[&str]) -> Result<NodeConfig, String> {
        let line = Line::try_parse_from([&["server", "--config", "x"], flags].concat())
            .map_err(|e| e.to_string())?;
        let text = include_str!("../../../deploy/meridian.toml");
        let mut config = toml::from_str(text).map_err(|e| e.to_string())?;
        override_settings(&mut config, &line.args).map_err(|e| e.to_string())?;
        Ok(config)
    }

    #[test]
    fn the_example_configuration_has_the_default_limits() {
        let config = overridden(&[]).unwrap();
        assert_eq!(config.quotas, kms_types::Quotas::default());
        assert_eq!((config.request_rates.mode, config.usage_interval_s), (RateMode::Off, 30));
        assert!(config.aws_managed_services.is_empty() && config.local.is_none());
    }

    #[test]
    fn flags_override_the_file() {
        let config = overridden(&[
            "--quota=keys_per_account=2,tags_per_key=1",
            "--request-rates=aws",
            "--request-rate=CreateKey=0.5",
            "--aws-managed-service=s3",
        ])
        .unwrap();
        assert_eq!((config.quotas.keys_per_account, config.quotas.tags_per_key), (2, 1));
        assert_eq!(config.request_rates.mode, RateMode::Aws);
        assert_eq!(config.request_rates.per_second.get("CreateKey"), Some(&0.5));
        assert!(config.aws_managed_services.contains("s3"));
        for wrong in
            ["--quota=keys=1", "--quota=keys_per_account", "--request-rate=CreateKey", "--request-rates=no"]
        {
            assert!(overridden(&[wrong]).is_err(), "{wrong}");
        }
    }
}
