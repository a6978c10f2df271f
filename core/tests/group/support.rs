//! A cluster of cores in this process.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use openraft::TokioRuntime;
use quorate_core::{
    Core, CoreConfig, IoMode, Link, LinkError, MemoryNetwork, NoObserver, Role, SystemClock,
};
use quorate_model::client_id::ClientId;
use quorate_model::cluster::ClusterName;
use quorate_model::command::Command;
use quorate_model::ids::{ClusterId, Digest, Incarnation, NodeId};
use quorate_model::member::{Liveness, Member, Roles};
use quorate_model::node_name::NodeName;
use quorate_raft_store::Engine;

pub(crate) type TestCore = Core<TokioRuntime>;

/// Long enough for a loaded machine; nothing waits for it when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn node(id: u64) -> NodeId {
    NodeId::new(id)
}

pub(crate) fn nodes(ids: &[u64]) -> BTreeSet<NodeId> {
    ids.iter().copied().map(NodeId::new).collect()
}

pub(crate) fn config(id: u64, incarnation: u64) -> CoreConfig {
    let slot = u32::try_from(id - 1).unwrap();
    let mut config = CoreConfig::new(node(id), Incarnation::new(incarnation), slot);
    config.propose_deadline = PATIENCE;
    config.read_deadline = PATIENCE;
    config.membership_deadline = PATIENCE;
    config
}

pub(crate) async fn start(
    config: CoreConfig,
    engine: Arc<dyn Engine>,
    network: &MemoryNetwork,
) -> TestCore {
    let link = network.link(config.node);
    start_over(config, engine, network, link).await
}

pub(crate) async fn start_over(
    config: CoreConfig,
    engine: Arc<dyn Engine>,
    network: &MemoryNetwork,
    link: Arc<dyn Link>,
) -> TestCore {
    let (clock, observer) = (Arc::new(SystemClock), Arc::new(NoObserver));
    let core = Core::start(config, engine, IoMode::Thread, link, clock, observer)
        .await
        .unwrap();
    core.attach_to(network);
    core
}

pub(crate) async fn stop(core: TestCore, network: &MemoryNetwork) {
    network.detach(core.node());
    core.shutdown().await;
}

pub(crate) fn member(id: u64) -> Member {
    Member {
        id: node(id),
        name: NodeName::new(format!("core{id}@127.0.0.1")).unwrap(),
        roles: Roles::Core,
        key: [0; 32],
        addresses: vec![format!("127.0.0.1:{}", 4370 + id)],
        version: "0.1.0".to_owned(),
        election_slot: Some(u32::try_from(id - 1).unwrap()),
        incarnation: Incarnation::new(1),
        liveness: Liveness::Up,
        retiring: false,
    }
}

/// Forms the group and the cluster in it.
pub(crate) async fn form(first: &TestCore, ids: &[u64]) {
    first.form(nodes(ids)).await.unwrap();
    let form = Command::Form {
        id: ClusterId::new(1),
        name: ClusterName::new("test").unwrap(),
        founders: ids.iter().map(|id| member(*id)).collect(),
    };
    first.propose(form).await.unwrap();
}

pub(crate) fn setting(key: &str, value: &str) -> Command {
    Command::SetSetting {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

/// So many letters that no packing makes much fewer.
pub(crate) fn letters(count: usize, seed: usize) -> String {
    let mut state = seed as u64;
    let letter = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        char::from(b'a' + ((mixed >> 40) % 26) as u8)
    };
    std::iter::repeat_with(letter).take(count).collect()
}

pub(crate) fn claim(client: &str) -> Command {
    Command::Claim {
        client: ClientId::new(client).unwrap(),
        expected: None,
    }
}

pub(crate) fn member_up(incarnation: u64) -> Command {
    Command::MemberUp {
        incarnation: Incarnation::new(incarnation),
        addresses: vec!["127.0.0.1:4371".to_owned()],
        version: "0.1.0".to_owned(),
    }
}

pub(crate) async fn read_setting(core: &TestCore, key: &str) -> Option<String> {
    let read = core
        .read(|state| state.view().setting(key).map(str::to_owned))
        .await;
    read.unwrap().value
}

pub(crate) async fn digest(core: &TestCore) -> (Digest, Digest) {
    let read = core.read(|state| (state.digest(), state.chain())).await;
    read.unwrap().value
}

pub(crate) fn leader(cores: &[TestCore]) -> Option<TestCore> {
    cores
        .iter()
        .find(|core| core.metrics().role == Role::Leader)
        .cloned()
}

pub(crate) async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let look = async {
        loop {
            if let Some(found) = look() {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, look).await {
        Ok(found) => found,
        Err(_) => panic!("in {PATIENCE:?} never: {what}"),
    }
}

pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("in {PATIENCE:?} never: {what}"),
    }
}

/// A link whose calls can be listened to, and whose answers can be lost.
pub(crate) struct Meddler {
    pub(crate) inner: Arc<dyn Link>,
    pub(crate) requests: Mutex<Vec<Bytes>>,
    pub(crate) loses_answer: Box<dyn Fn(&Bytes) -> bool + Send + Sync>,
}

impl Link for Meddler {
    fn call(
        &self,
        to: NodeId,
        request: Bytes,
        timeout: Duration,
    ) -> BoxFuture<'static, Result<Bytes, LinkError>> {
        let loses = (self.loses_answer)(&request);
        self.requests.lock().unwrap().push(request.clone());
        let call = self.inner.call(to, request, timeout);
        Box::pin(async move {
            let answer = call.await;
            if loses {
                return Err(LinkError::Timeout { to, timeout_ms: 0 });
            }
            answer
        })
    }
}
