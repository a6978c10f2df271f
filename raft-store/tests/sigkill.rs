//! A process that acknowledges writes and is killed at random points loses
//! nothing it acknowledged.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

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
        let acknowledged = kill_after(&path, random.below(60), round % 5 != 0);
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
        let more = kill_after(&path, random.below(250), round % 5 != 0);
        assert!(more.failure.is_none(), "round {round}: {more:?}");
        acknowledged = more.after(&acknowledged);
        verify(&path, &acknowledged).unwrap_or_else(|lost| panic!("round {round}: {lost}"));
    }
    assert!(
        acknowledged.end > 100,
        "the test hardly wrote: {acknowledged:?}"
    );
}

/// `after_first`: counted from the first acknowledged entry, else from the
/// start, to hit the opening as well.
fn kill_after(path: &std::path::Path, milliseconds: u64, after_first: bool) -> Acknowledged {
    let writer = Writer::start(path, None, &[]);
    if after_first {
        writer.wait_for_first(Duration::from_secs(20));
    }
    std::thread::sleep(Duration::from_millis(milliseconds));
    writer.kill()
}
