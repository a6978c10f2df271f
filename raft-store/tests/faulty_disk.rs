//! A disk that fails, is full, or is slow: the process stops with a message
//! that names file, operation and cause, and nothing acknowledged is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::loop_disk::SmallDisk;
use common::process::{Acknowledged, Writer};
use common::shim::Shim;
use common::verify::verify;
#[test]
fn writes_as_a_child() {
    common::child::run_if_child();
}

/// Strikes a writing child with `fault` and returns how it ended.
fn strike(shim: &Shim, fault: &str, milliseconds: u64) -> Acknowledged {
    let writer = shim.start(None).after_first();
    std::thread::sleep(Duration::from_millis(milliseconds));
    shim.set(fault);
    let acknowledged = writer.wait();
    shim.set("none");
    println!("{fault}: {acknowledged:?}");
    acknowledged
}

/// `operations`: which of them meets the fault first is up to sled.
fn assert_names_all(acknowledged: &Acknowledged, operations: &[&str], file: &Path, cause: &str) {
    let message = acknowledged
        .failure
        .as_ref()
        .expect("the child was to fail");
    let expected = |operation| format!("could not {operation} {}: ", file.display());
    let found = operations
        .iter()
        .find_map(|operation| message.strip_prefix(&expected(operation)));
    let found = found.unwrap_or_else(|| panic!("not {operations:?} {}: {message}", file.display()));
    assert!(found.contains(cause), "`{cause}` is not in: {message}");
}

#[test]
#[ignore = "needs root: run by .ci/run"]
fn an_io_error_stops_the_process_and_loses_nothing() {
    let operations = ["write", "fdatasync"];
    for fault in ["eio", "eio-sync"] {
        let shim = Shim::new();
        let mut acknowledged = Acknowledged::default();
        for round in 0..5 {
            let more = strike(&shim, fault, round * 37);
            let file = shim.database().join("db");
            assert_names_all(&more, &operations, &file, "Input/output error");
            acknowledged = more.after(&acknowledged);
            verify(&shim.database(), &acknowledged)
                .unwrap_or_else(|lost| panic!("{fault}, round {round}: {lost}"));
        }
    }
}

#[test]
#[ignore = "needs root: run by .ci/run"]
fn a_disk_that_fails_from_the_start_is_named() {
    let shim = Shim::new();
    shim.set("eio");
    let acknowledged = shim.start(None).wait();
    let parent = shim.data();
    assert_names_all(&acknowledged, &["fsync"], &parent, "Input/output error");
    assert_eq!(acknowledged.end, 0);
}

#[test]
#[ignore = "needs root: run by .ci/run"]
fn a_full_disk_stops_the_process_and_loses_nothing() {
    let disk = SmallDisk::new(96);
    let growing = [(common::child::KEEP_ALL, "1")];
    let acknowledged = Writer::start(&disk.path(), None, &growing).wait();
    println!("full: {acknowledged:?}");
    let file = disk.path().join("db");
    assert_names_all(&acknowledged, &["write"], &file, "No space left on device");
    assert!(acknowledged.end > 0);
    // With some more room everything is there and writing goes on.
    disk.grow(512);
    verify(&disk.path(), &acknowledged).unwrap();
    let more = Writer::start(&disk.path(), Some(20), &[]).wait();
    assert!(more.done && more.end > acknowledged.end, "{more:?}");
}

#[test]
#[ignore = "needs root: run by .ci/run"]
fn a_slow_sync_only_takes_longer() {
    let shim = Shim::new();
    shim.set("slow 100");
    let start = std::time::Instant::now();
    let acknowledged = shim.start(Some(30)).wait();
    println!("slow: {acknowledged:?} in {:?}", start.elapsed());
    assert!(acknowledged.done, "{acknowledged:?}");
    let least = Duration::from_millis(100) * u32::try_from(acknowledged.acknowledgements).unwrap();
    assert!(start.elapsed() >= least, "acknowledged before the sync");
    verify(&shim.database(), &acknowledged).unwrap();
}
