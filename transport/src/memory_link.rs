//! Links between nodes in one process, for tests and benches: the same bytes
//! as on a wire, and cuts on demand.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use quorate_model::ids::NodeId;

use crate::link::{Link, LinkError};

/// A network of nodes in this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct MemoryNetwork {
    shared: Arc<RwLock<Nodes>>,
}

/// One node's links into a [`MemoryNetwork`].
#[derive(Debug, Clone)]
pub struct MemoryLink {
    from: NodeId,
    network: MemoryNetwork,
}

type Serve = Arc<dyn Fn(NodeId, Bytes) -> BoxFuture<'static, Bytes> + Send + Sync>;

#[derive(Default)]
struct Nodes {
    serving: BTreeMap<NodeId, Serve>,
    cut_off: BTreeSet<NodeId>,
}

impl MemoryNetwork {
    pub fn link(&self, from: NodeId) -> Arc<MemoryLink> {
        let network = self.clone();
        Arc::new(MemoryLink { from, network })
    }

    /// From now on `serve` answers calls to the node.
    pub fn attach<F>(
        &self,
        node: NodeId,
        serve: impl Fn(NodeId, Bytes) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Bytes> + Send + 'static,
    {
        let serve: Serve = Arc::new(move |from, request| Box::pin(serve(from, request)));
        self.change(|nodes| drop(nodes.serving.insert(node, serve)));
    }

    pub fn detach(&self, node: NodeId) {
        self.change(|nodes| drop(nodes.serving.remove(&node)));
    }

    /// Cuts a node off from all others, or heals it.
    pub fn cut_off(&self, node: NodeId, is_cut_off: bool) {
        self.change(|nodes| {
            if is_cut_off {
                nodes.cut_off.insert(node);
            } else {
                nodes.cut_off.remove(&node);
            }
        });
    }

    fn change(&self, change: impl FnOnce(&mut Nodes)) {
        match self.shared.write() {
            Ok(mut nodes) => change(&mut nodes),
            Err(_) => panic!("the memory network is unusable: a change of it panicked before"),
        }
    }

    fn reach(&self, from: NodeId, to: NodeId) -> Option<Serve> {
        let Ok(nodes) = self.shared.read() else {
            panic!("the memory network is unusable: a change of it panicked before");
        };
        if nodes.cut_off.contains(&from) || nodes.cut_off.contains(&to) {
            return None;
        }
        nodes.serving.get(&to).cloned()
    }
}

impl Link for MemoryLink {
    fn call(
        &self,
        to: NodeId,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, LinkError>> {
        let from = self.from;
        let network = self.network.clone();
        Box::pin(async move {
            let unreachable = || LinkError::Unreachable {
                to,
                detail: String::from("cut off or not attached"),
            };
            let serve = network.reach(from, to).ok_or_else(unreachable)?;
            let answer = tokio::time::timeout(timeout, serve(from, request)).await;
            let answer = answer.map_err(|_| LinkError::Timeout {
                to,
                timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            })?;
            // A cut takes the answers of calls under way, too.
            network.reach(from, to).ok_or_else(unreachable)?;
            Ok(answer)
        })
    }
}

impl fmt::Debug for MemoryNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryNetwork")
    }
}
