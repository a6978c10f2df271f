//! A process that acknowledges writes and is killed at random points loses
//! nothing it acknowledged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::Random;
use common::process::{Acknowledged, Writer};
use common::verify::verify;

const ROUNDS: u64 = 25;

#[test]
fn writes_as_a_child() {
    common::child::run_if_child();
}

#[test]
fn sigkill_on_fresh_databases_loses_nothing() {
    let mut random = Random(17);
    for round in 0..ROUNDS {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database");
        let acknowledged = kill_after_first(&path, random.below(60));
        verify(&path, &acknowledged).unwrap_or_else(|lost| panic!("round {round}: {lost}"));
    }
}

#[test]
fn sigkill_on_an_old_database_loses_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("database");
    let mut random = Random(23);
    let mut acknowledged = Acknowledged::default();
    for round in 0..ROUNDS {
        let more = kill_after_first(&path, random.below(250));
        acknowledged = more.after(&acknowledged);
        verify(&path, &acknowledged).unwrap_or_else(|lost| panic!("round {round}: {lost}"));
    }
    assert!(
        acknowledged.end > 100,
        "the test hardly wrote: {acknowledged:?}"
    );
}

#[test]
fn sigkill_while_opening_loses_nothing() {
    let mut random = Random(43);
    for round in 0..ROUNDS {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("database");
        kill_after(Writer::start(&path, None, &[]), random.below(40));
        let written = Writer::start(&path, Some(20), &[]).wait();
        assert!(written.done, "round {round}: {written:?}");
        let reopened = kill_after(Writer::start(&path, None, &[]), random.below(40));
        let acknowledged = reopened.after(&written);
        verify(&path, &acknowledged).unwrap_or_else(|lost| panic!("round {round}: {lost}"));
    }
}

fn kill_after_first(path: &Path, milliseconds: u64) -> Acknowledged {
    kill_after(Writer::start(path, None, &[]).after_first(), milliseconds)
}

fn kill_after(writer: Writer, milliseconds: u64) -> Acknowledged {
    std::thread::sleep(Duration::from_millis(milliseconds));
    let acknowledged = writer.kill();
    assert!(acknowledged.failure.is_none(), "{acknowledged:?}");
    acknowledged
}
