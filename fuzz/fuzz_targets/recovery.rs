//! Whatever lies on the disk, a start ends in a store that works or in a typed
//! refusal; and what it accepted once, it accepts again.
#![no_main]

use std::collections::BTreeSet;
use std::sync::{Arc, RwLock};

use arbitrary::Arbitrary;
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use openraft::{EmptyNode, Entry, TokioRuntime};
use quorate_model::frame::{self, Format};
use quorate_raft_store::{
    Engine, Image, Machine, MachineError, MemoryEngine, Payload, SnapshotFile, StoreConfig, Tree,
    Write, open,
};

openraft::declare_raft_types!(
    Types:
        D = Payload,
        R = (),
        NodeId = u64,
        Node = EmptyNode,
        Entry = Entry<Types>,
        SnapshotData = SnapshotFile,
        AsyncRuntime = TokioRuntime,
);

/// A place that the store looks at, and what lies there.
#[derive(Arbitrary, Debug)]
enum Row {
    Meta {
        key: u8,
        record: Record,
    },
    Log {
        index: u8,
        part: u8,
        record: Record,
    },
    Chunk {
        sequence: u8,
        chunk: u8,
        part: u8,
        record: Record,
    },
    Stray {
        tree: u8,
        key: Vec<u8>,
        value: Vec<u8>,
    },
}

#[derive(Arbitrary, Debug)]
struct Record {
    /// Of the right kind, or of a wrong one.
    kind: Option<u8>,
    version: u8,
    body: Vec<u8>,
}

const META: [(&[u8], [u8; 4]); 5] = [
    (b"format", *b"QSTO"),
    (b"vote", *b"QVOT"),
    (b"committed", *b"QCOM"),
    (b"purged", *b"QPUR"),
    (b"snapshot", *b"QSNM"),
];

impl Record {
    fn sealed(&self, right: [u8; 4]) -> Vec<u8> {
        let kind = match self.kind {
            Some(other) if other > 200 => META[usize::from(other) % META.len()].1,
            _ => right,
        };
        let version = if self.version > 200 { 2 } else { 1 };
        frame::seal_raw(Format::new(kind, version), &self.body)
    }
}

impl Row {
    fn write(&self) -> Write {
        let (tree, key, value) = match self {
            Self::Meta { key, record } => {
                let (key, kind) = META[usize::from(*key) % META.len()];
                (Tree::Meta, key.to_vec(), record.sealed(kind))
            }
            Self::Log {
                index,
                part,
                record,
            } => {
                let mut key = u64::from(*index).to_be_bytes().to_vec();
                key.extend_from_slice(&u16::from(*part % 3).to_be_bytes());
                (Tree::Log, key, record.sealed(*b"QLOG"))
            }
            Self::Chunk {
                sequence,
                chunk,
                part,
                record,
            } => {
                let mut key = u64::from(*sequence % 3).to_be_bytes().to_vec();
                key.extend_from_slice(&u32::from(*chunk % 3).to_be_bytes());
                key.extend_from_slice(&u16::from(*part % 2).to_be_bytes());
                (Tree::Snapshot, key, record.sealed(*b"QSNC"))
            }
            Self::Stray { tree, key, value } => {
                let tree = Tree::ALL[usize::from(*tree) % Tree::ALL.len()];
                (tree, key.clone(), value.clone())
            }
        };
        Write::Put { tree, key, value }
    }
}

/// Takes every state.
struct Anything;

struct Nothing;

impl Image for Nothing {
    fn next_chunk(&mut self) -> Option<Vec<u8>> {
        None
    }
}

impl Machine for Anything {
    type Reply = ();
    type State = ();

    fn apply(&mut self, _: u64, _: &[u8]) -> Result<(), MachineError> {
        Ok(())
    }

    fn skip(&mut self, _: u64) {}

    fn note_voters(&mut self, _: u64, _: &BTreeSet<u64>) {}

    fn capture(&self) -> Box<dyn Image> {
        Box::new(Nothing)
    }

    fn restore(&self, _: Option<u64>, _: &[Bytes]) -> Result<(), MachineError> {
        Ok(())
    }

    fn replace(&mut self, _: ()) {}
}

fn opens(engine: &Arc<MemoryEngine>) -> bool {
    let engine = Arc::clone(engine) as Arc<dyn Engine>;
    let machine = Arc::new(RwLock::new(Anything));
    open::<Types, _>(engine, machine, StoreConfig::default()).is_ok()
}

fuzz_target!(|rows: Vec<Row>| {
    let engine = Arc::new(MemoryEngine::new());
    // A store of this build, so that the rows are looked at.
    assert!(opens(&engine), "an empty engine is a fresh store");
    let writes = rows.iter().map(Row::write).collect();
    engine.write(writes).expect("memory takes it");
    if opens(&engine) {
        assert!(opens(&engine), "accepted once, refused at the next start");
    }
});
