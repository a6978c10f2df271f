//! The numbers that identify and order things, each its own type.

use std::fmt;

use rkyv::{Archive, Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($inner:ty), $format:literal) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Archive, Serialize, Deserialize,
        )]
        pub struct $name($inner);

        impl $name {
            pub const fn new(value: $inner) -> Self {
                Self(value)
            }

            pub const fn get(self) -> $inner {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "(", $format, ")"), self.0)
            }
        }
    };
}

number! {
    /// The identity of a node: random, made at its first start. Name and
    /// address are attributes of it.
    NodeId(u64), "{:016x}"
}
number! {
    /// Grows by one at every start of a node; fences what an earlier life left.
    Incarnation(u64), "{}"
}
number! {
    /// The Raft log index of an applied entry: one order for the whole cluster.
    Revision(u64), "{}"
}
number! {
    /// Counts the requests of one incarnation of a node.
    Sequence(u64), "{}"
}
number! {
    /// Milliseconds since 1970 by the leader's wall clock; never decides a lease.
    Timestamp(u64), "{}"
}
number! {
    /// Names a join token; the secret is another number, which no core keeps.
    TokenId(u64), "{:016x}"
}
number! {
    /// Made when a cluster is formed; two of them never mix.
    ClusterId(u128), "{:032x}"
}
number! {
    /// A 128-bit hash that two nodes compare.
    Digest(u128), "{:032x}"
}

/// The revision of a claim: of two owners of a client, the later one counts.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Archive, Serialize, Deserialize,
)]
pub struct Epoch(Revision);

/// One life of one node.
#[derive(
    Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Archive, Serialize, Deserialize,
)]
pub struct Origin {
    pub node: NodeId,
    pub incarnation: Incarnation,
}

impl Epoch {
    pub const fn new(revision: Revision) -> Self {
        Self(revision)
    }

    pub const fn revision(self) -> Revision {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.node, self.incarnation)
    }
}

impl Revision {
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
impl Incarnation {
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
impl Sequence {
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}
impl Timestamp {
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    #[must_use]
    pub const fn minus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_sub(millis))
    }
}
