//! Writes that go on while things fail, and what was acknowledged of them.
//!
//! A write is a new token: it is committed like anything else, and can be
//! listed. What failed may or may not have been written; nothing is said of it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use quorate_admin::AdminClient;
use quorate_admin::api::{CreateTokenRequest, TokenRole};

use super::ask;
use super::node::Node;
use super::wait::{PATIENCE, until};

/// A stopped process takes a request and never answers it.
const WRITE_LIMIT: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(150);
/// A cluster has at most 1000 tokens.
const MOST_TOKENS: usize = 700;
const DAY_S: u64 = 24 * 3_600;

/// The nodes to write to.
#[derive(Clone, Default)]
pub(crate) struct Targets(Arc<Mutex<Vec<AdminClient>>>);

impl Targets {
    pub(crate) fn set(&self, clients: Vec<AdminClient>) {
        *self.0.lock().unwrap() = clients;
    }

    fn pick(&self, turn: usize) -> AdminClient {
        let clients = self.0.lock().unwrap();
        clients[turn % clients.len()].clone()
    }
}

/// What was acknowledged.
#[derive(Clone, Default)]
pub(crate) struct Ledger(Arc<Mutex<Acknowledged>>);

#[derive(Default)]
struct Acknowledged {
    /// There, unless it was asked to go.
    created: BTreeSet<String>,
    /// Not there.
    revoked: BTreeSet<String>,
    writes: usize,
}

impl Ledger {
    fn create(&self, client: &AdminClient) -> bool {
        let request = CreateTokenRequest {
            role: TokenRole::Replicant,
            ttl_s: DAY_S,
        };
        let Ok(Ok(token)) = ask(WRITE_LIMIT, client.create_token(request)) else {
            return false;
        };
        let mut acknowledged = self.0.lock().unwrap();
        acknowledged.writes += 1;
        assert!(acknowledged.created.insert(token.id), "an id came twice");
        true
    }

    fn revoke(&self, client: &AdminClient) {
        // From here on it may be there or not.
        let id = self.0.lock().unwrap().created.pop_first();
        let id = id.expect("something was created");
        if let Ok(Ok(())) = ask(WRITE_LIMIT, client.revoke_token(&id)) {
            let mut acknowledged = self.0.lock().unwrap();
            acknowledged.writes += 1;
            acknowledged.revoked.insert(id);
        }
    }

    fn len(&self) -> usize {
        self.0.lock().unwrap().created.len()
    }

    pub(crate) fn writes(&self) -> usize {
        self.0.lock().unwrap().writes
    }

    /// What was acknowledged before this call must be there, on that node.
    #[track_caller]
    pub(crate) fn check(&self, node: &Node) {
        let (created, revoked) = {
            let acknowledged = self.0.lock().unwrap();
            (acknowledged.created.clone(), acknowledged.revoked.clone())
        };
        until(
            &format!("{} has all that was acknowledged", node.name),
            || {
                let listed: BTreeSet<String> = node.token_ids()?.into_iter().collect();
                // The writer may have asked for some to go in the meantime.
                let asked_to_go = |id: &&String| !self.0.lock().unwrap().created.contains(*id);
                let lost: Vec<_> = created
                    .difference(&listed)
                    .filter(|id| !asked_to_go(id))
                    .collect();
                let back: Vec<_> = revoked.intersection(&listed).collect();
                if lost.is_empty() && back.is_empty() {
                    return Ok(());
                }
                Err(format!("lost {lost:?}, back again {back:?}"))
            },
        );
    }
}

/// Writes from a thread of its own until it is dropped or stopped.
pub(crate) struct Writer {
    pub(crate) ledger: Ledger,
    is_done: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(targets: Targets) -> Self {
        let ledger = Ledger::default();
        let is_done = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (ledger, is_done) = (ledger.clone(), Arc::clone(&is_done));
            move || {
                let mut turn = 0;
                while !is_done.load(Ordering::Relaxed) {
                    let client = targets.pick(turn);
                    turn += 1;
                    if ledger.len() < MOST_TOKENS {
                        ledger.create(&client);
                    } else {
                        ledger.revoke(&client);
                    }
                    std::thread::sleep(PAUSE);
                }
            }
        });
        Self {
            ledger,
            is_done,
            thread: Some(thread),
        }
    }

    pub(crate) fn stop(mut self) -> Ledger {
        self.is_done.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        self.ledger.clone()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.is_done.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // What it panicked with is on the screen already.
            let _ = thread.join();
        }
    }
}

/// How long after the loss of a leader there was a new one, and a write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Takeover {
    /// One of the others is known to lead.
    pub(crate) leader: Duration,
    /// One of the others has acknowledged a write that was asked of it after
    /// the loss.
    pub(crate) write: Duration,
}

/// Watches `others` from the loss of the node called `lost` on.
pub(crate) fn watch_takeover(
    since: Instant,
    lost: &str,
    others: &[&Node],
    ledger: &Ledger,
) -> Takeover {
    let is_new = |node: &Node| {
        let leader = node.leader_in_memory()?;
        (leader != lost).then_some(())
    };
    std::thread::scope(|scope| {
        let leader = scope.spawn(|| first(since, others, |node| is_new(node).is_some()));
        let write = first(since, others, |node| ledger.create(&node.client()));
        Takeover {
            leader: leader.join().unwrap(),
            write,
        }
    })
}

/// When this is first true of one of them; each is asked by a thread of its own.
fn first(since: Instant, nodes: &[&Node], is_true: impl Fn(&Node) -> bool + Sync) -> Duration {
    let found: OnceLock<Duration> = OnceLock::new();
    std::thread::scope(|scope| {
        for node in nodes {
            scope.spawn(|| {
                while found.get().is_none() {
                    if is_true(node) {
                        // The other thread may have been faster.
                        let _ = found.set(since.elapsed());
                    }
                    assert!(since.elapsed() < PATIENCE, "nobody takes over");
                    std::thread::sleep(Duration::from_millis(10));
                }
            });
        }
    });
    found.into_inner().expect("each thread waits for it")
}
