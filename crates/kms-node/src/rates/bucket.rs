//! One token bucket: holds a second's worth of calls, at least one, and fills at its rate.

use tokio::time::Instant;

#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(super) fn full(rate: f64, now: Instant) -> Self {
        Self { tokens: capacity(rate), filled: now }
    }

    /// Takes a token if there is a whole one.
    pub(super) fn take(&mut self, rate: f64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + passed * rate).min(capacity(rate));
        self.filled = now;
        if self.tokens < 1.0 {
            return false;
        }
        self.tokens -= 1.0;
        true
    }
}

/// A class of rate zero is closed; of any other, even a slow one, a call can be saved up.
fn capacity(rate: f64) -> f64 {
    if rate > 0.0 { rate.max(1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn taken(bucket: &mut Bucket, rate: f64, at: Instant, tries: usize) -> usize {
        (0..tries).filter(|_| bucket.take(rate, at)).count()
    }

    #[test]
    fn a_bucket_holds_a_second_and_fills_at_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::full(10.0, start);
        assert_eq!(taken(&mut bucket, 10.0, start, 20), 10);
        assert_eq!(taken(&mut bucket, 10.0, start + Duration::from_millis(500), 20), 5);
        assert_eq!(taken(&mut bucket, 10.0, start + Duration::from_secs(60), 20), 10);
    }

    #[test]
    fn a_slow_class_lets_one_call_through_at_a_time() {
        let start = Instant::now();
        let mut bucket = Bucket::full(0.25, start);
        assert_eq!(taken(&mut bucket, 0.25, start, 5), 1);
        assert_eq!(taken(&mut bucket, 0.25, start + Duration::from_secs(3), 5), 0);
        assert_eq!(taken(&mut bucket, 0.25, start + Duration::from_secs(5), 5), 1);
    }

    #[test]
    fn a_rate_of_zero_closes_the_class() {
        let start = Instant::now();
        let mut bucket = Bucket::full(0.0, start);
        assert!(!bucket.take(0.0, start) && !bucket.take(0.0, start + Duration::from_secs(9)));
    }
}
