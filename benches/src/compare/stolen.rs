//! What the host of a virtual machine takes away from it.

use std::fs;
use std::ops::AddAssign;

use anyhow::{Context, Result};

/// Time of some cores, in ticks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CoreTime {
    all: u64,
    /// In which the core had something to do, and the host did something else.
    stolen: u64,
}

impl CoreTime {
    /// Since the machine was started.
    pub(super) fn of(cores: [usize; 2]) -> Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("cannot read /proc/stat")?;
        let mut sum = Self::default();
        for core in cores {
            let time = Self::read(&text, core);
            sum += time.with_context(|| format!("/proc/stat has no times of core {core}"))?;
        }
        Ok(sum)
    }

    fn read(text: &str, core: usize) -> Option<Self> {
        let name = format!("cpu{core}");
        let mut lines = text.lines().map(str::split_whitespace);
        let fields = lines.find_map(|mut fields| (fields.next()? == name).then_some(fields))?;
        // user, nice, system, idle, iowait, irq, softirq and steal; the times of guests,
        // which follow, are in the first of them.
        let ticks: Vec<u64> = fields.take(8).map_while(|it| it.parse().ok()).collect();
        let stolen = *ticks.get(7)?;
        Some(Self {
            all: ticks.iter().sum(),
            stolen,
        })
    }

    /// The share of the time since then that was taken away.
    pub(super) fn stolen_since(self, before: Self) -> f64 {
        let all = self.all.saturating_sub(before.all);
        let stolen = self.stolen.saturating_sub(before.stolen);
        stolen as f64 / all.max(1) as f64
    }
}

impl AddAssign for CoreTime {
    fn add_assign(&mut self, other: Self) {
        self.all += other.all;
        self.stolen += other.stolen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  9 9 9 9 9 9 9 9 9 9\n\
                        cpu1 1 2 3 4 5 6 7 8 9 10\n\
                        cpu10 10 0 0 70 0 0 0 20 0 0\n\
                        cpu2 1 2 3\n\
                        intr 1\n";

    #[test]
    fn reads_the_line_of_a_core() {
        let time = |all, stolen| Some(CoreTime { all, stolen });
        assert_eq!(CoreTime::read(STAT, 1), time(36, 8));
        assert_eq!(CoreTime::read(STAT, 10), time(100, 20));
        assert_eq!(CoreTime::read(STAT, 2), None);
        assert_eq!(CoreTime::read(STAT, 3), None);
    }

    #[test]
    fn a_share_is_of_the_time_between() {
        let time = |all, stolen| CoreTime { all, stolen };
        assert_eq!(time(300, 50).stolen_since(time(100, 40)), 0.05);
        assert_eq!(time(100, 40).stolen_since(time(100, 40)), 0.0);
    }
}
