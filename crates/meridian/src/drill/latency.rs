//! How long clients waited, over time: samples in, a plottable series out. Pure.

use kms_types::Region;
use serde::Serialize;
use std::collections::BTreeMap;

/// One operation of a client, from its first attempt to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When it ended, since the drill's begin.
    pub at_ms: u64,
    /// How long it took.
    pub took_us: u64,
    /// False if no Region served it.
    pub served: bool,
}

/// The operations of one stretch of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Its begin.
    pub from_ms: u64,
    /// Operations that were served.
    pub served: usize,
    /// Operations that no Region served.
    pub failed: usize,
    /// Half of the served ones took no longer; absent if there are none.
    pub p50_us: Option<u64>,
    /// The longest of the served ones.
    pub max_us: Option<u64>,
}

/// The latency of the clients of one Region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Series {
    /// The Region where the clients are at home.
    pub region: Region,
    /// The length of a bucket.
    pub bucket_ms: u64,
    /// From the drill's begin to its end, also those without any operation.
    pub buckets: Vec<Bucket>,
}

/// A chart is about this many points wide.
const POINTS: u64 = 160;
/// Shorter buckets than this hold too little to have a median.
const SHORTEST_BUCKET_MS: u64 = 250;

/// One series per Region, over `0..end_ms`.
pub fn series(samples: &BTreeMap<Region, Vec<Sample>>, end_ms: u64) -> Vec<Series> {
    let bucket_ms = (end_ms / POINTS).max(SHORTEST_BUCKET_MS).next_multiple_of(50);
    samples
        .iter()
        .map(|(region, samples)| Series {
            region: region.clone(),
            bucket_ms,
            buckets: buckets(samples, bucket_ms, end_ms),
        })
        .collect()
}

fn buckets(samples: &[Sample], bucket_ms: u64, end_ms: u64) -> Vec<Bucket> {
    let mut by_bucket: BTreeMap<u64, Vec<&Sample>> =
        (0..=end_ms / bucket_ms).map(|index| (index, Vec::new())).collect();
    for sample in samples {
        by_bucket.entry(sample.at_ms / bucket_ms).or_default().push(sample);
    }
    by_bucket
        .into_iter()
        .map(|(index, samples)| {
            let mut took: Vec<u64> =
                samples.iter().filter(|sample| sample.served).map(|s| s.took_us).collect();
            took.sort_unstable();
            Bucket {
                from_ms: index * bucket_ms,
                served: took.len(),
                failed: samples.len() - took.len(),
                p50_us: percentile(&took, 50),
                max_us: took.last().copied(),
            }
        })
        .collect()
}

/// The value that `percent` per cent of the sorted values do not exceed (nearest rank).
pub fn percentile(sorted: &[u64], percent: usize) -> Option<u64> {
    let rank = (sorted.len() * percent).div_ceil(100).max(1);
    sorted.get(rank - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_nearest_rank() {
        let hundred: Vec<u64> = (1..=100).collect();
        assert_eq!([50, 99, 100].map(|p| percentile(&hundred, p)), [Some(50), Some(99), Some(100)]);
        assert_eq!(
            (percentile(&[7], 50), percentile(&[7], 99), percentile(&[], 50)),
            (Some(7), Some(7), None)
        );
    }

    #[test]
    fn stretch_without_operations_is_in_the_series() {
        let sample = |at_ms, took_us, served| Sample { at_ms, took_us, served };
        let samples =
            [sample(10, 900, true), sample(20, 300, true), sample(30, 1, false), sample(600, 5, true)];
        let region: Region = "us-east-1".parse().unwrap();
        let series = series(&BTreeMap::from([(region, samples.to_vec())]), 700);
        let seen: Vec<_> =
            series[0].buckets.iter().map(|b| (b.from_ms, b.served, b.failed, b.p50_us, b.max_us)).collect();
        let expected =
            [(0, 2, 1, Some(300), Some(900)), (250, 0, 0, None, None), (500, 1, 0, Some(5), Some(5))];
        assert_eq!(seen, expected);
    }
}
