//! Which ports a new cluster gets, and whether those of an old one are still free. Clusters that start at the same moment
//! get different ports. Against other programs nothing is reserved: one may come between the check and the node's own
//! bind, and then the node says so.

use kms_types::Entropy;
use std::{
    net::TcpListener,
    os::{
        linux::net::SocketAddrExt,
        unix::net::{SocketAddr, UnixListener},
    },
    sync::{Mutex, PoisonError},
};

use crate::{
    failure::Failure,
    local::layout::{Cluster, loopback},
};

/// Below the range that systems hand out for outgoing connections: otherwise a connection of ours could take the port
/// of a node that is down for a moment.
const RANGE: std::ops::Range<u16> = 10_000..30_000;
const ATTEMPTS: usize = 200;

/// `count` ports in a row: from `base`, or a free block.
pub fn choose(
    base: Option<u16>,
    count: u16,
    entropy: &mut dyn Entropy,
) -> Result<std::ops::Range<u16>, Failure> {
    match base {
        Some(base) => given(base, count),
        None => free_block(count, entropy).ok_or(Failure::NoFreePorts(count)),
    }
}

fn given(base: u16, count: u16) -> Result<std::ops::Range<u16>, Failure> {
    let too_high = || Failure::Usage(format!("{count} ports from --port {base} on do not fit below 65536"));
    let end = base.checked_add(count).filter(|_| base > 0).ok_or_else(too_high)?;
    match (base..end).find(|port| !is_free(*port)) {
        Some(port) => {
            let remedy = "choose another base with --port BASE";
            Err(Failure::PortTaken { port, what: format!("one of {count} from --port {base} on"), remedy })
        }
        None => Ok(base..end),
    }
}

fn free_block(count: u16, entropy: &mut dyn Entropy) -> Option<std::ops::Range<u16>> {
    let room = RANGE.end.checked_sub(RANGE.start)?.checked_sub(count)?;
    (0..ATTEMPTS).find_map(|_| {
        let start = RANGE.start + u16::from_le_bytes(entropy.array()) % room;
        let block = start..start + count;
        (claim(&block) && block.clone().all(is_free)).then_some(block)
    })
}

/// Ports that are claimed together, so that a cluster claims few names.
const GROUP: u16 = 16;

/// The claims of this process. They last as long as it does: until then its nodes have bound their ports.
static CLAIMS: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());

/// Claims the groups of `block` by abstract socket names, which one process at a time can hold, and which are as far
/// visible as the ports are. False if another process, or a cluster of this one, has one of them.
fn claim(block: &std::ops::Range<u16>) -> bool {
    let groups = block.start / GROUP..=(block.end.saturating_sub(1)) / GROUP;
    let bind = |group| {
        let name = SocketAddr::from_abstract_name(format!("meridian-local-ports-{group}"))?;
        UnixListener::bind_addr(&name)
    };
    let claimed: Result<Vec<UnixListener>, std::io::Error> = groups.map(bind).collect();
    let Ok(claimed) = claimed else { return false };
    CLAIMS.lock().unwrap_or_else(PoisonError::into_inner).extend(claimed);
    true
}

/// Refuses a cluster any of whose ports is in use, naming the first.
pub fn check(cluster: &Cluster) -> Result<(), Failure> {
    let moved = "name another with --gateway-port PORT";
    let fixed = "start another cluster with --data-dir DIR (its --port BASE chooses the ports)";
    let gateway = std::iter::once((cluster.gateway, "the gateway".to_owned(), moved));
    let regions = cluster
        .data_regions()
        .filter_map(|r| Some((r.gateway?, format!("the endpoint of {}", r.name), fixed)));
    let nodes = cluster.nodes().flat_map(|(key, node)| {
        [
            (node.api, format!("the API of {key}"), fixed),
            (node.cluster, format!("the cluster port of {key}"), fixed),
        ]
    });
    match gateway.chain(regions).chain(nodes).find(|(port, ..)| !is_free(*port)) {
        Some((port, what, remedy)) => Err(Failure::PortTaken { port, what, remedy }),
        None => Ok(()),
    }
}

/// A listener on this port of the loopback address, or on any free one for 0.
pub fn listen(port: u16) -> std::io::Result<tokio::net::TcpListener> {
    let listener = TcpListener::bind(loopback(port))?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

/// True if a listener can be bound on the loopback address.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind(loopback(port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::OsEntropy;

    #[test]
    fn free_block_has_the_asked_length_and_can_be_bound() {
        let block = choose(None, 22, &mut OsEntropy).unwrap();
        assert_eq!(block.len(), 22);
        assert!(block.start >= RANGE.start && block.end <= RANGE.end);
    }

    #[test]
    fn clusters_that_start_at_the_same_moment_get_different_ports() {
        let mut blocks: Vec<_> = (0..40).map(|_| choose(None, 9, &mut OsEntropy).unwrap()).collect();
        blocks.sort_by_key(|block| block.start);
        assert!(blocks.windows(2).all(|pair| pair[0].end <= pair[1].start), "{blocks:?}");
    }

    #[test]
    fn taken_port_of_a_given_base_is_named_with_the_flag() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let message = choose(Some(port), 3, &mut OsEntropy).unwrap_err().to_string();
        assert!(message.contains(&format!("port {port} ")) && message.contains("--port"), "{message}");
    }

    #[test]
    fn base_without_room_is_refused() {
        assert!(matches!(choose(Some(65_530), 22, &mut OsEntropy), Err(Failure::Usage(_))));
        assert!(matches!(choose(Some(0), 22, &mut OsEntropy), Err(Failure::Usage(_))));
    }
}
