//! A power loss at a random moment loses nothing acknowledged.
//!
//! ext4 on a loop device is shut down without flushing even its journal, so
//! what was never synced is gone, as with a pulled plug.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::Random;
use common::child::{LARGE_VALUES, large_value, log_key};
use common::loop_disk::LoopDisk;
use common::process::{Acknowledged, Writer};
use common::shim::Shim;
use common::verify::verify;
use quorate_raft_store::{Engine as _, SledEngine, Tree};

const ROUNDS: u64 = 20;

#[test]
fn writes_as_a_child() {
    common::child::run_if_child();
}

#[test]
#[ignore = "needs root: run by .ci/run"]
fn power_loss_on_fresh_databases_loses_nothing() {
    let mut disk = LoopDisk::new();
    let mut random = Random(29);
    let mut lost = Vec::new();
    for round in 0..ROUNDS {
        // Below a directory that does not exist yet either.
        let path = disk.mount_point().join(format!("{round}/database"));
        let acknowledged = lose_power(&mut disk, &path, random.below(150));
        println!("round {round}: {acknowledged:?}");
        lost.extend(verify(&path, &acknowledged).err());
        std::fs::remove_dir_all(path).unwrap();
    }
    assert!(
        lost.is_empty(),
        "{} of {ROUNDS} rounds: {lost:#?}",
        lost.len()
    );
}

#[test]
#[ignore = "needs root: run by .ci/run"]
fn power_loss_on_an_old_database_loses_nothing() {
    let mut disk = LoopDisk::new();
    let path = disk.mount_point().join("database");
    let mut acknowledged = Writer::start(&path, Some(3000), &[]).wait();
    assert!(acknowledged.done, "{acknowledged:?}");
    let mut random = Random(31);
    for round in 0..ROUNDS {
        let more = lose_power(&mut disk, &path, random.below(600));
        println!("round {round}: {more:?}");
        acknowledged = more.after(&acknowledged);
        verify(&path, &acknowledged).unwrap_or_else(|lost| panic!("round {round}: {lost}"));
    }
}

/// sled does not sync the files that it keeps large values in.
#[test]
#[ignore = "needs root: run by .ci/run"]
fn power_loss_keeps_values_in_files_of_their_own() {
    let mut disk = LoopDisk::new();
    let mut random = Random(37);
    for round in 0..5 {
        let path = disk.mount_point().join(format!("{round}/database"));
        let large = [(LARGE_VALUES, "1")];
        let acknowledged = lose_power_with(&mut disk, &path, random.below(150), &large);
        let engine = SledEngine::open(&path).unwrap();
        for index in 0..acknowledged.end {
            let found = engine.get(Tree::Snapshot, &log_key(index)).unwrap();
            assert!(
                found == Some(large_value(index)),
                "round {round}, value {index}"
            );
        }
    }
}

/// Shows that the plug is pulled for real: a kill would lose nothing of what
/// was handed to the kernel, synced or not.
#[test]
#[ignore = "needs root: run by .ci/run"]
fn power_loss_takes_what_a_disk_only_pretends_to_sync() {
    let disk = LoopDisk::new();
    let shim = Shim::new();
    shim.set("no-sync");
    let environment = shim.environment(&disk.mount_point());
    let environment = environment
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    assert_loses_something(disk, &environment);
}

/// Shows that a store is seen that does not wait for the disk.
#[cfg(feature = "mutants")]
#[test]
#[ignore = "needs root: run by .ci/run"]
fn power_loss_takes_what_was_acknowledged_before_the_sync() {
    let early = [(common::child::ACKNOWLEDGE_EARLY, "1")];
    assert_loses_something(LoopDisk::new(), &early);
}

fn assert_loses_something(mut disk: LoopDisk, environment: &[(&str, &str)]) {
    let mut random = Random(47);
    let lost = (0..ROUNDS).find_map(|round| {
        let path = disk.mount_point().join(format!("{round}/database"));
        let acknowledged = lose_power_with(&mut disk, &path, random.below(150), environment);
        verify(&path, &acknowledged).err()
    });
    println!("lost: {lost:?}");
    assert!(lost.is_some(), "nothing was lost");
}

fn lose_power(disk: &mut LoopDisk, path: &Path, milliseconds: u64) -> Acknowledged {
    lose_power_with(disk, path, milliseconds, &[])
}

fn lose_power_with(
    disk: &mut LoopDisk,
    path: &Path,
    milliseconds: u64,
    environment: &[(&str, &str)],
) -> Acknowledged {
    let writer = Writer::start(path, None, environment).after_first();
    std::thread::sleep(Duration::from_millis(milliseconds));
    disk.pull_the_plug();
    let acknowledged = writer.kill();
    disk.restart();
    acknowledged
}
