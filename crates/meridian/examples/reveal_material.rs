//! Prints the key materials of one key from a stopped node's data, in hex, one per line: a canary for tests that look for
//! those bytes where they must not be (invariant F1).
//!
//! Exists in test builds only: it needs the feature `reveal-material` of kms-crypto, which `cargo xtask tidy` allows for
//! dev-dependencies alone. Not a recovery tool; work on a copy, because opening the storage takes its lock.

use kms_crypto::{DomainKey, RootKey};
use kms_raft::Storage;
use kms_rootkey::{FileProvider, RootKeyProvider};
use kms_state::{Key, State};
use kms_types::{KeyId, NodeId};
use std::{collections::BTreeMap, env, error::Error, path::Path};

const USAGE: &str = "usage: reveal_material STORAGE_DIR NODE ROOT_KEY_FILE KEY_ID";

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let [dir, node, root_key, key] = words.as_slice() else { return Err(USAGE.into()) };
    let root = FileProvider::new(root_key).root_key()?;
    let state = state(Path::new(dir), node.parse()?)?;
    let key: KeyId = key.parse()?;
    let key = state.key(&key).ok_or("the node has no such key")?;
    materials(key, &domain_keys(&state, &root)?)?.iter().for_each(|text| println!("{text}"));
    Ok(())
}

fn state(dir: &Path, node: NodeId) -> Result<State, Box<dyn Error>> {
    let storage = Storage::open(dir, node)?;
    let applied = storage.applied.borrow().clone();
    Ok(applied.state.clone())
}

fn domain_keys(state: &State, root: &RootKey) -> Result<BTreeMap<u32, DomainKey>, Box<dyn Error>> {
    let ours = state.domain_keys().filter(|wrapped| wrapped.recipient == root.recipient());
    ours.map(|wrapped| Ok((wrapped.version, root.unwrap_domain_key(wrapped)?))).collect()
}

fn materials(key: &Key, domain_keys: &BTreeMap<u32, DomainKey>) -> Result<Vec<String>, Box<dyn Error>> {
    let reveal = |(id, wrapped): (&_, &kms_crypto::WrappedMaterial)| {
        let domain_key = domain_keys.get(&wrapped.domain_version).ok_or("a domain key does not open")?;
        Ok(hex::encode(domain_key.unwrap_key(&key.id, key.spec, id, wrapped)?.reveal_for_test()))
    };
    key.held.iter().map(reveal).collect()
}
