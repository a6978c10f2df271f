//! Waiting for something to become true.

use std::time::{Duration, Instant};

/// For what hangs, not for what is slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const PERIOD: Duration = Duration::from_millis(50);

/// Asks until there is an answer. `Err` says what is still missing, for the
/// message of a wait that was in vain.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(missing) if Instant::now() > end => {
                panic!("{what}: not within {PATIENCE:?}: {missing}")
            }
            Err(_) => std::thread::sleep(PERIOD),
        }
    }
}
