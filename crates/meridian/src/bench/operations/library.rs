//! The time of a library call: the median of batches that are long enough for the clock.

use std::time::{Duration, Instant};

use crate::failure::Failure;

/// One call; false if it failed, which ends the benchmark.
pub(super) type Call = Box<dyn FnMut() -> bool + Send>;

const BATCH_TIME: Duration = Duration::from_micros(50);
const LEAST_BATCHES: usize = 5;
const MOST_BATCHES: usize = 5000;

/// The median over batches within `time`, on a thread of its own.
pub(super) async fn median(mut call: Call, time: Duration) -> Result<Duration, Failure> {
    let measured = tokio::task::spawn_blocking(move || measured(&mut call, time)).await;
    let measured = measured.map_err(|error| Failure::Bench(error.to_string()))?;
    measured.ok_or_else(|| Failure::Bench("a library call failed".into()))
}

fn measured(call: &mut Call, time: Duration) -> Option<Duration> {
    // Twice: code and data are warm the second time.
    let once = [batch(call, 1)?, batch(call, 1)?].into_iter().min()?;
    let calls = u32::try_from(BATCH_TIME.as_nanos() / once.as_nanos().max(1)).unwrap_or(1).max(1);
    let (mut batches, began) = (Vec::new(), Instant::now());
    while batches.len() < LEAST_BATCHES || (began.elapsed() < time && batches.len() < MOST_BATCHES) {
        batches.push(batch(call, calls)? / calls);
    }
    batches.sort_unstable();
    batches.get(batches.len() / 2).copied()
}

fn batch(call: &mut Call, calls: u32) -> Option<Duration> {
    let began = Instant::now();
    let succeeded = (0..calls).fold(true, |all, _| call() && all);
    let taken = began.elapsed();
    succeeded.then_some(taken)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_takes_at_least_what_it_sleeps() {
        let mut call: Call = Box::new(|| {
            std::thread::sleep(Duration::from_millis(1));
            true
        });
        assert!(measured(&mut call, Duration::from_millis(5)).unwrap() >= Duration::from_millis(1));
    }

    #[test]
    fn a_failure_is_no_measurement() {
        let mut call: Call = Box::new(|| false);
        assert_eq!(measured(&mut call, Duration::ZERO), None);
    }
}
