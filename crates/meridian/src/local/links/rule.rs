//! What is wrong with the way from one node to another. Values and their arithmetic; `flow` obeys them.

use kms_types::Entropy;
use serde::{Deserialize, Serialize};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// The payload of a TCP segment on an Ethernet path: what is lost, or sent at a rate, one at a time.
pub(super) const SEGMENT_BYTES: usize = 1460;
/// Linux's shortest retransmission timeout, TCP_RTO_MIN.
const RETRANSMIT: Duration = Duration::from_millis(200);
/// The timeout for the first packet of a connection [RFC6298 §2.1].
const CONNECT_RETRANSMIT: Duration = Duration::from_secs(1);
/// Losses in a row that are counted: the timeout doubles with each, and 2^7 × 200 ms is as long as anybody waits.
const MOST_LOSSES: u32 = 7;

/// A fault of the way between nodes, as commands name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum LinkFault {
    /// Nothing arrives.
    Partition,
    /// Everything arrives later, in order.
    Delay {
        /// By how much, in microseconds.
        delay_us: u64,
        /// Up to so much more or less, in microseconds.
        #[serde(default)]
        jitter_us: u64,
    },
    /// This share of segments is lost at each try and sent again.
    Loss {
        /// Parts per million, below a million.
        ppm: u32,
    },
    /// Key material waits before it is installed on the other side, and a Region of either side before it takes over a key: the
    /// windows of `Creating`, `Updating` and a rotation stay open for longer. Everything else arrives as ever.
    SlowReplication {
        /// By how much, in microseconds; counted in milliseconds.
        delay_us: u64,
    },
    /// So much arrives per second.
    Rate {
        /// Bits per second, at least 8.
        bits_per_s: u64,
    },
}

/// Why a fault makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// Jitter that would deliver before sending.
    #[error("jitter is at most as long as the delay")]
    Jitter,
    /// A delay nobody waits for.
    #[error("a delay is at most an hour; a partition holds everything")]
    Delay,
    /// Everything lost for ever.
    #[error("a loss is below 100%; a partition loses everything")]
    Loss,
    /// No rate.
    #[error("a rate is at least 8 bits per second; a partition stops everything")]
    Rate,
}

const MOST_DELAY_US: u64 = 3_600_000_000;

impl LinkFault {
    /// True for what ends a fault of its kind: no delay, no loss.
    pub fn is_nothing(&self) -> bool {
        match *self {
            Self::Delay { delay_us: us, .. } | Self::SlowReplication { delay_us: us } => us == 0,
            Self::Loss { ppm } => ppm == 0,
            Self::Partition | Self::Rate { .. } => false,
        }
    }

    /// Refuses values that mean nothing, or another fault.
    pub fn check(&self) -> Result<(), FaultError> {
        match *self {
            Self::Delay { delay_us, .. } | Self::SlowReplication { delay_us } if delay_us > MOST_DELAY_US => {
                Err(FaultError::Delay)
            }
            Self::Delay { delay_us, jitter_us } if jitter_us > delay_us => Err(FaultError::Jitter),
            Self::Loss { ppm } if ppm >= 1_000_000 => Err(FaultError::Loss),
            Self::Rate { bits_per_s } if bits_per_s < 8 => Err(FaultError::Rate),
            Self::Partition
            | Self::Delay { .. }
            | Self::SlowReplication { .. }
            | Self::Loss { .. }
            | Self::Rate { .. } => Ok(()),
        }
    }
}

/// Everything that is wrong with one direction between two nodes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Rule {
    pub(super) cut: bool,
    pub(super) delay: Delay,
    pub(super) loss_ppm: u32,
    /// For the nodes, which obey it themselves.
    pub(super) slow_replication: Duration,
    pub(super) rate: Option<Rate>,
}

impl Rule {
    /// The same with one more fault. `rate` is the pipe of this command, if the fault is one.
    pub(super) fn with(mut self, fault: LinkFault, rate: Option<&Rate>) -> Self {
        match fault {
            LinkFault::Partition => self.cut = true,
            LinkFault::Delay { delay_us, jitter_us } => {
                let us = Duration::from_micros;
                self.delay = Delay { base: us(delay_us), jitter: us(jitter_us) };
            }
            LinkFault::Loss { ppm } => self.loss_ppm = ppm,
            LinkFault::SlowReplication { delay_us } => {
                self.slow_replication = Duration::from_micros(delay_us);
            }
            LinkFault::Rate { .. } => self.rate = rate.cloned(),
        }
        self
    }

    pub(super) fn is_clear(&self) -> bool {
        *self == Self::default()
    }

    /// The faults that make up the rule.
    pub(super) fn faults(&self) -> impl Iterator<Item = LinkFault> + use<> {
        let us = |duration: Duration| u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let delay = LinkFault::Delay { delay_us: us(self.delay.base), jitter_us: us(self.delay.jitter) };
        let all = [
            self.cut.then_some(LinkFault::Partition),
            (self.delay != Delay::default()).then_some(delay),
            (!self.slow_replication.is_zero())
                .then_some(LinkFault::SlowReplication { delay_us: us(self.slow_replication) }),
            (self.loss_ppm > 0).then_some(LinkFault::Loss { ppm: self.loss_ppm }),
            self.rate.as_ref().map(|rate| LinkFault::Rate { bits_per_s: rate.bits_per_s }),
        ];
        all.into_iter().flatten()
    }

    /// How much later a segment arrives because it, or what was sent in its place, is lost.
    pub(super) fn lost_time(&self, entropy: &mut dyn Entropy) -> Duration {
        self.backed_off(RETRANSMIT + self.delay.base * 2, entropy)
    }

    /// The same for the first packet of a connection.
    pub(super) fn lost_connect_time(&self, entropy: &mut dyn Entropy) -> Duration {
        self.backed_off(CONNECT_RETRANSMIT, entropy)
    }

    fn backed_off(&self, timeout: Duration, entropy: &mut dyn Entropy) -> Duration {
        let mut losses = 0;
        while self.loss_ppm > 0
            && losses < MOST_LOSSES
            && below(1_000_000, entropy) < u64::from(self.loss_ppm)
        {
            losses += 1;
        }
        timeout * ((1 << losses) - 1)
    }
}

/// A delay and how much it varies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Delay {
    pub(super) base: Duration,
    pub(super) jitter: Duration,
}

impl Delay {
    /// One delay, uniform between `base - jitter` and `base + jitter`.
    pub(super) fn draw(&self, entropy: &mut dyn Entropy) -> Duration {
        if self.jitter.is_zero() {
            return self.base;
        }
        let width_us = u64::try_from(self.jitter.as_micros()).unwrap_or(u64::MAX / 4) * 2;
        (self.base + Duration::from_micros(below(width_us + 1, entropy))).saturating_sub(self.jitter)
    }
}

/// A number from 0 to below `end`. The bias of the remainder is below one in a billion for what is drawn here.
fn below(end: u64, entropy: &mut dyn Entropy) -> u64 {
    u64::from_le_bytes(entropy.array()) % end.max(1)
}

/// A pipe of limited rate. What shares it, shares the rate.
#[derive(Debug, Clone)]
pub(super) struct Rate {
    bits_per_s: u64,
    /// When everything accepted so far has left.
    free_at: Arc<Mutex<Option<Instant>>>,
}

impl PartialEq for Rate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.free_at, &other.free_at)
    }
}

impl Rate {
    pub(super) fn new(bits_per_s: u64) -> Self {
        Self { bits_per_s: bits_per_s.max(8), free_at: Arc::default() }
    }

    /// When the last bit of `size_bytes` has left that were handed over at `now`.
    pub(super) fn departure(&self, now: Instant, size_bytes: usize) -> Instant {
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let start = free_at.map_or(now, |at| at.max(now));
        let bits = u64::try_from(size_bytes).unwrap_or(u64::MAX).saturating_mul(8);
        let end = start + Duration::from_secs_f64(bits as f64 / self.bits_per_s as f64);
        *free_at = Some(end);
        end
    }

    /// How many bytes pass in `time`.
    pub(super) fn bytes_in(&self, time: Duration) -> usize {
        (self.bits_per_s as f64 / 8.0 * time.as_secs_f64()) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::links::tests::Counting;

    #[test]
    fn jitter_stays_within_its_bounds() {
        let us = Duration::from_micros;
        let delay = Delay { base: us(80_000), jitter: us(10_000) };
        let mut entropy = Counting::default();
        let drawn: Vec<Duration> = (0..1000).map(|_| delay.draw(&mut entropy)).collect();
        assert!(drawn.iter().all(|d| (us(70_000)..=us(90_000)).contains(d)));
    }

    #[test]
    fn loss_costs_a_doubling_timeout() {
        let rule = Rule { loss_ppm: 999_999, ..Rule::default() };
        let mut entropy = Counting::default();
        let drawn: Vec<Duration> = (0..100).map(|_| rule.lost_time(&mut entropy)).collect();
        assert!(drawn.iter().all(|time| *time == RETRANSMIT * 127), "{drawn:?}");
        assert_eq!(Rule::default().lost_time(&mut Counting::default()), Duration::ZERO);
    }

    #[test]
    fn loss_hits_the_named_share() {
        let (rule, mut entropy) = (Rule { loss_ppm: 50_000, ..Rule::default() }, Counting::default());
        let lost = (0..20_000).filter(|_| !rule.lost_time(&mut entropy).is_zero()).count();
        assert!((800..1200).contains(&lost), "{lost} of 20000 at 5%");
    }

    #[test]
    fn rate_is_shared_by_everything_in_the_pipe() {
        let (rate, now) = (Rate::new(8_000), Instant::now());
        assert_eq!(rate.departure(now, 500), now + Duration::from_millis(500));
        assert_eq!(rate.clone().departure(now, 500), now + Duration::from_secs(1));
        let later = now + Duration::from_secs(5);
        assert_eq!(
            rate.departure(later, 100),
            later + Duration::from_millis(100),
            "idle time is not saved up"
        );
    }

    #[test]
    fn senseless_faults_are_refused() {
        let refused = |fault: LinkFault| fault.check().unwrap_err();
        assert_eq!(refused(LinkFault::Delay { delay_us: 5, jitter_us: 6 }), FaultError::Jitter);
        assert_eq!(
            refused(LinkFault::Delay { delay_us: MOST_DELAY_US + 1, jitter_us: 0 }),
            FaultError::Delay
        );
        assert_eq!(refused(LinkFault::Loss { ppm: 1_000_000 }), FaultError::Loss);
        assert_eq!(refused(LinkFault::Rate { bits_per_s: 7 }), FaultError::Rate);
    }
}
