//! What the kernel says of a process.

use std::fs;

use anyhow::{Context, Result};

/// Processor time and memory of one process, ours or the broker's.
#[derive(Clone, Copy, Debug)]
pub struct Process {
    pid: u32,
}

impl Process {
    pub const fn new(pid: u32) -> Self {
        Self { pid }
    }

    pub fn this() -> Self {
        Self::new(std::process::id())
    }

    /// User and system time of all its threads so far.
    pub fn cpu_s(self) -> Result<f64> {
        let text = self.read("stat")?;
        let ticks = cpu_ticks(&text).context("its stat has no processor times")?;
        Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
    }

    /// The memory that it has in RAM.
    pub fn resident_bytes(self) -> Result<u64> {
        let text = self.read("status")?;
        resident_bytes(&text).context("its status has no VmRSS")
    }

    fn read(self, file: &str) -> Result<String> {
        let path = format!("/proc/{}/{file}", self.pid);
        fs::read_to_string(&path).with_context(|| {
            format!(
                "cannot read {path}: is {} a process of this machine?",
                self.pid
            )
        })
    }
}

fn cpu_ticks(stat: &str) -> Option<u64> {
    // The second field is the name, which may hold blanks and brackets itself.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u64>().ok();
    Some(ticks()? + ticks()?)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn reads_the_right_fields() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194560 9 0 0 0 120 34 5 6 20 0 1 0 8\n";
        assert_eq!(cpu_ticks(stat), Some(154));
        assert_eq!(cpu_ticks("7 (a) S 1"), None);
        assert_eq!(
            resident_bytes("VmHWM: 9 kB\nVmRSS:\t  12 kB\n"),
            Some(12_288)
        );
    }

    #[test]
    fn knows_this_process() {
        let before = Process::this().cpu_s().unwrap();
        let mut number = 1_u64;
        while Process::this().cpu_s().unwrap() <= before {
            number = std::hint::black_box(number.wrapping_mul(3));
        }
        assert!(Process::this().resident_bytes().unwrap() > 100_000);
        assert!(Process::new(u32::MAX).cpu_s().is_err());
    }
}
