//! `meridian authz explain|simulate`: which statement of which policy decides, and what is missing. Asks; changes nothing.

use clap::{Args, Subcommand};
use kms_transport::admin_messages as messages;
use kms_types::Region;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

use crate::{
    failure::Failure,
    operate::access::{AccessArgs, refused},
    say::say,
};

/// Commands of `meridian authz`.
#[derive(Debug, Subcommand)]
pub enum AuthzCommand {
    /// Decide with the policies in force, and say why.
    #[command(after_help = "Examples:
  meridian authz explain --principal 111122223333 --action kms:Decrypt --key alias/app
  meridian authz explain --principal arn:aws:iam::111122223333:user/ann --action kms:Encrypt --key alias/app \\
      --context kms:EncryptionContext:Tenant=blue --json")]
    Explain(Question),
    /// Decide with other policies than those in force, and say why.
    #[command(after_help = "Examples:
  meridian authz simulate --principal 111122223333 --action kms:Decrypt --key alias/app --key-policy new.json")]
    Simulate(SimulateArgs),
}

/// What is asked, and of whom.
#[derive(Debug, Args)]
pub struct Question {
    /// An account id, the ARN of a root, user, role or session, or the name of a service.
    #[arg(long, value_name = "ARN")]
    principal: String,
    /// For example kms:Decrypt.
    #[arg(long)]
    action: String,
    /// Key id, key ARN, alias or alias ARN; without it, an action that concerns no key.
    #[arg(long)]
    key: Option<String>,
    /// A condition key of the request; repeat for more.
    #[arg(long, value_name = "KEY=VALUE", value_parser = pair)]
    context: Vec<(String, String)>,
    /// The Region [default: that of --admin, or a local cluster's first].
    #[arg(long = "in", value_name = "REGION")]
    region: Option<Region>,
    #[command(flatten)]
    access: AccessArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Flags of `authz simulate`. What is not given stays as it is in force.
#[derive(Debug, Args)]
pub struct SimulateArgs {
    #[command(flatten)]
    question: Question,
    /// A file with the key policy.
    #[arg(long, value_name = "FILE")]
    key_policy: Option<PathBuf>,
    /// A file with an identity policy, instead of all that the caller has; repeat for more.
    #[arg(long, value_name = "FILE")]
    identity_policy: Vec<PathBuf>,
    /// A file with the permissions boundary.
    #[arg(long, value_name = "FILE")]
    boundary: Option<PathBuf>,
    /// A file with a session policy, instead of all that the caller has; repeat for more.
    #[arg(long, value_name = "FILE")]
    session_policy: Vec<PathBuf>,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write KEY=VALUE")?;
    Ok((key.into(), value.into()))
}

/// Runs the command.
pub async fn run(command: &AuthzCommand) -> Result<(), Failure> {
    let (question, suppose) = match command {
        AuthzCommand::Explain(question) => (question, Vec::new()),
        AuthzCommand::Simulate(args) => (&args.question, args.documents()?),
    };
    let context = question.context.iter().map(|(key, value)| {
        let (key, value) = (key.clone(), value.clone());
        messages::ConditionValue { key, value }
    });
    let request = messages::ExplainRequest {
        principal: question.principal.clone(),
        action: question.action.clone(),
        key: question.key.clone(),
        context: context.collect(),
        suppose,
    };
    let mut node = question.access.open()?.leader(question.region.as_ref()).await?;
    let reply = node.explain(request).await.map_err(refused)?;
    match question.json {
        true => say!("{}", as_json(&reply)),
        false => print(&reply),
    }
    Ok(())
}

impl SimulateArgs {
    fn documents(&self) -> Result<Vec<messages::SupposedPolicy>, Failure> {
        let key = self.key_policy.iter().map(|path| ("key", path));
        let identity = self.identity_policy.iter().map(|path| ("identity", path));
        let boundary = self.boundary.iter().map(|path| ("boundary", path));
        let session = self.session_policy.iter().map(|path| ("session", path));
        let read = |(kind, path): (&str, &PathBuf)| {
            let io = |source| Failure::Io { action: "read", path: path.clone(), source };
            let document = fs::read_to_string(path).map_err(io)?;
            Ok(messages::SupposedPolicy { kind: kind.into(), document })
        };
        key.chain(identity).chain(boundary).chain(session).map(read).collect()
    }
}

fn print(reply: &messages::ExplainReply) {
    say!("{} {} on {}", if reply.allowed { "allowed" } else { "denied" }, reply.caller, reply.resource);
    say!("because {}", reply.reason);
    for policy in &reply.policies {
        say!("{} policy `{}`", policy.source, policy.name);
        for (statement, number) in policy.statements.iter().zip(1..) {
            let sid = statement.sid.as_deref().map(|sid| format!(" `{sid}`")).unwrap_or_default();
            let missed = statement.missed.as_deref().unwrap_or("applies");
            say!("  {number}. {}{sid}: {missed}", statement.effect);
        }
    }
}

fn as_json(reply: &messages::ExplainReply) -> Value {
    let statement = |s: &messages::StatementTrace| json!({ "sid": s.sid, "effect": s.effect, "applies": s.missed.is_none(), "missed": s.missed });
    let policy = |p: &messages::PolicyTrace| {
        let statements: Vec<Value> = p.statements.iter().map(statement).collect();
        json!({ "source": p.source, "name": p.name, "statements": statements })
    };
    json!({
        "caller": reply.caller,
        "resource": reply.resource,
        "allowed": reply.allowed,
        "reason": reply.reason,
        "policies": reply.policies.iter().map(policy).collect::<Vec<_>>(),
    })
}
