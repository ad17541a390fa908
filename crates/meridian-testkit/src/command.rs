//! One `meridian` command about the cluster, run to its end.

use serde::de::DeserializeOwned;
use std::{ffi::OsStr, process::Stdio};
use tokio::process::Command;

use crate::{
    error::{Error, io_error},
    supervisor::Supervisor,
};

/// Runs `meridian ARGUMENTS --data-dir DIR --json` and reads its answer.
pub(crate) async fn ask<T: DeserializeOwned>(
    supervisor: &Supervisor,
    arguments: &[impl AsRef<OsStr>],
) -> Result<T, Error> {
    let shown = || shown(arguments);
    let mut command = Command::new(&supervisor.binary);
    command.args(arguments).arg("--data-dir").arg(supervisor.data_dir()).arg("--json");
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.map_err(io_error(format!("run `meridian {}`", shown())))?;
    if !output.status.success() {
        let text = [output.stdout, output.stderr].concat();
        let output = String::from_utf8_lossy(&text).trim_end().to_owned();
        return Err(Error::Command { arguments: shown(), output });
    }
    serde_json::from_slice(&output.stdout)
        .map_err(|error| Error::Unreadable { arguments: shown(), why: error.to_string() })
}

fn shown(arguments: &[impl AsRef<OsStr>]) -> String {
    arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect::<Vec<_>>().join(" ")
}
