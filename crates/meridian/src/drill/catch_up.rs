//! What a Region must show after its return: it is a replica, refuses shared changes, and becomes equal to the others.

use kms_http::client::ClientError;
use kms_types::Region;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use crate::{
    api::is_transient,
    drill::{
        callers::{Callers, text},
        scene::DrillKey,
    },
};

const POLL: Duration = Duration::from_millis(200);
/// Used by nobody else, so that it shows whose change it was.
const FORBIDDEN_PERIOD_DAYS: u32 = 2559;

/// What the returned Region did with shared changes.
#[derive(Debug, Clone, Default)]
pub struct StepDown {
    /// Changes it acknowledged although it was no primary any more.
    pub acknowledged: Vec<String>,
    /// Keys of which it showed itself as a replica of the new primary in time, and then refused a shared change.
    pub stepped_down: BTreeSet<String>,
    /// What it said in the end of each key.
    pub last_words: Vec<String>,
}

/// Tries shared changes in `returned` from its first moment on, until it shows itself as a replica of the primary of every
/// one of `keys` and refuses.
pub async fn step_down(
    callers: &Callers,
    returned: &Region,
    keys: &[DrillKey],
    patience: Duration,
) -> StepDown {
    let (mut seen, until) = (StepDown::default(), Instant::now() + patience);
    for key in keys {
        loop {
            let refused = try_change(callers, returned, key).await;
            if let Ok(value) = &refused {
                seen.acknowledged.push(format!("`{}`: {value}", key.id));
            }
            let refused = refused.err().filter(|error| !is_transient(error));
            let replica = is_replica_of(callers, returned, &key.primary, key).await;
            if let (true, Some(error)) = (replica, &refused) {
                seen.stepped_down.insert(key.id.clone());
                seen.last_words.push(format!("`{}`: {error}", key.id));
                break;
            }
            if Instant::now() > until {
                let words =
                    refused.map_or_else(|| "no definite refusal".to_owned(), |error| error.to_string());
                seen.last_words.push(format!("`{}`: replica: {replica}; {words}", key.id));
                break;
            }
            tokio::time::sleep(POLL).await;
        }
    }
    seen
}

/// Tries every kind of shared change of `keys` in `region`; those that were acknowledged, and how the others ended.
pub async fn try_changes(
    callers: &Callers,
    region: &Region,
    keys: &[DrillKey],
) -> (Vec<String>, Vec<String>) {
    let attempts = keys.iter().flat_map(|key| {
        let id = json!({ "KeyId": key.id });
        let period = json!({ "KeyId": key.id, "RotationPeriodInDays": FORBIDDEN_PERIOD_DAYS });
        let elsewhere = key.regions.iter().find(|other| *other != region);
        let primary = json!({ "KeyId": key.id, "PrimaryRegion": elsewhere });
        [
            ("EnableKeyRotation", period),
            ("DisableKeyRotation", id.clone()),
            ("RotateKeyOnDemand", id),
            ("UpdatePrimaryRegion", primary),
        ]
        .map(|(operation, body)| async move {
            let result = callers.once(region, operation, body).await;
            (format!("{operation} of `{}`", key.id), result)
        })
    });
    let (mut acknowledged, mut refused) = (Vec::new(), Vec::new());
    for (change, result) in futures::future::join_all(attempts).await {
        match result {
            Ok(_) => acknowledged.push(change),
            Err(error) => refused.push(format!("{change}: {}", error.code)),
        }
    }
    (acknowledged, refused)
}

async fn try_change(callers: &Callers, region: &Region, key: &DrillKey) -> Result<Value, ClientError> {
    let body = json!({ "KeyId": key.id, "RotationPeriodInDays": FORBIDDEN_PERIOD_DAYS });
    callers.once(region, "EnableKeyRotation", body).await
}

async fn is_replica_of(callers: &Callers, region: &Region, primary: &Region, key: &DrillKey) -> bool {
    let Ok(answer) = callers.once(region, "DescribeKey", json!({ "KeyId": key.id })).await else {
        return false;
    };
    let member = |pointer: &str| {
        text(&answer, &format!("/KeyMetadata/MultiRegionConfiguration/{pointer}")).map(str::to_owned)
    };
    member("MultiRegionKeyType").as_deref() == Some("REPLICA")
        && member("PrimaryKey/Region").as_deref() == Some(primary.as_str())
}

/// What one Region shows of a key that all members must agree on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shared {
    /// Key state.
    pub state: String,
    /// The current material.
    pub material: String,
    /// The primary Region.
    pub primary: String,
}

/// What `region` shows of `key`, if it answers.
pub async fn shared(callers: &Callers, region: &Region, key: &DrillKey) -> Option<Shared> {
    let answer = callers.once(region, "DescribeKey", json!({ "KeyId": key.id })).await.ok()?;
    let member = |pointer: &str| text(&answer, pointer).unwrap_or("nothing").to_owned();
    Some(Shared {
        state: member("/KeyMetadata/KeyState"),
        material: member("/KeyMetadata/CurrentKeyMaterialId"),
        primary: member("/KeyMetadata/MultiRegionConfiguration/PrimaryKey/Region"),
    })
}

/// Waits until every Region shows the same of every multi-Region key, Enabled; what still differs is the answer.
pub async fn agree(
    callers: &Callers,
    regions: &[Region],
    keys: &[DrillKey],
    patience: Duration,
) -> Vec<String> {
    let until = Instant::now() + patience;
    loop {
        let differences = differences(callers, regions, keys).await;
        if differences.is_empty() || Instant::now() > until {
            return differences;
        }
        tokio::time::sleep(POLL).await;
    }
}

async fn differences(callers: &Callers, regions: &[Region], keys: &[DrillKey]) -> Vec<String> {
    let mut found = Vec::new();
    for key in keys.iter().filter(|key| key.multi_region) {
        let views =
            futures::future::join_all(regions.iter().map(|region| shared(callers, region, key))).await;
        let distinct: BTreeSet<_> = views.iter().collect();
        let enabled = views
            .iter()
            .flatten()
            .all(|view| view.state == "Enabled" && view.primary == key.primary.as_str());
        if distinct.len() != 1 || !enabled || views.iter().any(Option::is_none) {
            let pairs: Vec<String> =
                regions.iter().zip(&views).map(|(region, view)| format!("{region}: {view:?}")).collect();
            found.push(format!("`{}` (primary {}): {}", key.id, key.primary, pairs.join("; ")));
        }
    }
    found
}
