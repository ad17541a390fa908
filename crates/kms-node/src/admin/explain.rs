//! `meridian authz`: an operator's question in the terms of kms-ops, and the answer in those of the protocol.

use kms_ops::{
    PolicySource,
    explain::{Documents, Effect, ExplainError, Miss, PolicyTrace, Question, StatementTrace, explain},
};
use kms_state::State;
use kms_transport::{AdminError, admin_messages as pb};

/// Most documents of one question.
const MAX_DOCUMENTS: usize = 32;

pub(super) fn question(request: pb::ExplainRequest) -> Result<Question, AdminError> {
    let pb::ExplainRequest { principal, action, key, context, suppose } = request;
    let context = context.into_iter().map(|pair| (pair.key, pair.value)).collect();
    Ok(Question { principal, action, key, context, suppose: documents(suppose)? })
}

fn documents(supposed: Vec<pb::SupposedPolicy>) -> Result<Documents, AdminError> {
    if supposed.len() > MAX_DOCUMENTS {
        return Err(AdminError::Invalid(format!("at most {MAX_DOCUMENTS} policies can be supposed")));
    }
    let mut documents = Documents::default();
    for pb::SupposedPolicy { kind, document } in supposed {
        match kind.as_str() {
            "key" => documents.key = Some(document),
            "identity" => documents.identity.push(document),
            "boundary" => documents.boundary = Some(document),
            "session" => documents.session.push(document),
            _ => return Err(AdminError::Invalid(format!("`{kind}` is not a kind of policy"))),
        }
    }
    Ok(documents)
}

pub(super) fn answer(view: &State, question: &Question) -> Result<pb::ExplainReply, AdminError> {
    let found = explain(view, question).map_err(refused)?;
    Ok(pb::ExplainReply {
        caller: found.caller,
        resource: found.resource,
        allowed: found.allowed,
        reason: found.reason,
        policies: found.policies.into_iter().map(policy).collect(),
    })
}

fn refused(error: ExplainError) -> AdminError {
    match error {
        ExplainError::NotBootstrapped => AdminError::Unavailable(error.to_string()),
        ExplainError::NoPrincipal(_) | ExplainError::NoKey(_) | ExplainError::Malformed(..) => {
            AdminError::Invalid(error.to_string())
        }
    }
}

fn policy(trace: PolicyTrace) -> pb::PolicyTrace {
    let source = match trace.source {
        PolicySource::Identity => "identity",
        PolicySource::Resource => "resource",
        PolicySource::Boundary => "boundary",
        PolicySource::Session => "session",
    };
    let statements = trace.statements.into_iter().map(statement).collect();
    pb::PolicyTrace { source: source.into(), name: trace.name, statements }
}

fn statement(trace: StatementTrace) -> pb::StatementTrace {
    let effect = match trace.effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    };
    pb::StatementTrace { sid: trace.sid, effect: effect.into(), missed: trace.miss.map(missed) }
}

fn missed(miss: Miss) -> String {
    match miss {
        Miss::Action => "it is about other actions".into(),
        Miss::Principal => "it is about other principals".into(),
        Miss::Resource => "it is about other resources".into(),
        Miss::Condition { operator, key, values } if values.is_empty() => {
            format!("{operator} on {key} does not hold: the request has no value")
        }
        Miss::Condition { operator, key, values } => {
            format!("{operator} on {key} does not hold: the request has `{}`", values.join("`, `"))
        }
    }
}
