//! What the tests of the store share: a machine whose state proves what was
//! applied, and entries whose content follows from their index.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used)]

pub mod child;
pub mod loop_disk;
pub mod process;
pub mod shim;
pub mod verify;

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, RwLock};

use bytes::Bytes;
use openraft::storage::{RaftLogStorage as _, RaftLogStorageExt as _};
use openraft::{CommittedLeaderId, EmptyNode, Entry, EntryPayload, LogId, Vote};
use quorate_raft_store::{
    Engine, Image, LogStore, Machine, MachineError, Payload, SledEngine, SnapshotFile,
    StateMachineStore, StoreConfig, StoreError, open,
};

openraft::declare_raft_types!(
    pub TestTypes:
        D = Payload,
        R = u64,
        NodeId = u64,
        Node = EmptyNode,
        Entry = Entry<TestTypes>,
        SnapshotData = SnapshotFile,
        AsyncRuntime = openraft::TokioRuntime,
);

pub type TestLog = LogStore<TestTypes>;
pub type TestStates = StateMachineStore<TestTypes, ChainMachine>;

/// Hashes every payload into a chain: equal chains, equal histories.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainMachine {
    pub applied: u64,
    pub chain: u64,
    /// Makes snapshots as large as a test wants them.
    pub ballast: usize,
}

const CHUNK_BYTES: usize = 200_000;

struct ChainImage(Vec<Vec<u8>>);

impl Image for ChainImage {
    fn next_chunk(&mut self) -> Option<Vec<u8>> {
        self.0.pop()
    }
}

impl ChainMachine {
    pub fn step(&mut self, index: u64, payload: &[u8]) {
        let mut bytes = Vec::from(self.chain.to_le_bytes());
        bytes.extend_from_slice(&index.to_le_bytes());
        bytes.extend_from_slice(payload);
        self.chain = xxhash_rust::xxh3::xxh3_64(&bytes);
        self.applied = index + 1;
    }
}

impl Machine for ChainMachine {
    type Reply = u64;
    type State = Self;

    fn apply(&mut self, index: u64, payload: &[u8]) -> Result<u64, MachineError> {
        if payload == b"poison" {
            return Err(MachineError::new("the payload can't be read"));
        }
        self.step(index, payload);
        Ok(index)
    }

    fn skip(&mut self, index: u64) -> u64 {
        self.step(index, &[]);
        index
    }

    fn note_voters(&mut self, index: u64, _: &BTreeSet<u64>) -> u64 {
        self.skip(index)
    }

    fn capture(&self) -> Box<dyn Image> {
        let mut head = Vec::from(self.applied.to_le_bytes());
        head.extend_from_slice(&self.chain.to_le_bytes());
        let mut chunks = vec![vec![7; CHUNK_BYTES]; self.ballast.div_ceil(CHUNK_BYTES)];
        chunks.push(head);
        Box::new(ChainImage(chunks))
    }

    fn restore(&self, last: Option<u64>, chunks: &[Bytes]) -> Result<Self, MachineError> {
        let head = chunks.first().filter(|head| head.len() == 16);
        let head = head.ok_or_else(|| MachineError::new("the first chunk is not a chain"))?;
        let applied = u64::from_le_bytes(head[..8].try_into().unwrap());
        if applied != last.map_or(0, |last| last + 1) {
            return Err(MachineError::new("the chain ends elsewhere"));
        }
        let chain = u64::from_le_bytes(head[8..].try_into().unwrap());
        Ok(Self {
            applied,
            chain,
            ..*self
        })
    }

    fn replace(&mut self, restored: Self) -> Self {
        std::mem::replace(self, restored)
    }
}

/// An opened store, its worker running on a thread.
pub struct Opened {
    pub log: TestLog,
    pub states: TestStates,
    pub machine: Arc<RwLock<ChainMachine>>,
    pub worker: std::thread::JoinHandle<()>,
}

pub fn open_engine(engine: Arc<dyn Engine>) -> Result<Opened, StoreError> {
    open_configured(engine, StoreConfig::default())
}

pub fn open_configured(engine: Arc<dyn Engine>, config: StoreConfig) -> Result<Opened, StoreError> {
    let machine = Arc::new(RwLock::new(ChainMachine::default()));
    let (log, states, worker) = open::<TestTypes, _>(engine, Arc::clone(&machine), config)?;
    let worker = worker.run_on_thread().unwrap();
    Ok(Opened {
        log,
        states,
        machine,
        worker,
    })
}

pub fn open_directory(path: &Path) -> Result<Opened, StoreError> {
    open_engine(Arc::new(SledEngine::open(path)?))
}

impl Opened {
    /// Ends the worker and waits for it, so that the engine can be reopened.
    pub fn close(self) {
        let Self {
            log,
            states,
            worker,
            ..
        } = self;
        drop((log, states));
        worker.join().unwrap();
    }
}

/// Votes for the term and appends entries of it, in this order, like openraft.
pub async fn append(log: &mut TestLog, term: u64, range: Range<u64>) -> Vec<Entry<TestTypes>> {
    log.save_vote(&Vote::new_committed(term, 1)).await.unwrap();
    let entries: Vec<_> = range.map(|index| entry(term, index)).collect();
    log.blocking_append(entries.clone()).await.unwrap();
    entries
}

pub fn log_id(term: u64, index: u64) -> LogId<u64> {
    LogId::new(CommittedLeaderId::new(term, 0), index)
}

/// The entry at `index`: few large ones, many small ones.
pub fn entry(term: u64, index: u64) -> Entry<TestTypes> {
    entry_with(term, index, payload(index))
}

pub fn entry_with(term: u64, index: u64, payload: Vec<u8>) -> Entry<TestTypes> {
    Entry {
        log_id: log_id(term, index),
        payload: EntryPayload::Normal(Payload::from(payload)),
    }
}

pub fn payload(index: u64) -> Vec<u8> {
    let length = match index {
        _ if index % 1009 == 500 => 8 << 20,
        _ if index.is_multiple_of(97) => 300_000,
        _ if index % 97 < 6 => 70_000,
        _ => 200 + index % 1000,
    };
    let word = index.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
    word.iter()
        .copied()
        .cycle()
        .take(usize::try_from(length).unwrap())
        .collect()
}

/// A small generator of test randomness (xorshift).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
