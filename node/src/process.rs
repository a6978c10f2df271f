//! What a node sets for its whole process before it starts.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Each client has one open file at least. What the process may have is often far less
/// than it may ask for. Returns how many that is now, if there is a bound.
pub(crate) fn raise_open_files() -> Option<u64> {
    let limits = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limits.maximum,
        maximum: limits.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limits.maximum,
        Err(_) => limits.current,
    }
}

/// Keeps glibc's bounds of what goes back to the system where they are at first. With
/// every large buffer that is freed it would raise them, up to 32 MiB, and then keep what
/// a burst has needed once.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub(crate) fn return_freed_memory() {
    const BYTES: libc::c_int = 128 * 1024;
    for bound in [libc::M_MMAP_THRESHOLD, libc::M_TRIM_THRESHOLD] {
        // SAFETY: the function takes two numbers, and may be called at any time.
        // Should it refuse them, nothing changes, and nothing depends on it.
        unsafe { libc::mallopt(bound, BYTES) };
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub(crate) fn return_freed_memory() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_process_may_open_all_that_it_may_ask_for() {
        let before = getrlimit(Resource::Nofile);
        let lower = Rlimit {
            current: before.current.map(|current| current - 1),
            maximum: before.maximum,
        };
        assert_eq!(setrlimit(Resource::Nofile, lower), Ok(()));
        assert_eq!(raise_open_files(), before.maximum);
        assert_eq!(getrlimit(Resource::Nofile).current, before.maximum);
    }

    /// A buffer that goes back to the system when it is freed has pages of its own.
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    #[test]
    fn a_large_buffer_has_pages_of_its_own_after_a_larger_one_was_freed() {
        const LENGTH: usize = 300_000;
        return_freed_memory();
        drop(vec![1_u8; 16 << 20]);
        let mut buffer: Vec<u8> = Vec::with_capacity(LENGTH);
        // SAFETY: the buffer is alive, and Rust's allocator is malloc.
        let usable = unsafe { libc::malloc_usable_size(buffer.as_mut_ptr().cast()) };
        assert!(usable > LENGTH + 1_000, "{usable} bytes for {LENGTH}");
    }
}
