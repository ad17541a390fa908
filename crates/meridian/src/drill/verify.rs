//! Opens every ciphertext that was ever returned, in every Region that should be able to, and lists those that fail.

use futures::{StreamExt, stream};
use kms_types::Region;
use serde::Serialize;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    api::is_transient,
    drill::{
        callers::Callers,
        load::{Unopened, open},
        observer::Sealed,
    },
};

const AT_ONCE: usize = 16;
/// Transient errors are repeated, and counted, for this long; then the ciphertext counts as lost.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_millis(100);
/// More failures than this are only counted.
const MOST_LISTED: usize = 20;

/// The result of one sweep over all ciphertexts.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Sweep {
    /// Ciphertexts known when the sweep began.
    pub ciphertexts: usize,
    /// Decrypts, one per ciphertext and Region that can open it.
    pub decrypts: usize,
    /// Decrypts that gave no plaintext or the wrong one.
    pub failed: usize,
    /// The first of them, in words.
    pub failures: Vec<String>,
}

/// Opens each of `sealed` in each of `live`.
pub async fn sweep(callers: &Callers, sealed: Vec<Arc<Sealed>>, live: &[Region]) -> Sweep {
    let ciphertexts = sealed.len();
    let pairs = sealed.into_iter().flat_map(|sealed| {
        let able = live.iter().filter(|region| sealed.multi_region || **region == sealed.region);
        able.map(|region| (sealed.clone(), region.clone())).collect::<Vec<_>>()
    });
    let pairs: Vec<_> = pairs.collect();
    let all = pairs.len();
    let mut results = stream::iter(pairs)
        .map(|(sealed, region)| async move { persist(callers, &region, &sealed).await })
        .buffer_unordered(AT_ONCE);
    let mut sweep = Sweep { ciphertexts, ..Sweep::default() };
    while let Some(result) = results.next().await {
        sweep.decrypts += 1;
        callers.observer.doing(format!("; opening {} of {all}", sweep.decrypts));
        if let Err(failure) = result {
            sweep.failed += 1;
            sweep.failures.push(failure);
            sweep.failures.truncate(MOST_LISTED);
        }
    }
    drop(results);
    callers.observer.doing(String::new());
    sweep
}

async fn persist(callers: &Callers, region: &Region, sealed: &Sealed) -> Result<(), String> {
    let until = Instant::now() + PATIENCE;
    let about = || {
        format!("ciphertext of t+{} ms by {} under `{}` in {region}", sealed.at_ms, sealed.region, sealed.key)
    };
    loop {
        match open(callers, region, sealed).await {
            Ok(()) => return Ok(()),
            Err(Unopened::WrongPlaintext) => return Err(format!("{}: wrong plaintext", about())),
            Err(Unopened::Call(error)) if is_transient(&error) && Instant::now() < until => {
                callers.observer.count(|counts| counts.retries += 1);
                tokio::time::sleep(PAUSE).await;
            }
            Err(Unopened::Call(error)) => return Err(format!("{}: {error}", about())),
        }
    }
}
