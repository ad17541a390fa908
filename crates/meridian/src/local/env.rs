//! `meridian local env`: what to `eval` so that AWS tools talk to the local cluster.

use crate::say::say;
use clap::{Args, ValueEnum};

use crate::{
    failure::Failure,
    local::{
        DirArgs, env_files,
        layout::{Cluster, DataDir},
        node_config::{ACCESS_KEY_ID, SECRET_ACCESS_KEY},
        running::is_supervised,
    },
};

/// Flags of `local env`.
#[derive(Debug, Args)]
pub struct EnvArgs {
    #[command(flatten)]
    dir: DirArgs,
    /// The shell that reads the lines.
    #[arg(long, value_enum, default_value_t = Shell::Bash)]
    shell: Shell,
    /// The Region to set as default; the cluster's first unless named.
    #[arg(long)]
    region: Option<kms_types::Region>,
    /// Print a JSON object instead.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Shell {
    /// bash, zsh and every POSIX shell.
    Bash,
    /// fish.
    Fish,
}

/// Prints the lines; writes the profiles anew.
pub fn run(args: &EnvArgs) -> Result<(), Failure> {
    let dir = args.dir.data_dir()?;
    let cluster = Cluster::open(&dir)?;
    env_files::write(&dir, &cluster)?;
    let pairs = pairs(&dir, &cluster, args.region.as_ref())?;
    if args.json {
        let object: serde_json::Map<_, _> =
            pairs.into_iter().map(|(k, v)| (k.to_owned(), v.into())).collect();
        say!("{}", serde_json::Value::Object(object));
        return Ok(());
    }
    pairs.iter().for_each(|(name, value)| say!("{}", line(args.shell, name, value)));
    if !is_supervised(&dir) {
        eprintln!("meridian: the cluster is not running; start it with `meridian local up`");
    }
    Ok(())
}

fn pairs(
    dir: &DataDir,
    cluster: &Cluster,
    region: Option<&kms_types::Region>,
) -> Result<Vec<(&'static str, String)>, Failure> {
    let known = |name: &kms_types::Region| cluster.data_regions().any(|r| r.name == *name);
    let region = match region {
        Some(name) if known(name) => name.to_string(),
        Some(name) => return Err(Failure::Refused(format!("the cluster has no data Region `{name}`"))),
        None => cluster.data_regions().next().map(|r| r.name.to_string()).unwrap_or_default(),
    };
    let file = |name| dir.aws().join(name).display().to_string();
    Ok(vec![
        ("AWS_ENDPOINT_URL_KMS", cluster.endpoint()),
        ("AWS_ENDPOINT_URL_IAM", cluster.endpoint()),
        ("AWS_ENDPOINT_URL_STS", cluster.endpoint()),
        ("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID.to_owned()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY.to_owned()),
        ("AWS_REGION", region.clone()),
        ("AWS_DEFAULT_REGION", region),
        ("AWS_CONFIG_FILE", file("config")),
        ("AWS_SHARED_CREDENTIALS_FILE", file("credentials")),
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ])
}

fn line(shell: Shell, name: &str, value: &str) -> String {
    match shell {
        Shell::Bash => format!("export {name}='{}'", value.replace('\'', r"'\''")),
        Shell::Fish => format!("set -gx {name} '{}'", value.replace('\\', r"\\").replace('\'', r"\'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_survive_the_shell() {
        assert_eq!(line(Shell::Bash, "A", "/o'b c"), r"export A='/o'\''b c'");
        assert_eq!(line(Shell::Fish, "A", "/o'b c"), r"set -gx A '/o\'b c'");
    }
}
