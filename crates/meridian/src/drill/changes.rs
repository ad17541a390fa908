//! The steady stream of management changes, and the search for those that were acknowledged and are gone.
//!
//! Each change is tried once: a repeated attempt would blur what was acknowledged.

use kms_http::client::ClientError;
use kms_types::Region;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    api::is_transient,
    drill::{
        callers::Callers,
        in_force::Link,
        ledger::{Ledger, Outcome, Property, Scope, Subject},
        scene::{DrillKey, Keys},
    },
    local::node_config::ACCOUNT,
};

mod search;

/// The limit of aliases per key is 50.
const ALIASES_PER_KEY: u32 = 40;
/// The limit of on-demand rotations per key is 25.
const ROTATIONS_PER_KEY: u32 = 15;
const ROTATION_TIMEOUT: Duration = Duration::from_secs(10);

/// The changes of one drill.
#[derive(Clone)]
pub struct Changes {
    callers: Callers,
    keys: Keys,
    regions: Vec<Region>,
    book: Arc<Mutex<Book>>,
    /// Held for the length of a change, and of a search: nobody changes what is being searched for.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// Read by each rotation that is asked for and not yet written down; a search waits for them.
    under_way: Arc<tokio::sync::RwLock<()>>,
}

#[derive(Default)]
struct Book {
    ledger: Ledger,
    /// Regions where nothing is changed: those that are away, as far as the drill knows.
    away: BTreeSet<Region>,
    /// Links over which Regions cannot hear each other.
    cut: BTreeSet<Link>,
    next: BTreeMap<(String, Property), u32>,
    in_progress: BTreeMap<String, u32>,
    /// Keys whose rotation met the promotion, which may carry it on or give it up (rule 7), also some time later.
    at_risk: BTreeSet<String>,
    given_up: usize,
    refused: u64,
}

/// The running stream.
pub struct ChangeStream {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl ChangeStream {
    /// Stops after the change under way.
    pub async fn stop(self) {
        self.stop.cancel();
        let _ = self.task.await;
    }
}

impl Changes {
    /// Nothing changed yet.
    pub fn new(callers: &Callers, keys: &Keys, regions: &[Region]) -> Self {
        Self {
            callers: callers.clone(),
            keys: keys.clone(),
            regions: regions.to_vec(),
            book: Arc::default(),
            turn: Arc::default(),
            under_way: Arc::default(),
        }
    }

    /// Starts `rate` changes per second.
    pub fn start(&self, rate: u32, seed: u64) -> ChangeStream {
        let (changes, stop) = (self.clone(), CancellationToken::new());
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let mut rng = StdRng::seed_from_u64(seed);
            let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            while stopped.run_until_cancelled(ticks.tick()).await.is_some() {
                changes.one(&mut rng).await;
            }
        });
        ChangeStream { task, stop }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on nothing is changed in `away`, and no rotation is begun while anything is away or cut: it would wait for
    /// every member.
    pub fn hindered(&self, away: BTreeSet<Region>, cut: BTreeSet<Link>) {
        let mut book = self.book();
        (book.away, book.cut) = (away, cut);
    }

    /// What `region` kept for itself is gone with it, and is not looked for.
    pub fn lost_with(&self, region: &Region) {
        self.book().ledger.lost_with(region);
    }

    /// The book as it is now.
    pub fn ledger(&self) -> Ledger {
        self.book().ledger.clone()
    }

    /// Changes that the service refused, which therefore need not hold.
    pub fn refused(&self) -> u64 {
        self.book().refused
    }

    /// Keys with an on-demand rotation that was acknowledged and has not been seen complete.
    pub fn rotations_in_progress(&self) -> Vec<String> {
        self.book().in_progress.keys().cloned().collect()
    }

    async fn one(&self, rng: &mut StdRng) {
        let _turn = self.turn.lock().await;
        let away = self.book().away.clone();
        let live: Vec<Region> =
            self.regions.iter().filter(|region| !away.contains(region)).cloned().collect();
        let keys = self.keys.all();
        let (Some(region), Some(key)) = (live.choose(rng), keys.choose(rng)) else { return };
        let shared = key.multi_region && live.contains(&key.primary);
        match rng.random_range(0..10) {
            0..4 if shared => self.rotation_period(key).await,
            4 if shared && self.everyone_is_there() => self.rotate(key).await,
            5 => self.alias(region, key).await,
            6 => self.policy(region, key).await,
            7 => self.tag(region, key).await,
            _ => self.description(region, key).await,
        }
    }

    fn everyone_is_there(&self) -> bool {
        let book = self.book();
        book.away.is_empty() && book.cut.is_empty()
    }

    fn number(&self, key: &str, property: Property) -> u32 {
        let mut book = self.book();
        let next = book.next.entry((key.to_owned(), property)).or_default();
        *next += 1;
        *next
    }

    async fn rotation_period(&self, key: &DrillKey) {
        let days = 90 + self.number(&key.id, Property::RotationPeriod) % 2400;
        let body = json!({ "KeyId": key.id, "RotationPeriodInDays": days });
        let subject =
            Subject { scope: Scope::Shared, key: key.id.clone(), property: Property::RotationPeriod };
        self.change(&key.primary, "EnableKeyRotation", body, subject, days.to_string()).await;
    }

    async fn description(&self, region: &Region, key: &DrillKey) {
        if key.regions.contains(region) {
            let value = format!(
                "drill change {}",
                self.number(&format!("{region}{}", key.id), Property::Description)
            );
            let body = json!({ "KeyId": key.id, "Description": value });
            self.change(
                region,
                "UpdateKeyDescription",
                body,
                own(region, &key.id, Property::Description),
                value,
            )
            .await;
        }
    }

    async fn tag(&self, region: &Region, key: &DrillKey) {
        if key.regions.contains(region) {
            let value = self.number(&format!("{region}{}", key.id), Property::Tag).to_string();
            let body = json!({ "KeyId": key.id, "Tags": [{ "TagKey": "drill", "TagValue": value }] });
            self.change(region, "TagResource", body, own(region, &key.id, Property::Tag), value).await;
        }
    }

    async fn policy(&self, region: &Region, key: &DrillKey) {
        if key.regions.contains(region) {
            let value = format!("Drill{}", self.number(&format!("{region}{}", key.id), Property::Policy));
            let body = json!({ "KeyId": key.id, "Policy": policy(&value) });
            self.change(region, "PutKeyPolicy", body, own(region, &key.id, Property::Policy), value).await;
        }
    }

    async fn alias(&self, region: &Region, key: &DrillKey) {
        let number = self.number(&format!("{region}{}", key.id), Property::Alias);
        if key.regions.contains(region) && number <= ALIASES_PER_KEY {
            let name = format!("alias/drill/{}/{number}", key.id);
            let body = json!({ "AliasName": name, "TargetKeyId": key.id });
            self.change(region, "CreateAlias", body, own(region, &name, Property::Alias), key.id.clone())
                .await;
        }
    }

    async fn change(&self, region: &Region, operation: &str, body: Value, subject: Subject, value: String) {
        let result = self.callers.once(region, operation, body).await;
        let mut book = self.book();
        match outcome(&result) {
            Some(outcome) => book.ledger.record(subject, value, outcome),
            None => book.refused += 1,
        }
    }

    /// Rotates and waits until the new material is in use; until then the rotation may still be given up by a promotion.
    async fn rotate(&self, key: &DrillKey) {
        let too_many = self
            .book()
            .next
            .get(&(key.id.clone(), Property::Rotations))
            .is_some_and(|n| *n >= ROTATIONS_PER_KEY);
        if too_many || self.book().in_progress.contains_key(&key.id) {
            return;
        }
        if self.try_rotate(key, &key.primary).await.is_ok() {
            let until = Instant::now() + ROTATION_TIMEOUT;
            while !self.rotation_done(&key.primary, &key.id).await
                && Instant::now() < until
                && self.everyone_is_there()
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    /// Asks for a rotation once and writes it down. In a task of its own: who asks may stop waiting, and the request has its
    /// effect all the same.
    pub async fn try_rotate(&self, key: &DrillKey, region: &Region) -> Result<(), ClientError> {
        let (changes, key, region) = (self.clone(), key.clone(), region.clone());
        let under_way = self.under_way.clone().read_owned().await;
        let asked = tokio::spawn(async move {
            let result = changes.rotate_once(&key, &region).await;
            drop(under_way);
            result
        });
        let ended = |error: tokio::task::JoinError| ClientError {
            status: 0,
            code: "InvalidAnswer".into(),
            message: error.to_string(),
        };
        asked.await.unwrap_or_else(|error| Err(ended(error)))
    }

    async fn rotate_once(&self, key: &DrillKey, region: &Region) -> Result<(), ClientError> {
        let result = self.callers.once(region, "RotateKeyOnDemand", json!({ "KeyId": key.id })).await;
        if outcome(&result).is_some() {
            let number = self.number(&key.id, Property::Rotations);
            let mut book = self.book();
            book.ledger.record(rotations(&key.id), number.to_string(), Outcome::Unknown);
            if result.is_ok() {
                book.in_progress.insert(key.id.clone(), number);
            }
        }
        result.map(|_| ())
    }

    fn give_up(&self, key: &str) {
        let mut book = self.book();
        book.in_progress.remove(key);
        book.at_risk.remove(key);
        book.given_up += 1;
    }

    /// How many rotations promotions gave up.
    pub fn rotations_given_up(&self) -> usize {
        self.book().given_up
    }

    /// True, and written down, once the key's rotation is complete.
    pub async fn rotation_done(&self, region: &Region, key: &str) -> bool {
        let Some(number) = self.book().in_progress.get(key).copied() else { return true };
        let answer = self.callers.once(region, "GetKeyRotationStatus", json!({ "KeyId": key })).await;
        let done = answer.is_ok_and(|answer| answer.get("OnDemandRotationStartDate").is_none());
        let at_risk = self.book().at_risk.contains(key);
        if done && at_risk && self.read(&rotations(key), region).await.is_ok_and(|n| n != number.to_string())
        {
            self.give_up(key);
        } else if done {
            let mut book = self.book();
            book.in_progress.remove(key);
            book.ledger.record(rotations(key), number.to_string(), Outcome::Acknowledged);
        }
        done
    }
}

/// A refusal has no effect and is nothing to look for; everything else is.
fn outcome(result: &Result<Value, ClientError>) -> Option<Outcome> {
    match result {
        Ok(_) => Some(Outcome::Acknowledged),
        Err(error) if is_transient(error) => Some(Outcome::Unknown),
        Err(_) => None,
    }
}

fn own(region: &Region, key: &str, property: Property) -> Subject {
    Subject { scope: Scope::Region(region.clone()), key: key.to_owned(), property }
}

fn rotations(key: &str) -> Subject {
    Subject { scope: Scope::Shared, key: key.to_owned(), property: Property::Rotations }
}

fn policy(sid: &str) -> String {
    let statement = json!({
        "Sid": sid,
        "Effect": "Allow",
        "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
        "Action": "kms:*",
        "Resource": "*",
    });
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_are_no_changes_and_faults_are_unknown_ones() {
        let error = |status| Err(ClientError { status, code: "X".into(), message: String::new() });
        assert_eq!(outcome(&Ok(Value::Null)), Some(Outcome::Acknowledged));
        assert_eq!(outcome(&error(503)), Some(Outcome::Unknown));
        assert_eq!(outcome(&error(0)), Some(Outcome::Unknown));
        assert_eq!(outcome(&error(400)), None);
    }
}
