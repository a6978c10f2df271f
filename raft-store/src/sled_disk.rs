use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::{fs, io};

use crate::StoreError;

/// The files under a sled database, and what sled leaves out to make them
/// durable: `fdatasync` of the data, `fsync` of directories whose entries
/// changed and of values that sled moved to files of their own.
#[derive(Debug)]
pub(crate) struct SledDisk {
    directory: PathBuf,
    /// Our own handle: the kernel reports a failed write-back once to each
    /// handle, and what sled's handle is told, sled partly ignores.
    data: File,
    blobs: PathBuf,
    synced_blobs: Mutex<BTreeSet<String>>,
}

/// Creates `directory` and makes its entry durable; removes what a crash in
/// the middle of sled's own snapshot left, which it would refuse to open.
pub(crate) fn prepare(directory: &Path) -> Result<(), StoreError> {
    create_durably(directory)?;
    for entry in read_directory(directory)? {
        let entry = entry.map_err(|error| failed("read", directory, &error))?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            let path = entry.path();
            fs::remove_file(&path).map_err(|error| failed("remove", &path, &error))?;
        }
    }
    Ok(())
}

impl SledDisk {
    /// Called after sled opened, before anything is written: whatever sled
    /// created is made durable here.
    pub(crate) fn open(directory: &Path) -> Result<Self, StoreError> {
        let path = directory.join("db");
        let data = File::open(&path).map_err(|error| failed("open", &path, &error))?;
        let disk = Self {
            directory: directory.to_owned(),
            data,
            blobs: directory.join("blobs"),
            synced_blobs: Mutex::new(BTreeSet::new()),
        };
        sync_file(&directory.join("conf"))?;
        disk.data
            .sync_all()
            .map_err(|error| failed("sync", &path, &error))?;
        disk.sync_blobs()?;
        sync_file(&disk.blobs)?;
        sync_file(directory)?;
        Ok(disk)
    }

    pub(crate) fn data_path(&self) -> PathBuf {
        self.directory.join("db")
    }

    pub(crate) fn blob_count(&self) -> Result<usize, StoreError> {
        Ok(read_directory(&self.blobs)?.count())
    }

    /// Makes everything durable that sled handed to the kernel.
    pub(crate) fn sync(&self) -> Result<(), StoreError> {
        // Blobs before the data that refers to them.
        self.sync_blobs()?;
        let path = self.data_path();
        self.data
            .sync_data()
            .map_err(|error| failed("fdatasync", &path, &error))
    }

    /// There are none as long as values stay small, see `parts`. Should sled
    /// write one all the same, it is made durable like the rest.
    fn sync_blobs(&self) -> Result<(), StoreError> {
        let mut names = BTreeSet::new();
        for entry in read_directory(&self.blobs)? {
            let entry = entry.map_err(|error| failed("read", &self.blobs, &error))?;
            names.insert(entry.file_name().to_string_lossy().into_owned());
        }
        let mut synced = self
            .synced_blobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let fresh: Vec<_> = names.difference(&synced).collect();
        for name in &fresh {
            let path = self.blobs.join(name);
            match File::open(&path).and_then(|blob| blob.sync_all()) {
                // sled removes blobs at any time.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other.map_err(|error| failed("fsync", &path, &error))?,
            }
        }
        if !fresh.is_empty() {
            sync_file(&self.blobs)?;
        }
        *synced = names;
        Ok(())
    }
}

fn create_durably(directory: &Path) -> Result<(), StoreError> {
    let parent = match directory.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if directory.is_dir() {
        // A start that was killed may have created it and synced nothing. A parent
        // that this process may not read is not one that it created something in.
        return match File::open(parent) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            _ => sync_file(parent),
        };
    }
    create_durably(parent)?;
    match fs::create_dir(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(failed("create directory", directory, &error))
        }
        _ => sync_file(parent),
    }
}

fn read_directory(directory: &Path) -> Result<fs::ReadDir, StoreError> {
    fs::read_dir(directory).map_err(|error| failed("read", directory, &error))
}

/// Syncs a file or the entries of a directory.
fn sync_file(path: &Path) -> Result<(), StoreError> {
    let synced = File::open(path).and_then(|file| file.sync_all());
    synced.map_err(|error| failed("fsync", path, &error))
}

fn failed(operation: &'static str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::disk(operation, path.display(), error)
}
