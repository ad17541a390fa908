//! The steady stream: clients at home in each Region encrypt, and at once decrypt in another Region; a client whose
//! Region does not answer goes to the next one, as an application would.

use base64::{Engine, prelude::BASE64_STANDARD};
use kms_http::client::ClientError;
use kms_types::Region;
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;

use crate::{
    api::is_transient,
    drill::{
        callers::{Callers, text},
        observer::Sealed,
        scene::{DrillKey, Keys},
    },
};

/// Operations of one home Region under way at once.
const IN_FLIGHT: usize = 32;
/// How long a client leaves a Region alone that did not answer.
const AVOID: Duration = Duration::from_secs(1);
/// How often single-Region keys are used.
const SINGLE_REGION_SHARE: f64 = 0.15;

/// The load of one drill.
pub struct Load {
    tasks: JoinSet<()>,
    stop: CancellationToken,
}

impl Load {
    /// Starts `rate` operations per second in each of `regions`, with `drill` in their encryption contexts.
    pub fn start(
        callers: &Callers,
        keys: &Keys,
        regions: &[Region],
        rate: u32,
        seed: u64,
        drill: &str,
    ) -> Self {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for (number, home) in (0..).zip(regions) {
            let client = Arc::new(HomeClient {
                callers: callers.clone(),
                keys: keys.clone(),
                route: route(regions, home),
                home: home.clone(),
                drill: drill.to_owned(),
                avoid_until: Mutex::default(),
            });
            tasks.spawn(drive(client, rate, seed.wrapping_add(number), stop.clone()));
        }
        Self { tasks, stop }
    }

    /// Stops; operations under way are finished, so that nothing returned goes unseen.
    pub async fn stop(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}

/// Home first, then the others in a fixed order.
fn route(regions: &[Region], home: &Region) -> Vec<Region> {
    let others = regions.iter().filter(|region| *region != home);
    std::iter::once(home).chain(others).cloned().collect()
}

async fn drive(client: Arc<HomeClient>, rate: u32, seed: u64, stop: CancellationToken) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / rate.max(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let room = Arc::new(Semaphore::new(IN_FLIGHT));
    let mut operations = JoinSet::new();
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        let draw = client.draw(&mut rng);
        match (draw, room.clone().try_acquire_owned()) {
            (Some(draw), Ok(permit)) => {
                let client = client.clone();
                operations.spawn(async move {
                    client.operate(draw).await;
                    drop(permit);
                });
            }
            _ => client.callers.observer.count(|counts| counts.skipped_operations += 1),
        }
        while operations.try_join_next().is_some() {}
    }
    while operations.join_next().await.is_some() {}
}

/// Everything about one operation that chance decides, drawn in order, so that a seed repeats the choices.
struct Draw {
    key: DrillKey,
    plaintext: Vec<u8>,
    context: Value,
    /// Decides which of the other Regions decrypts.
    other: usize,
}

struct HomeClient {
    callers: Callers,
    keys: Keys,
    home: Region,
    drill: String,
    route: Vec<Region>,
    avoid_until: Mutex<BTreeMap<Region, Instant>>,
}

impl HomeClient {
    fn draw(&self, rng: &mut StdRng) -> Option<Draw> {
        let single = rng.random_bool(SINGLE_REGION_SHARE);
        let usable = |key: &DrillKey| key.multi_region != single && key.regions.contains(&self.home);
        let keys: Vec<DrillKey> = self.keys.all().into_iter().filter(usable).collect();
        let key = keys.choose(rng)?.clone();
        let length = rng.random_range(1..=512);
        let mut plaintext = vec![0; length];
        rng.fill(plaintext.as_mut_slice());
        let context = json!({ "drill": self.drill, "number": rng.random_range(0..1_000_000).to_string() });
        Some(Draw { key, plaintext, context, other: rng.random_range(0..64) })
    }

    async fn operate(&self, draw: Draw) {
        let begin = Instant::now();
        let encrypted = self.encrypt(&draw).await;
        // A single-Region key has nowhere else to go: its outages say nothing of failover.
        if draw.key.multi_region {
            let served_by = encrypted.as_ref().map(|(region, _)| region);
            self.callers.observer.operated(&self.home, served_by, begin.elapsed());
        }
        let Some((region, sealed)) = encrypted else {
            return self.callers.observer.count(|counts| match draw.key.multi_region {
                true => counts.failed_operations += 1,
                false => counts.unavailable_single_region += 1,
            });
        };
        if draw.key.multi_region {
            self.decrypt_elsewhere(&draw, &region, &sealed).await;
        }
    }

    /// Tries home, then the other Regions, as far as the key goes.
    async fn encrypt(&self, draw: &Draw) -> Option<(Region, Arc<Sealed>)> {
        let reachable = self.route_now().into_iter().filter(|region| draw.key.regions.contains(region));
        for region in reachable.collect::<Vec<_>>() {
            match self.encrypt_in(&region, draw).await {
                Ok(sealed) => return Some((region, sealed)),
                Err(error) => self.judge(&region, "Encrypt", &error, draw),
            }
        }
        None
    }

    async fn encrypt_in(&self, region: &Region, draw: &Draw) -> Result<Arc<Sealed>, ClientError> {
        let plaintext = BASE64_STANDARD.encode(&draw.plaintext);
        let body = json!({ "KeyId": draw.key.id, "Plaintext": plaintext, "EncryptionContext": draw.context });
        let answer = self.callers.once(region, "Encrypt", body).await?;
        Ok(self.callers.observer.sealed(Sealed {
            key: draw.key.id.clone(),
            multi_region: draw.key.multi_region,
            region: region.clone(),
            ciphertext: text(&answer, "/CiphertextBlob").unwrap_or_default().to_owned(),
            plaintext_sha256: Sha256::digest(&draw.plaintext).into(),
            context: draw.context.clone(),
            at_ms: self.callers.observer.now_ms(),
        }))
    }

    /// What one Region returned must open in another at once (invariant C1).
    async fn decrypt_elsewhere(&self, draw: &Draw, sealed_in: &Region, sealed: &Sealed) {
        let mut others: Vec<Region> =
            self.route.iter().filter(|region| *region != sealed_in).cloned().collect();
        let chosen = draw.other % others.len().max(1);
        others.rotate_left(chosen);
        let avoided = self.avoided();
        others.sort_by_key(|region| avoided.contains(region));
        for region in &others {
            match open(&self.callers, region, sealed).await {
                Ok(()) => return self.callers.observer.count(|counts| counts.cross_region_decrypts += 1),
                Err(Unopened::Call(error)) => self.judge(region, "Decrypt", &error, draw),
                Err(Unopened::WrongPlaintext) => {
                    let text = format!("{region} opened a ciphertext of {sealed_in} to another plaintext");
                    return self.callers.observer.violation(text);
                }
            }
        }
    }

    /// A Region may be away; it may not deny what it must be able to do.
    fn judge(&self, region: &Region, operation: &str, error: &ClientError, draw: &Draw) {
        let denied = !is_transient(error) || error.code == "KeyUnavailableException";
        if denied && !self.callers.observer.is_stale(region) {
            let key = &draw.key.id;
            self.callers
                .observer
                .violation(format!("{operation} under `{key}` in {region} was refused: {error}"));
        }
        let mut avoid = self.avoid_until.lock().unwrap_or_else(PoisonError::into_inner);
        avoid.insert(region.clone(), Instant::now() + AVOID);
    }

    /// The Regions that did not answer a moment ago.
    fn avoided(&self) -> BTreeSet<Region> {
        let (avoid, now) = (self.avoid_until.lock().unwrap_or_else(PoisonError::into_inner), Instant::now());
        avoid.iter().filter(|(_, until)| now < **until).map(|(region, _)| region.clone()).collect()
    }

    /// The route with those put last.
    fn route_now(&self) -> Vec<Region> {
        let (avoided, mut route) = (self.avoided(), self.route.clone());
        route.sort_by_key(|region| avoided.contains(region));
        route
    }
}

/// Why a ciphertext did not open.
#[derive(Debug)]
pub enum Unopened {
    /// The call failed.
    Call(ClientError),
    /// It opened to something else.
    WrongPlaintext,
}

/// Decrypts once and compares with what the observer knows.
pub async fn open(callers: &Callers, region: &Region, sealed: &Sealed) -> Result<(), Unopened> {
    let body = json!({ "CiphertextBlob": sealed.ciphertext, "EncryptionContext": sealed.context });
    let answer = callers.once(region, "Decrypt", body).await.map_err(Unopened::Call)?;
    if opens_to(&answer, sealed) { Ok(()) } else { Err(Unopened::WrongPlaintext) }
}

fn opens_to(answer: &Value, sealed: &Sealed) -> bool {
    let plaintext = text(answer, "/Plaintext").and_then(|text| BASE64_STANDARD.decode(text).ok());
    plaintext.is_some_and(|plaintext| sealed.plaintext_sha256 == *Sha256::digest(plaintext))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn home_comes_first_on_the_route() {
        let regions: Vec<Region> =
            ["us-east-1", "eu-west-1", "ap-southeast-2"].map(|r| r.parse().unwrap()).to_vec();
        let names: Vec<String> = route(&regions, &regions[1]).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["eu-west-1", "us-east-1", "ap-southeast-2"]);
    }

    #[test]
    fn plaintext_is_compared_by_its_hash() {
        let sealed = Sealed {
            key: "k".into(),
            multi_region: true,
            region: "us-east-1".parse().unwrap(),
            ciphertext: String::new(),
            plaintext_sha256: Sha256::digest(b"secret").into(),
            context: json!({}),
            at_ms: 0,
        };
        assert!(opens_to(&json!({ "Plaintext": BASE64_STANDARD.encode(b"secret") }), &sealed));
        assert!(!opens_to(&json!({ "Plaintext": BASE64_STANDARD.encode(b"Secret") }), &sealed));
        assert!(!opens_to(&json!({}), &sealed));
    }
}
