//! A cluster of real processes through all that may happen to its nodes, under
//! writes: nothing that was acknowledged is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use quorate_admin::api::HistoryEvent;
use support::cluster::Cluster;
use support::node::Node;
use support::wait::until;
use support::writer::{Takeover, Writer, watch_takeover};

const KILLS: usize = 20;
/// From the death of a leader to the next one, in 99 of 100 cases.
const ELECTION: Duration = Duration::from_secs(2);

#[test]
fn nothing_acknowledged_is_lost_whatever_happens_to_the_nodes() {
    let home = tempfile::tempdir().unwrap();
    let start = Instant::now();
    let told = |what: &str| println!("{:>6.1?}  {what}", start.elapsed());
    let mut cluster = Cluster::form(home.path(), 3);
    told("formed of three");
    let writer = Writer::start(cluster.targets.clone());
    kill_leaders(&mut cluster, &writer);
    told("leaders were killed");
    pause_the_leader(&mut cluster, &writer);
    told("the leader was paused");
    restart_all(&mut cluster, &writer);
    told("all were killed");
    grow_and_shrink(&mut cluster, &writer, home.path());
    told("grown to five, shrunk to three");
    replace_a_lost_disk(&mut cluster, &writer);
    told("a lost disk was replaced");

    let ledger = writer.stop();
    cluster.wait_whole();
    for node in &cluster.nodes {
        ledger.check(node);
    }
    for node in &mut cluster.nodes {
        assert!(node.terminate().success(), "{}", node.name);
    }
    told(&format!("{} writes were acknowledged", ledger.writes()));
}

fn kill_leaders(cluster: &mut Cluster, writer: &Writer) {
    let lives_before = last_lives(&check_history(cluster));
    let mut takeovers: Vec<Takeover> = Vec::new();
    let mut starts: BTreeMap<String, u64> = BTreeMap::new();
    for _ in 0..KILLS {
        let leader = cluster.leader();
        let since = Instant::now();
        cluster.nodes[leader].kill();
        takeovers.push(watch(cluster, leader, since, writer));
        let dead = &mut cluster.nodes[leader];
        *starts.entry(dead.name.clone()).or_default() += 1;
        dead.start();
    }
    cluster.wait_whole();
    for node in &cluster.nodes {
        writer.ledger.check(node);
    }
    let elections = sorted(&takeovers, |takeover| takeover.leader);
    let writes = sorted(&takeovers, |takeover| takeover.write);
    println!("from a leader's death to the next leader: {elections:?}");
    println!("from a leader's death to the next write: {writes:?}");
    let p99 = elections[(KILLS * 99).div_ceil(100) - 1];
    assert!(p99 <= ELECTION, "{p99:?}: {elections:?}");

    // Each start is a new life, whatever became of the one before.
    let lives = last_lives(&check_history(cluster));
    for (name, started) in starts {
        // Who formed the cluster did so in its first life.
        let before = lives_before.get(&name).copied().unwrap_or(1);
        let expected = before + started;
        assert_eq!(lives[&name], expected, "{name} was started {started} times");
    }
}

fn watch(cluster: &Cluster, lost: usize, since: Instant, writer: &Writer) -> Takeover {
    let name = &cluster.nodes[lost].name;
    watch_takeover(since, name, &cluster.others(lost), &writer.ledger)
}

fn sorted(takeovers: &[Takeover], part: impl Fn(&Takeover) -> Duration) -> Vec<Duration> {
    let mut times: Vec<Duration> = takeovers.iter().map(part).collect();
    times.sort();
    times
}

fn pause_the_leader(cluster: &mut Cluster, writer: &Writer) {
    let leader = cluster.leader();
    let name = cluster.nodes[leader].name.clone();
    let since = Instant::now();
    cluster.nodes[leader].pause();
    let takeover = watch(cluster, leader, since, writer);
    println!("from a leader's pause: {takeover:?}");
    for node in cluster.others(leader) {
        until(&format!("{} follows another", node.name), || {
            let status = node.status()?;
            let leader = status.leader.clone().unwrap_or_default();
            (!leader.is_empty() && leader != name)
                .then_some(())
                .ok_or(format!("{status:?}"))
        });
    }
    cluster.nodes[leader].go_on();
    let status = cluster.wait_whole();
    assert_ne!(status.leader.as_deref(), Some(name.as_str()));
    for node in &cluster.nodes {
        writer.ledger.check(node);
    }
}

fn restart_all(cluster: &mut Cluster, writer: &Writer) {
    cluster.nodes.iter_mut().for_each(Node::kill);
    let acknowledged = writer.ledger.writes();
    cluster.nodes.iter_mut().rev().for_each(Node::start);
    cluster.wait_whole();
    for node in &cluster.nodes {
        writer.ledger.check(node);
    }
    until("writes go on", || {
        let now = writer.ledger.writes();
        (now > acknowledged)
            .then_some(())
            .ok_or_else(|| now.to_string())
    });
    check_history(cluster);
}

fn grow_and_shrink(cluster: &mut Cluster, writer: &Writer, home: &Path) {
    for short_name in ["core4", "core5"] {
        cluster.add(Node::alone(home, short_name));
    }
    let mut gone = Vec::new();
    for is_leader in [true, false] {
        let at = match is_leader {
            true => cluster.leader(),
            false => cluster.follower(),
        };
        let mut node = cluster.remove(at);
        let ended = node.run(&["node", "leave"]);
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{ended:?}");
        if !is_leader {
            assert!(!ended.stdout.contains("handing"), "{ended:?}");
        }
        cluster.wait_whole();
        assert!(node.terminate().success(), "{}", node.name);
        gone.push(node.name.clone());
    }
    for node in &cluster.nodes {
        writer.ledger.check(node);
    }
    let history = check_history(cluster);
    for name in gone {
        assert_eq!(count(&history, &format!("{name} was removed")), 1, "{name}");
        assert_eq!(who_had_leave(&history, &name), Some(&name));
    }
}

fn replace_a_lost_disk(cluster: &mut Cluster, writer: &Writer) {
    let at = cluster.follower();
    let name = cluster.nodes[at].name.clone();
    let old_id = id_of(&cluster.nodes[at], &name);
    let mut lost = cluster.remove(at);
    lost.kill();
    fs::remove_dir_all(&lost.dir).unwrap();

    let removed_before = count(&cluster.nodes[0].history(), &format!("{name} was removed"));
    let ended = cluster.nodes[0].run(&["cluster", "force-leave", &name]);
    let expected = format!("{name} is removed from the cluster\n");
    assert_eq!((ended.code, &ended.stdout), (0, &expected), "{ended:?}");
    cluster.wait_whole();

    lost.start();
    lost.wait_settled();
    cluster.add(lost);
    let new_id = id_of(&cluster.nodes[0], &name);
    assert_ne!(old_id, new_id, "{name} must not come back as who it was");
    for node in &cluster.nodes {
        writer.ledger.check(node);
    }
    let history = check_history(cluster);
    let removed = count(&history, &format!("{name} was removed"));
    assert_eq!(removed, removed_before + 1);
    assert_eq!(who_had_leave(&history, &name), Some(&cluster.nodes[0].name));
}

fn id_of(asked: &Node, name: &str) -> String {
    let status = asked.status().unwrap();
    let found = status.nodes.iter().find(|node| node.name == name);
    found.unwrap().id.clone()
}

fn count(history: &[HistoryEvent], what: &str) -> usize {
    history.iter().filter(|event| event.what == what).count()
}

/// Who asked for the last leave of that node.
fn who_had_leave<'a>(history: &'a [HistoryEvent], name: &str) -> Option<&'a String> {
    let what = format!("{name} is to leave");
    let left = history.iter().rfind(|event| event.what == what);
    left.and_then(|event| event.by.as_ref())
}

/// What holds for any history: the same on all nodes, in order, formed once at
/// most (the log forgets its oldest events), lives that only grow.
fn check_history(cluster: &Cluster) -> Vec<HistoryEvent> {
    let first = cluster.nodes[0].history();
    assert!(!first.is_empty());
    assert!(first.is_sorted_by_key(|event| event.revision));
    assert!(count(&first, "the cluster quorate was formed") <= 1);
    // Also those who are no members any more.
    for event in &first {
        if let Some(voters) = event.what.strip_prefix("the voters are now ") {
            let are_names = voters.split(", ").all(|voter| voter.contains('@'));
            assert!(are_names, "{event:?}");
        }
    }
    let mut lives: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, life) in first.iter().filter_map(up) {
        let before = lives.insert(name, life);
        assert!(before.is_none_or(|before| before <= life), "{name}: {life}");
    }
    for node in &cluster.nodes[1..] {
        // Writes go on, so one may know more than the other.
        let other = node.history();
        let last = first
            .last()
            .unwrap()
            .revision
            .min(other.last().unwrap().revision);
        let begin = first[0].revision.max(other[0].revision);
        let common = |events: &[HistoryEvent]| -> Vec<HistoryEvent> {
            let inside = events
                .iter()
                .filter(|event| (begin + 1..=last).contains(&event.revision));
            inside.cloned().collect()
        };
        assert_eq!(common(&first), common(&other), "{}", node.name);
    }
    first
}

/// `NAME is up in life N, at ADDRESSES`
fn up(event: &HistoryEvent) -> Option<(&str, u64)> {
    let (name, rest) = event.what.split_once(" is up in life ")?;
    let life = rest.split(',').next()?.parse();
    Some((name, life.expect("a life is a number")))
}

fn last_lives(history: &[HistoryEvent]) -> BTreeMap<String, u64> {
    let lives = history.iter().filter_map(up);
    lives.map(|(name, life)| (name.to_owned(), life)).collect()
}
