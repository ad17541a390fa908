//! The search for changes that were acknowledged and are gone. Reads through the API like anybody else.

use kms_http::client::ClientError;
use kms_types::Region;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use crate::drill::{
    callers::text,
    changes::{Changes, rotations},
    in_force::Link,
    ledger::{Missing, Property, Scope, Subject},
};

const READ_PATIENCE: Duration = Duration::from_secs(15);
/// Shared changes reach replicas by the Region link, soon but later.
const CONVERGENCE: Duration = Duration::from_secs(30);

impl Changes {
    /// Every acknowledged change that a live Region does not show. A key's primary must show shared changes at once, as
    /// it adopted them before it was promoted; the others soon; those to which its link is `cut` need not.
    pub async fn missing(&self, live: &[Region], cut: &BTreeSet<Link>) -> Vec<Missing> {
        let _turn = self.turn.lock().await;
        let _written_down = self.under_way.write().await;
        let (ledger, until) = (self.ledger(), Instant::now() + CONVERGENCE);
        let mut missing = Vec::new();
        for subject in ledger.subjects() {
            let allowed = ledger.allowed(subject);
            let leader = self.leader(&subject.key);
            for region in where_to_look(subject, live, leader.as_ref(), cut) {
                let until = if leader.as_ref() == Some(region) { Instant::now() } else { until };
                missing.extend(self.look(subject, region, &allowed, until).await);
            }
        }
        missing
    }

    /// Looks in the new primary for every rotation that was acknowledged and not complete when the old one was lost. Rule 7
    /// lets a promotion carry it on or give it up, at once or some time later; those given up by now are written down.
    pub async fn settle(&self, primary: &Region) -> Result<(), ClientError> {
        let met = self.rotations_in_progress();
        self.book().at_risk.extend(met.iter().cloned());
        for key in met {
            let subject = rotations(&key);
            let complete = self.ledger().allowed(&subject).first().cloned();
            if Some(self.read(&subject, primary).await?) == complete {
                self.give_up(&key);
            }
        }
        Ok(())
    }

    fn leader(&self, id: &str) -> Option<Region> {
        self.keys.all().into_iter().find(|key| key.id == id).map(|key| key.primary)
    }

    async fn look(
        &self,
        subject: &Subject,
        region: &Region,
        allowed: &[String],
        until: Instant,
    ) -> Option<Missing> {
        loop {
            let found = self.read(subject, region).await;
            if found.as_ref().is_ok_and(|found| allowed.contains(found)) {
                return None;
            }
            if Instant::now() >= until {
                let found = found.unwrap_or_else(|error| error.to_string());
                let (subject, region) = (subject.clone(), region.clone());
                return Some(Missing { subject, region, expected: allowed.to_vec(), found });
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    pub(super) async fn read(&self, subject: &Subject, region: &Region) -> Result<String, ClientError> {
        let key = json!({ "KeyId": subject.key });
        let ask = |operation, body| self.callers.persist(region, operation, body, READ_PATIENCE);
        Ok(match subject.property {
            Property::RotationPeriod => {
                shown(&ask("GetKeyRotationStatus", key).await?, "/RotationPeriodInDays")
            }
            Property::Description => shown(&ask("DescribeKey", key).await?, "/KeyMetadata/Description"),
            Property::Alias => shown(&ask("DescribeKey", key).await?, "/KeyMetadata/KeyId"),
            Property::Tag => tag_value(&ask("ListResourceTags", key).await?),
            Property::Policy => sid(&ask("GetKeyPolicy", key).await?),
            Property::Rotations => {
                let complete = ask("ListKeyRotations", key.clone()).await?;
                let status = ask("GetKeyRotationStatus", key).await?;
                let under_way = usize::from(status.get("OnDemandRotationStartDate").is_some());
                (on_demand(&complete) + under_way).to_string()
            }
        })
    }
}

fn where_to_look<'a>(
    subject: &Subject,
    live: &'a [Region],
    leader: Option<&Region>,
    cut: &BTreeSet<Link>,
) -> Vec<&'a Region> {
    let hears = |region: &&Region| leader.is_none_or(|leader| !cut.contains(&Link::between(leader, region)));
    match &subject.scope {
        Scope::Shared => live.iter().filter(hears).collect(),
        Scope::Region(region) => live.iter().filter(|r| *r == region).collect(),
    }
}

/// Schedules rotate too, when a step moves the clock.
fn on_demand(answer: &Value) -> usize {
    let rotations = answer.pointer("/Rotations").and_then(Value::as_array).into_iter().flatten();
    rotations.filter(|rotation| text(rotation, "/RotationType") == Some("ON_DEMAND")).count()
}

fn sid(answer: &Value) -> String {
    let document =
        text(answer, "/Policy").and_then(|policy| serde_json::from_str(policy).ok()).unwrap_or(Value::Null);
    shown(&document, "/Statement/0/Sid")
}

fn tag_value(answer: &Value) -> String {
    let tags = answer.pointer("/Tags").and_then(Value::as_array);
    let ours = tags.and_then(|tags| tags.iter().find(|tag| text(tag, "/TagKey") == Some("drill")));
    ours.map_or_else(|| "no tag".into(), |tag| shown(tag, "/TagValue"))
}

fn shown(answer: &Value, pointer: &str) -> String {
    match answer.pointer(pointer) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "nothing".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_changes_are_expected_of_those_who_hear_the_primary() {
        let regions: Vec<Region> =
            ["us-east-1", "eu-west-1", "ap-southeast-2"].map(|region| region.parse().unwrap()).to_vec();
        let cut = BTreeSet::from([Link::between(&regions[1], &regions[0])]);
        let subject = |scope| Subject { scope, key: "mrk-1".into(), property: Property::Description };
        let shared = where_to_look(&subject(Scope::Shared), &regions, Some(&regions[0]), &cut);
        assert_eq!(shared, [&regions[0], &regions[2]]);
        let own = subject(Scope::Region(regions[1].clone()));
        assert_eq!(where_to_look(&own, &regions, Some(&regions[0]), &cut), [&regions[1]]);
    }

    #[test]
    fn rotations_by_schedule_are_not_counted() {
        let rotation = |kind| json!({ "RotationType": kind });
        let answer =
            json!({ "Rotations": [rotation("ON_DEMAND"), rotation("AUTOMATIC"), rotation("ON_DEMAND")] });
        assert_eq!((on_demand(&answer), on_demand(&json!({}))), (2, 0));
    }

    #[test]
    fn sid_is_read_from_the_policy() {
        let policy = r#"{"Statement":[{"Sid":"Drill7"}]}"#;
        assert_eq!(sid(&json!({ "Policy": policy })), "Drill7");
        assert_eq!(sid(&json!({ "Policy": "not json" })), "nothing");
    }

    #[test]
    fn tag_is_found_among_others() {
        let tags =
            json!({ "Tags": [{ "TagKey": "a", "TagValue": "b" }, { "TagKey": "drill", "TagValue": "3" }] });
        assert_eq!(tag_value(&tags), "3");
    }
}
