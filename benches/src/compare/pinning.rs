use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Calls `spawn` with this thread on one core alone, which what it spawns inherits, and
/// moves back. So the new process never runs anywhere else, not even at first.
pub(super) fn on_core<T>(core: usize, spawn: impl FnOnce() -> T) -> Result<T> {
    let before = sched_getaffinity(None).context("cannot ask for the allowed cores")?;
    let mut one = CpuSet::new();
    if core < CpuSet::MAX_CPU {
        one.set(core);
    }
    sched_setaffinity(None, &one)
        .with_context(|| format!("cannot run on core {core}: is there one?"))?;
    let spawned = spawn();
    sched_setaffinity(None, &before).context("cannot return to all cores")?;
    Ok(spawned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn only_the_one_core_and_back() {
        let allowed = sched_getaffinity(None).unwrap();
        let core = (0..CpuSet::MAX_CPU).find(|core| allowed.is_set(*core));
        let core = core.unwrap();
        let inside = on_core(core, || sched_getaffinity(None).unwrap()).unwrap();
        assert_eq!((inside.count(), inside.is_set(core)), (1, true));
        assert_eq!(sched_getaffinity(None).unwrap(), allowed);
        assert!(on_core(CpuSet::MAX_CPU, || ()).is_err());
    }
}
