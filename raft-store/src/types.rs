use openraft::{EmptyNode, Entry, RaftTypeConfig};

use crate::{Payload, SnapshotFile};

/// The openraft types that this store can hold; replies and runtime are free.
/// Nodes carry nothing: addresses are attributes in the replicated state.
pub trait StoreTypes:
    RaftTypeConfig<
        D = Payload,
        NodeId = u64,
        Node = EmptyNode,
        Entry = Entry<Self>,
        SnapshotData = SnapshotFile,
    >
{
}

impl<T> StoreTypes for T where
    T: RaftTypeConfig<
            D = Payload,
            NodeId = u64,
            Node = EmptyNode,
            Entry = Entry<T>,
            SnapshotData = SnapshotFile,
        >
{
}
