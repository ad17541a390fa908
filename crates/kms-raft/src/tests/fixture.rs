//! Entries, options and a disk that fails on demand.

use crate::disk::{DirLock, Disk, DiskFile, DiskRead, RealDisk};
use crate::segment_log::LogOptions;
use crate::{Entry, FatalHook, LeaderId, LogId, LogWriter, Storage, StorageOptions};
use kms_crypto::{Commitment, WrappedMaterial};
use kms_state::{Command, CreateKey, Directory, NewMaterial, Origin, Proposal, RegionRole, Voter};
use kms_types::{
    DeploymentId, Incarnation, KeyId, KeyIdKind, KeyOrigin, KeySpec, KeyUsage, MaterialId, ProposalId,
};
use openraft::entry::RaftEntry;
use openraft::{EntryPayload, vote::RaftLeaderId};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

pub(crate) fn log_id(term: u64, index: u64) -> LogId {
    LogId::new(LeaderId::new(term, 1), index)
}

pub(crate) fn blank(term: u64, index: u64) -> Entry {
    Entry::new_blank(log_id(term, index))
}

pub(crate) fn normal(term: u64, index: u64, command: Command) -> Entry {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&index.to_le_bytes());
    let proposal = Proposal {
        id: ProposalId::from_random(id),
        origin: Origin::Service { node: 1 },
        expect: None,
        command,
    };
    Entry { log_id: log_id(term, index), payload: EntryPayload::Normal(proposal) }
}

pub(crate) fn key_id(number: u8) -> KeyId {
    KeyId::from_random(KeyIdKind::SingleRegion, [number; 16])
}

pub(crate) fn bootstrap() -> Command {
    let incarnation = Incarnation::from_random([2; 16]);
    let voter =
        Voter { incarnation, verifying_key: kms_crypto::VerifyingKey([3; 32]), role: RegionRole::Data };
    Command::Bootstrap {
        identity_key: None,
        deployment: DeploymentId::from_random([1; 16]),
        region: "us-east-1".parse().unwrap(),
        incarnation,
        directory: Directory::first([("us-east-1".parse().unwrap(), voter)].into()),
        domain_keys: Vec::new(),
        clock: kms_state::RegionClock::Real,
    }
}

pub(crate) fn create_key(number: u8) -> Command {
    Command::CreateKey(Box::new(CreateKey {
        account: "000000000000".parse().unwrap(),
        key: key_id(number),
        spec: KeySpec::SymmetricDefault,
        usage: KeyUsage::EncryptDecrypt,
        origin: KeyOrigin::AwsKms,
        policy: format!("policy of {number}").into(),
        description: "d".repeat(usize::from(number) * 7),
        tags: [("number".to_owned(), number.to_string())].into(),
        material: Some(new_material(number)),
        managed_as: None,
        most_keys: 1_000,
    }))
}

pub(crate) fn new_material(number: u8) -> NewMaterial {
    NewMaterial {
        id: MaterialId::from_bytes([number; 32]),
        commitment: Commitment([number; 32]),
        public_key: None,
        wrapped: WrappedMaterial { domain_version: 1, nonce: [number; 12], sealed: vec![number; 48] },
    }
}

/// A hook that only counts.
pub(crate) fn no_exit() -> (FatalHook, Arc<AtomicU64>) {
    let calls = Arc::new(AtomicU64::new(0));
    let counted = calls.clone();
    (
        Arc::new(move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
        }),
        calls,
    )
}

pub(crate) fn log_options(segment_bytes: u64) -> LogOptions {
    let (disk, writer) = (Arc::new(RealDisk), LogWriter::Thread);
    LogOptions { disk, fatal: no_exit().0, writer, segment_bytes, cache_bytes: 4096 }
}

pub(crate) fn options(segment_bytes: u64) -> StorageOptions {
    StorageOptions { fatal: no_exit().0, segment_bytes, cache_bytes: 4096, ..StorageOptions::default() }
}

/// Opens a storage with small files and a small cache, so that every path is taken.
pub(crate) fn open(dir: &Path) -> Storage {
    Storage::open_on(dir, 1, options(8 << 10)).unwrap()
}

/// A disk whose writes or fsyncs fail from some moment on.
#[derive(Clone, Default)]
pub(crate) struct FaultyDisk {
    pub(crate) fail_write: Arc<AtomicBool>,
    pub(crate) fail_sync: Arc<AtomicBool>,
}

struct FaultyFile(Box<dyn DiskFile>, FaultyDisk);

fn check(fail: &AtomicBool) -> io::Result<()> {
    match fail.load(Ordering::SeqCst) {
        true => Err(io::Error::other("injected")),
        false => Ok(()),
    }
}

impl Disk for FaultyDisk {
    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        RealDisk.create_dir(dir)
    }
    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(dir)
    }
    fn read(&self, path: &Path) -> io::Result<Box<dyn DiskRead>> {
        RealDisk.read(path)
    }
    fn lock(&self, path: &Path) -> io::Result<Option<DirLock>> {
        RealDisk.lock(path)
    }
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(FaultyFile(RealDisk.create(path)?, self.clone())))
    }
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(FaultyFile(RealDisk.open(path)?, self.clone())))
    }
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        RealDisk.rename(from, to)
    }
    fn remove(&self, path: &Path) -> io::Result<()> {
        RealDisk.remove(path)
    }
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        check(&self.fail_sync)?;
        RealDisk.sync_dir(dir)
    }
}

impl DiskFile for FaultyFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        check(&self.1.fail_write)?;
        self.0.append(bytes)
    }
    fn sync(&mut self) -> io::Result<()> {
        check(&self.1.fail_sync)?;
        self.0.sync()
    }
    fn cut(&mut self, len_bytes: u64) -> io::Result<()> {
        self.0.cut(len_bytes)
    }
}
