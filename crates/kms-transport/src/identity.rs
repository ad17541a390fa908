//! Who is at the other end of a connection, read from the certificate that TLS has already verified.
//!
//! Does not verify chains, validity or signatures: rustls did, against the deployment's own authority.

use kms_types::{NodeId, Region};
use rustls::pki_types::CertificateDer;
use std::fmt;

/// The zone of every name in our certificates. Never resolved; addresses come from configuration.
const ZONE: &str = "meridian.internal";
/// The name of every operator.
const OPERATOR: &str = "operator.meridian.internal";

/// A verified peer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PeerIdentity {
    /// A node of some Region of the deployment.
    Node {
        /// Its Region.
        region: Region,
        /// Its number.
        node: NodeId,
    },
    /// A person or a tool with an operator's certificate.
    Operator,
}

/// A certificate that names nobody, or more than one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdentityError {
    /// The connection has no client certificate.
    #[error("the peer presented no certificate")]
    NoCertificate,
    /// The certificate does not parse.
    #[error("the peer's certificate does not parse: {0}")]
    Malformed(String),
    /// No name in it is a node's or an operator's.
    #[error("the certificate names no node and no operator")]
    Nobody,
    /// Two names in it contradict each other.
    #[error("the certificate names more than one peer")]
    Ambiguous,
}

impl PeerIdentity {
    /// Reads the identity from the DNS names of a certificate.
    pub fn from_certificate(certificate: &CertificateDer<'_>) -> Result<Self, IdentityError> {
        let parsed = webpki::EndEntityCert::try_from(certificate)
            .map_err(|e| IdentityError::Malformed(e.to_string()))?;
        Self::from_names(parsed.valid_dns_names())
    }

    /// The names that a certificate of this peer carries.
    pub(crate) fn names(&self) -> Vec<String> {
        match self {
            Self::Node { region, node } => {
                vec![node_name(region, *node), region_name(region), any_node_name()]
            }
            Self::Operator => vec![OPERATOR.to_owned()],
        }
    }

    fn from_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<Self, IdentityError> {
        let mut found = names.filter_map(Self::from_name);
        let first = found.next().ok_or(IdentityError::Nobody)?;
        match found.all(|other| other == first) {
            true => Ok(first),
            false => Err(IdentityError::Ambiguous),
        }
    }

    /// `node-<id>.<region>.meridian.internal` or the operator's name; other names say nothing about who it is.
    fn from_name(name: &str) -> Option<Self> {
        if name == OPERATOR {
            return Some(Self::Operator);
        }
        let (node, region) = name.strip_suffix(ZONE)?.strip_suffix('.')?.split_once('.')?;
        let digits = node.strip_prefix("node-")?;
        let node: NodeId = digits.parse().ok()?;
        // One spelling per number, so that two different names are never one node.
        let canonical = node.to_string() == digits;
        canonical.then(|| region.parse().ok())?.map(|region| Self::Node { region, node })
    }
}

impl fmt::Display for PeerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node { region, node } => write!(f, "node {node} of {region}"),
            Self::Operator => f.write_str("operator"),
        }
    }
}

/// The name that a connection to one node must present.
pub(crate) fn node_name(region: &Region, node: NodeId) -> String {
    format!("node-{node}.{region}.{ZONE}")
}

/// The name that a connection to any node of a Region must present.
pub(crate) fn region_name(region: &Region) -> String {
    format!("region.{region}.{ZONE}")
}

/// The name that a connection to any node at all must present; operators use it.
pub(crate) fn any_node_name() -> String {
    format!("node.{ZONE}")
}

/// The zone, for the authority's name constraint.
pub(crate) fn zone() -> &'static str {
    ZONE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(names: &[&str]) -> Result<PeerIdentity, IdentityError> {
        PeerIdentity::from_names(names.iter().copied())
    }

    #[test]
    fn names_round_trip() {
        let node = PeerIdentity::Node { region: "eu-west-1".parse().unwrap(), node: 12 };
        for peer in [node, PeerIdentity::Operator] {
            let names = peer.names();
            assert_eq!(PeerIdentity::from_names(names.iter().map(String::as_str)), Ok(peer));
        }
    }

    #[test]
    fn other_names_name_nobody() {
        for name in [
            "",
            "meridian.internal",
            "node.meridian.internal",
            "region.eu-west-1.meridian.internal",
            "node-1.eu-west-1.meridian.internal.example.com",
            "node-1.eu-west-1.example.com",
            "node-01.eu-west-1.meridian.internal",
            "node-+1.eu-west-1.meridian.internal",
            "node-1.Nowhere.meridian.internal",
            "node-1.eu-west-1meridian.internal",
            "x.operator.meridian.internal",
        ] {
            assert_eq!(identity(&[name]), Err(IdentityError::Nobody), "{name}");
        }
    }

    #[test]
    fn two_peers_in_one_certificate_are_refused() {
        let node = "node-1.eu-west-1.meridian.internal";
        for other in ["node-2.eu-west-1.meridian.internal", "node-1.us-east-1.meridian.internal", OPERATOR] {
            assert_eq!(identity(&[node, other]), Err(IdentityError::Ambiguous));
        }
    }

    #[test]
    fn bytes_that_are_no_certificate_are_refused() {
        for bytes in [vec![], vec![0x30], vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff], vec![0xff; 300]] {
            let result = PeerIdentity::from_certificate(&CertificateDer::from(bytes));
            assert!(matches!(result, Err(IdentityError::Malformed(_))));
        }
    }
}
