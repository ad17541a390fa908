//! `cargo xtask doc`: the workspace's documentation builds without a warning. A citation such as `KMS:Sign` looks like a link
//! to rustdoc and is none; `tidy` checks that it resolves in docs/references.md.

use crate::tidy::{citations, root};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    process::{Command, ExitCode, Stdio},
};

const BROKEN_LINK: &str = "rustdoc::broken_intra_doc_links";

/// Builds the documentation and prints every warning that is one.
pub(crate) fn run() -> ExitCode {
    match warnings() {
        Ok((warnings, built)) => {
            warnings.iter().for_each(|warning| println!("{warning}"));
            println!("doc: {} warnings{}", warnings.len(), if built { "" } else { "; it does not build" });
            if warnings.is_empty() && built { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("doc: {error}");
            ExitCode::FAILURE
        }
    }
}

fn warnings() -> Result<(Vec<String>, bool), String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["doc", "--workspace", "--no-deps", "--message-format", "json"]);
    let mut child = cargo.current_dir(root()).stdout(Stdio::piped()).spawn();
    let child = child.as_mut().map_err(|error| format!("cargo does not start: {error}"))?;
    let lines = child.stdout.take().map(|output| BufReader::new(output).lines()).into_iter().flatten();
    let warnings = lines.map_while(Result::ok).filter_map(|line| warning(&line)).collect();
    let status = child.wait().map_err(|error| format!("cargo does not end: {error}"))?;
    Ok((warnings, status.success()))
}

/// The warning or error of one line of cargo's output, as a person reads it.
fn warning(line: &str) -> Option<String> {
    let value: Value = serde_json::from_str(line).ok()?;
    let message = value.get("message")?;
    let code = message.pointer("/code/code").and_then(Value::as_str);
    let text = message.get("message")?.as_str()?;
    if code == Some(BROKEN_LINK) && link(text).is_some_and(citations::is_key) {
        return None;
    }
    // Without code and place: "12 warnings emitted".
    let has_place = message.get("spans").and_then(Value::as_array).is_some_and(|spans| !spans.is_empty());
    let rendered = message.get("rendered").and_then(Value::as_str);
    (code.is_some() || has_place).then(|| rendered.unwrap_or(text).to_owned())
}

/// The link in "unresolved link to `KMS:Sign`".
fn link(text: &str) -> Option<&str> {
    text.strip_prefix("unresolved link to `")?.strip_suffix('`')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(code: &str, text: &str) -> String {
        serde_json::json!({ "message": { "code": { "code": code }, "message": text, "spans": [] } })
            .to_string()
    }

    #[test]
    fn a_citation_is_no_broken_link_and_a_broken_link_is_one() {
        assert_eq!(warning(&line(BROKEN_LINK, "unresolved link to `KMS:Sign`")), None);
        assert_eq!(warning(&line(BROKEN_LINK, "unresolved link to `RFC9180`")), None);
        let broken = "unresolved link to `Stat`";
        assert_eq!(warning(&line(BROKEN_LINK, broken)).as_deref(), Some(broken));
    }

    #[test]
    fn other_warnings_count_and_sums_do_not() {
        assert!(warning(&line("rustdoc::bare_urls", "this URL is not a hyperlink")).is_some());
        let sum =
            serde_json::json!({ "message": { "code": null, "message": "2 warnings emitted", "spans": [] } });
        assert_eq!(warning(&sum.to_string()), None);
        assert_eq!(warning(r#"{"reason":"build-finished","success":true}"#), None);
    }
}
