//! A leader that leaves while it is busy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quorate_model::command::Command;
use quorate_model::topic_filter::TopicFilter;

use super::home::{Home, Node, founded, joined, names_in, outcome};
use crate::metrics::Role;

const WRITERS: usize = 32;

async fn write(node: Node, number: usize, is_over: Arc<AtomicBool>) {
    let filter = TopicFilter::new(format!("load/{number}")).unwrap();
    let core = node.core().expect("it is in a cluster");
    while !is_over.load(Ordering::Relaxed) {
        let filter = filter.clone();
        // What is under way while the lead changes hands may fail.
        let _ = core.propose(Command::AddRoute { filter }).await;
    }
}

/// Its log is ahead of the others' whenever it is asked for the lead: it must not take
/// that for a reason to keep it.
#[tokio::test(flavor = "multi_thread")]
async fn a_leader_leaves_while_many_write() {
    let homes = ["one", "two", "three"].map(Home::new);
    let leaver = founded(&homes[0]).await;
    let mut others = Vec::new();
    for home in &homes[1..] {
        others.push(joined(home, &homes[0], &leaver).await);
    }
    assert_eq!(leaver.core().unwrap().metrics().role, Role::Leader);
    let is_over = Arc::<AtomicBool>::default();
    let writers: Vec<_> = (0..WRITERS)
        .map(|number| {
            let node = others[number % others.len()].clone();
            tokio::spawn(write(node, number, Arc::clone(&is_over)))
        })
        .collect();
    leaver.leave().await.unwrap();
    outcome(&leaver).await.unwrap();
    is_over.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    for node in &others {
        assert!(!names_in(node).contains(&homes[0].name()));
        node.shutdown().await;
    }
    leaver.shutdown().await;
}
