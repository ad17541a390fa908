//! What a fault command is aimed at: `eu-west-1`, `eu-west-1/2` or `eu-west-1/leader`.

use kms_types::{NodeId, Region};
use std::{fmt, str::FromStr};

use crate::{
    failure::Failure,
    local::layout::{Cluster, NodeKey},
};

/// A Region, or one of its nodes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The Region.
    pub region: Region,
    /// Which of its nodes.
    pub nodes: Selector,
}

/// Which nodes of a Region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// All of them.
    All,
    /// The one with this number.
    Id(NodeId),
    /// The one that leads the Raft group now.
    Leader,
}

/// Not a target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a target: write REGION, REGION/NODE or REGION/leader, for example `eu-west-1/2`")]
pub struct TargetError(String);

impl FromStr for Target {
    type Err = TargetError;
    fn from_str(text: &str) -> Result<Self, TargetError> {
        let error = || TargetError(text.chars().take(64).collect());
        let (region, node) = text.split_once('/').map_or((text, None), |(region, node)| (region, Some(node)));
        let nodes = match node {
            None => Selector::All,
            Some("leader") => Selector::Leader,
            Some(id) => Selector::Id(id.parse().map_err(|_| error())?),
        };
        Ok(Self { region: region.parse().map_err(|_| error())?, nodes })
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.nodes {
            Selector::All => write!(f, "{}", self.region),
            Selector::Id(id) => write!(f, "{}/{id}", self.region),
            Selector::Leader => write!(f, "{}/leader", self.region),
        }
    }
}

impl Target {
    /// The nodes that are meant, if the cluster has them. `leader` says who leads, where that is asked.
    pub fn resolve(&self, cluster: &Cluster, leader: Option<NodeId>) -> Result<Vec<NodeKey>, Failure> {
        let region = cluster.region(&self.region).ok_or_else(|| self.unknown(cluster))?;
        let wanted = match self.nodes {
            Selector::All => None,
            Selector::Id(id) => Some(id),
            Selector::Leader => {
                Some(leader.ok_or_else(|| Failure::Refused(format!("`{}` has no leader now", self.region)))?)
            }
        };
        let chosen = region.nodes.iter().filter(|n| wanted.is_none_or(|id| id == n.id));
        let keys: Vec<_> = chosen.map(|n| NodeKey { region: self.region.clone(), id: n.id }).collect();
        if keys.is_empty() { Err(self.unknown(cluster)) } else { Ok(keys) }
    }

    fn unknown(&self, cluster: &Cluster) -> Failure {
        let known: Vec<String> =
            cluster.regions.iter().map(|r| format!("{} (nodes 1 to {})", r.name, r.nodes.len())).collect();
        Failure::Refused(format!("the cluster has no `{self}`; it has {}", known.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_forms_parse_and_print() {
        for text in ["eu-west-1", "eu-west-1/2", "eu-west-1/leader"] {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn anything_else_is_refused_with_the_grammar() {
        for text in ["", "eu-west-1/", "eu-west-1/first", "eu-west-1/1/2", "Europe", "eu-west-1/-1"] {
            let message = text.parse::<Target>().unwrap_err().to_string();
            assert!(message.contains("REGION/leader"), "{message}");
        }
    }
}
