//! The drill's API clients, one per data Region. Counts every failed call and every repetition.

use kms_http::client::{ClientError, KmsClient};
use kms_types::Region;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    api::{client, is_transient},
    drill::observer::Observer,
};

const CALL_TIMEOUT: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(800);

/// Callers of every data Region.
#[derive(Clone)]
pub struct Callers {
    by_region: Arc<BTreeMap<Region, KmsClient>>,
    /// Who counts.
    pub observer: Arc<Observer>,
}

impl Callers {
    /// Callers of `regions` through `endpoint`, which routes by the Region that a call is signed for.
    pub fn new(endpoint: &str, regions: &[Region], observer: Arc<Observer>) -> Self {
        let caller = |region: &Region| (region.clone(), client(endpoint, region, CALL_TIMEOUT));
        Self { by_region: Arc::new(regions.iter().map(caller).collect()), observer }
    }

    /// Calls once.
    pub async fn once(&self, region: &Region, operation: &str, body: Value) -> Result<Value, ClientError> {
        let Some(client) = self.by_region.get(region) else {
            let message = format!("the drill has no caller of `{region}`");
            return Err(ClientError { status: 0, code: "InvalidRequest".into(), message });
        };
        let result = client.call(operation, body).await;
        if let Err(error) = &result {
            self.observer.failed_call(region, &format!("{operation} {}", error.code));
        }
        result
    }

    /// Calls until an answer that is not transient, for as long as `patience`.
    pub async fn persist(
        &self,
        region: &Region,
        operation: &str,
        body: Value,
        patience: Duration,
    ) -> Result<Value, ClientError> {
        let until = Instant::now() + patience;
        let mut pause = PAUSE;
        loop {
            match self.once(region, operation, body.clone()).await {
                Err(error) if is_transient(&error) && Instant::now() < until => {
                    self.observer.count(|counts| counts.retries += 1);
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                done => return done,
            }
        }
    }
}

/// A member of an answer, as text.
pub fn text<'a>(answer: &'a Value, pointer: &str) -> Option<&'a str> {
    answer.pointer(pointer).and_then(Value::as_str)
}
