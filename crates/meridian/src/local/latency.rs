//! `meridian local latency`: round-trip times between Regions, from a file or as measured between AWS's Regions.

use clap::{Args, ValueEnum};
use kms_types::Region;
use serde::Deserialize;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::{
    failure::{Failure, io_error},
    local::{
        control::{self, Request},
        layout::{Cluster, DataDir, NodeKey},
        links::{Latency, LinkFault, Sides, Way},
        network::OutputArgs,
    },
};

/// Flags of `local latency`.
#[derive(Debug, Args)]
pub struct LatencyCommandArgs {
    /// A file with a line per pair of Regions: `us-east-1 eu-west-1 80ms`. The times are of round trips.
    #[arg(required_unless_present = "preset")]
    file: Option<PathBuf>,
    /// Round-trip times that others measured.
    #[arg(long, value_enum, conflicts_with = "file")]
    preset: Option<Preset>,
    #[command(flatten)]
    output: OutputArgs,
}

/// Flags of `local up` about latency.
#[derive(Debug, Clone, Args)]
pub struct LatencyArgs {
    /// Round-trip times between Regions, as `local latency FILE` sets them.
    #[arg(long = "latency", value_name = "FILE", conflicts_with = "preset")]
    file: Option<PathBuf>,
    /// Round-trip times between Regions that others measured.
    #[arg(long = "latency-preset", value_enum, value_name = "PRESET")]
    preset: Option<Preset>,
}

/// Times that come with the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// Averages between ten of AWS's Regions, published in 2017.
    Aws,
}

/// Examples of the command.
pub const EXAMPLES: &str = "Examples:
  meridian local latency --preset aws
  meridian local latency regions.txt
  meridian local up --latency-preset aws
A file:
  # round-trip times
  us-east-1 eu-west-1       80ms
  us-east-1 ap-southeast-2 200ms
Half of a time is spent each way. `meridian local heal` ends it.";

/// Round-trip times between Regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix(Vec<(Region, Region, Latency)>);

/// A line that says nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: write REGION REGION TIME, for example `us-east-1 eu-west-1 80ms`; {why}")]
pub struct MatrixError {
    line: usize,
    why: String,
}

/// Round-trip times in milliseconds [AWSRTT], each pair once.
const AWS: &str = "
us-east-1 us-west-1 73ms
us-east-1 us-west-2 87ms
us-east-1 eu-west-1 81ms
us-east-1 eu-central-1 89ms
us-east-1 ap-northeast-1 145ms
us-east-1 ap-northeast-2 178ms
us-east-1 ap-southeast-1 217ms
us-east-1 ap-southeast-2 230ms
us-east-1 sa-east-1 120ms
us-west-1 us-west-2 19ms
us-west-1 eu-west-1 153ms
us-west-1 eu-central-1 167ms
us-west-1 ap-northeast-1 103ms
us-west-1 ap-northeast-2 132ms
us-west-1 ap-southeast-1 174ms
us-west-1 ap-southeast-2 158ms
us-west-1 sa-east-1 193ms
us-west-2 eu-west-1 137ms
us-west-2 eu-central-1 160ms
us-west-2 ap-northeast-1 89ms
us-west-2 ap-northeast-2 118ms
us-west-2 ap-southeast-1 161ms
us-west-2 ap-southeast-2 162ms
us-west-2 sa-east-1 183ms
eu-west-1 eu-central-1 20ms
eu-west-1 ap-northeast-1 212ms
eu-west-1 ap-northeast-2 242ms
eu-west-1 ap-southeast-1 239ms
eu-west-1 ap-southeast-2 310ms
eu-west-1 sa-east-1 191ms
eu-central-1 ap-northeast-1 237ms
eu-central-1 ap-northeast-2 266ms
eu-central-1 ap-southeast-1 326ms
eu-central-1 ap-southeast-2 324ms
eu-central-1 sa-east-1 195ms
ap-northeast-1 ap-northeast-2 31ms
ap-northeast-1 ap-southeast-1 74ms
ap-northeast-1 ap-southeast-2 104ms
ap-northeast-1 sa-east-1 257ms
ap-northeast-2 ap-southeast-1 72ms
ap-northeast-2 ap-southeast-2 134ms
ap-northeast-2 sa-east-1 286ms
ap-southeast-1 ap-southeast-2 175ms
ap-southeast-1 sa-east-1 328ms
ap-southeast-2 sa-east-1 323ms
";

impl Matrix {
    /// Reads a file's text. `#` begins a comment; a `to` between the Regions is read over.
    pub fn parse(text: &str) -> Result<Self, MatrixError> {
        let mut pairs = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let words: Vec<&str> = line.split_whitespace().filter(|word| *word != "to").collect();
            if !words.is_empty() {
                pairs.push(pair(&words).map_err(|why| MatrixError { line: number + 1, why })?);
            }
        }
        Ok(Self(pairs))
    }

    /// The times that come with the program.
    pub fn of_preset(preset: Preset) -> Result<Self, Failure> {
        match preset {
            Preset::Aws => Self::parse(AWS).map_err(|error| Failure::Usage(error.to_string())),
        }
    }

    fn of_file(path: &Path) -> Result<Self, Failure> {
        let text = fs::read_to_string(path).map_err(io_error("read", path))?;
        Self::parse(&text).map_err(|error| Failure::Usage(format!("`{}`, {error}", path.display())))
    }

    /// Two Regions and the time of a round trip between them, each pair once.
    pub fn pairs(&self) -> &[(Region, Region, Latency)] {
        &self.0
    }

    /// The faults that make up the matrix in a cluster, with the words for them. Pairs of Regions that the cluster lacks are left out.
    fn faults(&self, cluster: &Cluster) -> Result<Vec<(String, Request)>, Failure> {
        let of = |region: &Region| -> Vec<NodeKey> {
            cluster.nodes().map(|(key, _)| key).filter(|key| key.region == *region).collect()
        };
        let mut faults = Vec::new();
        for (a, b, time) in &self.0 {
            let sides = Sides { from: of(a), to: of(b) };
            if sides.from.is_empty() || sides.to.is_empty() {
                continue;
            }
            let fault = LinkFault::Delay { delay_us: time.us / 2, jitter_us: 0 };
            fault.check().map_err(|error| Failure::Usage(format!("{a} {b} {time}: {error}")))?;
            faults.push((format!("{a} <-> {b}  {time}"), Request::Link { fault, sides, way: Way::Both }));
        }
        match faults.is_empty() {
            true => {
                Err(Failure::Refused("no two Regions of the cluster are in the list of latencies".into()))
            }
            false => Ok(faults),
        }
    }
}

fn pair(words: &[&str]) -> Result<(Region, Region, Latency), String> {
    let (a, b, time) = match words {
        [a, b, time] => (a, b, (*time).to_owned()),
        [a, b, number, unit] => (a, b, format!("{number}{unit}")),
        _ => return Err(format!("there are {} words", words.len())),
    };
    let region = |text: &str| text.parse::<Region>().map_err(|error| error.to_string());
    let (a, b) = (region(a)?, region(b)?);
    let time = time.parse::<Latency>().map_err(|error| error.to_string())?;
    if a == b { Err(format!("{a} is named twice")) } else { Ok((a, b, time)) }
}

/// Runs the command.
pub async fn run(args: &LatencyCommandArgs) -> Result<(), Failure> {
    let dir = args.output.data_dir()?;
    let wanted = LatencyArgs { file: args.file.clone(), preset: args.preset };
    let lines = apply(&dir, &wanted).await?;
    args.output.print(&lines.join("\n"), json!({ "latency": lines }));
    Ok(())
}

/// Sets what is wanted, if anything, in the running cluster in `dir`; a line for each pair of Regions.
pub async fn apply(dir: &DataDir, wanted: &LatencyArgs) -> Result<Vec<String>, Failure> {
    let Some(matrix) = wanted.matrix()? else { return Ok(Vec::new()) };
    let mut lines = Vec::new();
    for (line, request) in matrix.faults(&Cluster::open(dir)?)? {
        control::request(dir, &request).await?;
        lines.push(line);
    }
    Ok(lines)
}

impl LatencyArgs {
    /// Refuses what cannot be set in `cluster`, before anything is started.
    pub fn check(&self, cluster: &Cluster) -> Result<(), Failure> {
        self.matrix()?.map_or(Ok(()), |matrix| matrix.faults(cluster).map(drop))
    }

    fn matrix(&self) -> Result<Option<Matrix>, Failure> {
        match (&self.file, self.preset) {
            (Some(file), _) => Matrix::of_file(file).map(Some),
            (None, Some(preset)) => Matrix::of_preset(preset).map(Some),
            (None, None) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::local::links::tests::cluster;

    #[test]
    fn the_preset_has_every_pair_of_ten_regions_once() {
        let Matrix(pairs) = Matrix::of_preset(Preset::Aws).unwrap();
        let mut names: Vec<_> = pairs.iter().map(|(a, b, _)| if a < b { (a, b) } else { (b, a) }).collect();
        names.sort();
        names.dedup();
        assert_eq!((pairs.len(), names.len()), (45, 45));
    }

    #[test]
    fn a_file_is_read_with_comments_and_words() {
        let text = "# round trips\n\nus-east-1 to eu-west-1 80 ms # cable\nus-east-1 ap-southeast-2 0.2s\n";
        let Matrix(pairs) = Matrix::parse(text).unwrap();
        let times: Vec<u64> = pairs.iter().map(|(_, _, time)| time.us).collect();
        assert_eq!(times, [80_000, 200_000]);
        for (wrong, line) in
            [("us-east-1 eu-west-1", 1), ("\nus-east-1 us-east-1 5ms", 2), ("us-east-1 eu-west-1 5", 1)]
        {
            assert_eq!(Matrix::parse(wrong).unwrap_err().line, line, "{wrong}");
        }
    }

    #[test]
    fn half_the_round_trip_is_spent_each_way() {
        let matrix = Matrix::parse("us-east-1 eu-west-1 81ms\neu-west-1 sa-east-1 100ms").unwrap();
        let faults = matrix.faults(&cluster()).unwrap();
        let [(line, Request::Link { fault, sides, way })] = faults.as_slice() else { panic!("{faults:?}") };
        assert_eq!(line, "us-east-1 <-> eu-west-1  81ms");
        assert_eq!(*fault, LinkFault::Delay { delay_us: 40_500, jitter_us: 0 });
        assert_eq!((sides.from.len(), sides.to.len(), *way), (2, 2, Way::Both));
        assert!(Matrix::parse("sa-east-1 us-west-1 5ms").unwrap().faults(&cluster()).is_err());
    }
}
