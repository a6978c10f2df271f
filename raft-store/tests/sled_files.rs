//! What becomes of sled's files: leftovers, damage, and those of another layout.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use quorate_raft_store::{Engine as _, SledEngine, Tree, Write};

const END: [u8; 16] = [0xff; 16];

fn put(engine: &SledEngine, key: Vec<u8>, value: Vec<u8>) {
    let tree = Tree::Log;
    engine.write(vec![Write::Put { tree, key, value }]).unwrap();
}

#[test]
fn a_leftover_of_a_sled_snapshot_does_not_matter() {
    let directory = tempfile::tempdir().unwrap();
    let put_one = |value: u8| {
        let engine = SledEngine::open(directory.path()).unwrap();
        put(&engine, b"key".to_vec(), vec![value]);
        engine.sync().unwrap();
    };
    put_one(1);
    let leftover = directory.path().join("snap.00000000FFFFFFFF.generating");
    std::fs::write(&leftover, b"half of a snapsh").unwrap();
    put_one(2);
    assert!(!leftover.exists());
}

#[test]
fn damage_to_sled_files_does_not_go_unseen() {
    let directory = tempfile::tempdir().unwrap();
    {
        let engine = SledEngine::open(directory.path()).unwrap();
        for index in 0..200_u64 {
            put(&engine, index.to_be_bytes().to_vec(), vec![5; 10_000]);
        }
        engine.sync().unwrap();
    }
    for name in ["conf", "db"] {
        let copy = tempfile::tempdir().unwrap();
        copy_directory(directory.path(), copy.path());
        let path = copy.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        // Every second block, so that it is not just what sled has rewritten elsewhere.
        for block in bytes.chunks_mut(8 << 10).step_by(2) {
            block.fill(0xa5);
        }
        std::fs::write(&path, bytes).unwrap();
        let lost = match SledEngine::open(copy.path()) {
            Err(error) => {
                assert!(
                    error.to_string().contains(copy.path().to_str().unwrap()),
                    "{error}"
                );
                true
            }
            // What sled itself takes for the end of its log is found by the
            // records above it.
            Ok(engine) => {
                let pairs = engine.range(Tree::Log, &[], &END, usize::MAX);
                !pairs.is_ok_and(|pairs| pairs.len() == 200)
            }
        };
        assert!(lost, "the damage to `{name}` went unseen");
    }
}

/// Such a database is not opened with what would destroy it.
#[test]
fn segments_of_another_size_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let other = sled::Config::new().path(directory.path());
    drop(other.segment_size(8 << 20).open().unwrap());
    let before = std::fs::read(directory.path().join("db")).unwrap();
    let error = SledEngine::open(directory.path()).unwrap_err().to_string();
    assert!(error.contains("has another layout"), "{error}");
    let after = std::fs::read(directory.path().join("db")).unwrap();
    assert!(before == after, "it was changed");
}

fn copy_directory(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&target).unwrap();
            copy_directory(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
