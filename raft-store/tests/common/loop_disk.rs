//! An ext4 file system on a loop device that can lose its power. Needs root.

use std::fs::File;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

const IMAGE_BYTES: u64 = 3 << 30;

/// `EXT4_IOC_SHUTDOWN`, `_IOR('X', 125, __u32)`.
const SHUTDOWN: libc::c_ulong = 0x8004_587d;
/// Not even the journal is flushed: what a pulled plug leaves.
const NO_LOG_FLUSH: u32 = 2;

/// Unmounted and removed when dropped, whatever happened.
pub struct LoopDisk {
    directory: TempDir,
    mounted: bool,
}

impl LoopDisk {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let image = directory.path().join("image");
        File::create(&image).unwrap().set_len(IMAGE_BYTES).unwrap();
        let path = image.to_str().unwrap();
        // Everything initialised at once: no background writes to the image.
        run(
            "mkfs.ext4",
            &[
                "-q",
                "-F",
                "-E",
                "lazy_itable_init=0,lazy_journal_init=0",
                path,
            ],
        );
        std::fs::create_dir(directory.path().join("mount")).unwrap();
        let mut disk = Self {
            directory,
            mounted: false,
        };
        disk.mount();
        disk
    }

    pub fn mount_point(&self) -> PathBuf {
        self.directory.path().join("mount")
    }

    /// From here on nothing reaches the device any more.
    pub fn pull_the_plug(&self) {
        let root = File::open(self.mount_point()).unwrap();
        let flag = NO_LOG_FLUSH;
        // SAFETY: the ioctl reads one u32 behind the pointer.
        let result = unsafe { libc::ioctl(root.as_raw_fd(), SHUTDOWN, &raw const flag) };
        assert_eq!(result, 0, "shutdown: {}", std::io::Error::last_os_error());
    }

    /// Unmounts and mounts: the journal is replayed like after a power loss.
    pub fn restart(&mut self) {
        self.unmount();
        self.mount();
    }

    fn mount(&mut self) {
        let image = self.directory.path().join("image");
        let mount = self.mount_point();
        run(
            "mount",
            &[
                "-o",
                "loop",
                image.to_str().unwrap(),
                mount.to_str().unwrap(),
            ],
        );
        self.mounted = true;
    }

    fn unmount(&mut self) {
        let mount = self.mount_point();
        // A killed process lets go of its files a moment later.
        for _ in 0..100 {
            let output = Command::new("umount").arg(&mount).output();
            if output.is_ok_and(|output| output.status.success()) {
                self.mounted = false;
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        run("umount", &["-l", mount.to_str().unwrap()]);
        self.mounted = false;
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        if self.mounted {
            self.unmount();
        }
    }
}

/// A small file system in memory, unmounted when dropped.
pub struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    pub fn new(megabytes: u64) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mount = directory.path().to_str().unwrap();
        run(
            "mount",
            &[
                "-t",
                "tmpfs",
                "-o",
                &format!("size={megabytes}m"),
                "tmpfs",
                mount,
            ],
        );
        Self { directory }
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("database")
    }

    pub fn grow(&self, megabytes: u64) {
        let mount = self.directory.path().to_str().unwrap();
        run(
            "mount",
            &["-o", &format!("remount,size={megabytes}m"), mount],
        );
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Nothing better can be done about a failure here than to say so.
        let status = Command::new("umount")
            .arg("-l")
            .arg(self.directory.path())
            .status();
        assert!(std::thread::panicking() || status.is_ok_and(|status| status.success()));
    }
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {complaint}"
    );
}
