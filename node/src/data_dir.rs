//! A node's directory: who may open it, and what is where in it.
//!
//! ```text
//! lock         held while a node runs
//! identity     who the node is, with its keys
//! raft-ID/     the store of that identity
//! admin.sock   the admin API
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use quorate_core::tier::{DiskError, NodeIdentity};
use quorate_model::ids::NodeId;
use rustix::fs::Mode;

/// The owner's alone.
const PRIVATE: u32 = 0o700;
const STORE_PREFIX: &str = "raft-";

/// The directory, locked for as long as this lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

/// Why a directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    #[error("another node runs on the data directory {0}")]
    Locked(PathBuf),
    #[error(
        "others may write to the data directory {path} (mode {mode:04o}), and so replace what is in it"
    )]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error("the data directory {path} cannot be used: {cause}")]
    Unusable { path: PathBuf, cause: io::Error },
}

/// Whatever this process creates from here on is its owner's alone: the files of
/// the store are made by a library that does not ask. Called before there are
/// other threads.
pub(crate) fn keep_new_files_private() {
    rustix::process::umask(Mode::from_raw_mode(0o077));
}

impl DataDir {
    /// Makes the directory where there is none, readable by its owner alone. The
    /// mode of one that exists is somebody's choice, and stays.
    pub(crate) fn open(path: &Path) -> Result<Self, DataDirError> {
        let unusable = |cause| DataDirError::Unusable {
            path: path.to_owned(),
            cause,
        };
        create_durably(path).map_err(unusable)?;
        let path = path.canonicalize().map_err(unusable)?;
        check_mode(&path)?;
        let lock = private_file().open(path.join("lock")).map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(DataDirError::Locked(path)),
            Err(TryLockError::Error(cause)) => Err(DataDirError::Unusable { path, cause }),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn store(&self, node: NodeId) -> PathBuf {
        self.path.join(format!("{STORE_PREFIX}{node}"))
    }

    /// Removes the stores of other identities than this one.
    pub(crate) fn discard_stores_except(&self, node: Option<NodeId>) -> Result<(), DiskError> {
        let kept = node.map(|node| self.store(node));
        let failed = |cause| error("remove old stores in", &self.path, cause);
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if is_store(&path) && kept.as_ref() != Some(&path) {
                fs::remove_dir_all(&path).map_err(|cause| error("remove", &path, cause))?;
            }
        }
        Ok(())
    }

    pub(crate) fn load_identity(&self) -> Result<Option<NodeIdentity>, DiskError> {
        let file = self.identity_file();
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
                return self.check_unused().map(|()| None);
            }
            Err(cause) => return Err(error("read", &file, cause)),
        };
        let identity = NodeIdentity::decode(&bytes);
        identity
            .map(Some)
            .map_err(|cause| error("read", &file, cause))
    }

    /// A store without an identity is what a partial restore leaves; a first
    /// start would remove it.
    fn check_unused(&self) -> Result<(), DiskError> {
        let failed = |cause| error("read", &self.path, cause);
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if is_store(&path) {
                let place = self.identity_file();
                let cause = format!("it is missing, and {} is there", path.display());
                return Err(error("read", &place, cause));
            }
        }
        Ok(())
    }

    /// The old file or the new one is there after a crash.
    pub(crate) fn save_identity(&self, identity: &NodeIdentity) -> Result<(), DiskError> {
        let file = self.identity_file();
        let next = self.path.join("identity.next");
        let write = || -> io::Result<()> {
            let mut opened = private_file().truncate(true).open(&next)?;
            opened.write_all(&identity.encode())?;
            opened.sync_all()?;
            fs::rename(&next, &file)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|cause| error("write", &file, cause))
    }

    fn identity_file(&self) -> PathBuf {
        self.path.join("identity")
    }
}

/// The name of a new directory stands in its parent, and has to be on disk
/// before anything in it counts.
fn create_durably(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    match DirBuilder::new().mode(PRIVATE).create(path) {
        Ok(()) => File::open(parent)?.sync_all(),
        Err(_) if path.is_dir() => Ok(()),
        // A parent that is there, and in which there can be no directory, is no reason to
        // make it: in /proc, the system says the same.
        Err(error) if error.kind() == io::ErrorKind::NotFound && !parent.is_dir() => {
            create_durably(parent)?;
            create_durably(path)
        }
        Err(error) => Err(error),
    }
}

/// What is in it can't be read by others in any case. Whoever may write to it
/// can put other files in place of them.
fn check_mode(path: &Path) -> Result<(), DataDirError> {
    let metadata = fs::metadata(path).map_err(|cause| DataDirError::Unusable {
        path: path.to_owned(),
        cause,
    })?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 {
        let path = path.to_owned();
        return Err(DataDirError::OpenToOthers { path, mode });
    }
    if mode & 0o055 != 0 {
        tracing::warn!(
            path = %path.display(),
            mode = format!("{mode:04o}"),
            "others may look into the data directory; chmod 700 keeps them out"
        );
    }
    Ok(())
}

fn is_store(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(STORE_PREFIX))
}

fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options
}

fn error(operation: &'static str, place: &Path, cause: impl ToString) -> DiskError {
    DiskError {
        operation,
        place: place.display().to_string(),
        cause: cause.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use quorate_core::tier::Standing;
    use quorate_model::ids::Incarnation;
    use quorate_model::node_name::NodeName;

    use super::*;

    fn identity(incarnation: u64) -> NodeIdentity {
        NodeIdentity {
            name: NodeName::new("core1@127.0.0.1").unwrap(),
            incarnation: Incarnation::new(incarnation),
            standing: Standing::Fresh,
            joining: None,
        }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn one_node_at_a_time_and_nobody_else_reads() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        let dir = DataDir::open(&path).unwrap();
        assert!(matches!(DataDir::open(&path), Err(DataDirError::Locked(_))));
        dir.save_identity(&identity(1)).unwrap();
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&folder.path().join("a")), 0o700);
        assert_eq!(mode(&path.join("identity")), 0o600);
        drop(dir);
        DataDir::open(&path).unwrap();
    }

    /// In /proc, a directory cannot be made because there is none of that name.
    #[test]
    fn a_directory_that_cannot_be_made_is_an_error() {
        for path in ["/proc/quorate", "/proc/quorate/data"] {
            let error = DataDir::open(Path::new(path)).unwrap_err();
            assert!(matches!(error, DataDirError::Unusable { .. }), "{error}");
        }
    }

    #[test]
    fn a_directory_that_was_there_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let set_mode = |mode| {
            let mode = fs::Permissions::from_mode(mode);
            fs::set_permissions(folder.path(), mode).unwrap();
        };
        for kept in [0o700, 0o500, 0o750, 0o755] {
            set_mode(kept);
            // Only the superuser may write where the mode forbids it.
            let _ = DataDir::open(folder.path());
            assert_eq!(mode(folder.path()), kept);
        }
        for open in [0o770, 0o702, 0o777, 0o2775] {
            set_mode(open);
            let refused = DataDir::open(folder.path()).unwrap_err();
            let shown = format!("mode {open:04o}");
            assert!(refused.to_string().contains(&shown), "{refused}");
            assert_eq!(mode(folder.path()), open & 0o777);
        }
    }

    #[test]
    fn an_identity_is_there_as_it_was_written_or_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        assert_eq!(dir.load_identity(), Ok(None));
        for incarnation in [1, 2] {
            dir.save_identity(&identity(incarnation)).unwrap();
            assert_eq!(dir.load_identity(), Ok(Some(identity(incarnation))));
        }
        fs::write(dir.identity_file(), b"garbage").unwrap();
        assert!(dir.load_identity().is_err());
    }

    #[test]
    fn the_stores_of_former_identities_go() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open(folder.path()).unwrap();
        let (old, new) = (NodeId::new(1), NodeId::new(2));
        for node in [old, new] {
            fs::create_dir(dir.store(node)).unwrap();
        }
        dir.discard_stores_except(Some(new)).unwrap();
        assert!(!dir.store(old).exists() && dir.store(new).exists());
        dir.discard_stores_except(None).unwrap();
        assert!(!dir.store(new).exists() && dir.path().join("lock").exists());
    }
}
