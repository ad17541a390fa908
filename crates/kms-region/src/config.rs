/// The machine's timers, in milliseconds of the driver's clock. None of them matters for correctness.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// First repeat of an unanswered Accept or Prepare; doubles up to `resend_most_ms`.
    pub resend_ms: u64,
    /// Longest interval between repeats.
    pub resend_most_ms: u64,
    /// Interval between pulls from each voter when nothing happens.
    pub pull_ms: u64,
    /// First repeat of a request for material; grows with every attempt.
    pub install_ms: u64,
    /// How long a primary looks for staged material that it does not hold, before it gives the rotation up (rule 7).
    pub staged_ms: u64,
    /// How long a promotion or an eviction waits for a majority.
    pub majority_ms: u64,
    /// How long a promotion waits for voters of which nothing at all is heard: every voter pulls much more often.
    pub silence_ms: u64,
    /// How long the old primary leaves a handoff to the successor (rule 8).
    pub handoff_ms: u64,
    /// How long a primary waits for a candidate that was promised a higher epoch, before it promotes itself again.
    pub reclaim_ms: u64,
    /// How long a rotation may wait for a member before an alarm, and the interval of its repeats.
    pub alarm_ms: u64,
    /// Interval between a due replica's requests to leave (rule 11).
    pub leave_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            resend_ms: 250,
            resend_most_ms: 2_000,
            pull_ms: 500,
            install_ms: 500,
            staged_ms: 5_000,
            majority_ms: 10_000,
            silence_ms: 3_000,
            handoff_ms: 30_000,
            reclaim_ms: 10_000,
            alarm_ms: 60_000,
            leave_ms: 1_000,
        }
    }
}
