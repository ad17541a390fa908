//! What operators do and what they were refused, in the audit log (invariant G3).

use kms_audit::{Event, Record, UserIdentity};
use kms_transport::{AdminError, admin_messages as pb};
use kms_types::Entropy;
use serde_json::Value;

use super::{Admin, Reply};
use crate::entropy::OsEntropy;

/// What an answer to an operator says of itself.
pub(super) trait Answer {
    /// Why all or a part of what was asked for was not done, if so.
    fn refusal(&self) -> Option<String> {
        None
    }
}

impl Answer for pb::ChangeReply {}
impl Answer for pb::RegionInviteReply {}
impl Answer for pb::ClockReply {}

impl Answer for pb::RegionPromoteReply {
    fn refusal(&self) -> Option<String> {
        let refused = || self.keys.iter().filter(|key| !key.promoted);
        let first = refused().next()?;
        let (count, all) = (refused().count(), self.keys.len());
        Some(format!("{count} of {all} keys not promoted, the first, {}: {}", first.key, first.detail))
    }
}

impl Admin {
    /// Carries out a command between two records: one before, without which it is not begun, and one after it if it was
    /// refused or its outcome is not known. What makes no sense is recorded as well: somebody may be trying.
    pub(super) async fn audited<T: Answer>(
        &self,
        command: &'static str,
        parameters: Value,
        work: impl Future<Output = Reply<T>>,
    ) -> Reply<T> {
        self.record(command, parameters.clone(), None).await?;
        let reply = work.await;
        let refusal = match &reply {
            Ok(answer) => answer.refusal().map(|reason| ("Refused", reason)),
            Err(error) => Some((code(error), error.to_string())),
        };
        if let Some((code, reason)) = refusal {
            self.record(command, parameters, Some((code, &reason))).await?;
        }
        reply
    }

    async fn record(
        &self,
        command: &'static str,
        parameters: Value,
        refusal: Option<(&str, &str)>,
    ) -> Reply<()> {
        let entropy: &mut dyn Entropy = &mut OsEntropy;
        let now = self.group.applied().state.region_time();
        let identity = UserIdentity::service("operator.meridian.internal");
        let event = Event::Operator(command);
        let record = Record::builder(event, identity, now, &self.config.region, entropy.array())
            .request_parameters(parameters);
        let record = match refusal {
            Some((code, reason)) => record.error(code, reason),
            None => record,
        };
        let written = self.audit.append(record.build()).await;
        written.map_err(|error| AdminError::Unavailable(format!("the audit log cannot be written: {error}")))
    }
}

fn code(error: &AdminError) -> &'static str {
    match error {
        AdminError::Invalid(_) => "Invalid",
        AdminError::Refused(_) => "Refused",
        AdminError::Unavailable(_) => "Unavailable",
        AdminError::NotOperator(_) => "NotOperator",
        AdminError::Internal(_) => "Internal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promotion_is_refused_when_any_key_is() {
        let key = |key: &str, promoted| pb::PromotedKey { key: key.into(), promoted, detail: "why".into() };
        let reply = pb::RegionPromoteReply { keys: vec![key("a", true), key("b", false), key("c", false)] };
        assert_eq!(reply.refusal().unwrap(), "2 of 3 keys not promoted, the first, b: why");
        assert_eq!(pb::RegionPromoteReply { keys: vec![key("a", true)] }.refusal(), None);
    }
}
