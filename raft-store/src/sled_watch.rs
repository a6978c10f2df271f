use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;
use std::{io, thread};

const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Wakes callers that sled forgot. When a write fails on one of its threads,
/// sled keeps the error, but in one of the places it does not wake whoever
/// waits for that write: a flush would then wait for ever. Another flush
/// finds the error and wakes them all.
#[derive(Debug)]
pub(crate) struct SledWatch {
    saw_an_error: Arc<AtomicBool>,
    stop: Mutex<Option<mpsc::SyncSender<()>>>,
    thread: Option<JoinHandle<()>>,
}

impl SledWatch {
    pub(crate) fn start(db: sled::Db) -> io::Result<Self> {
        let saw_an_error = Arc::new(AtomicBool::new(false));
        let (stop, stopped) = mpsc::sync_channel(1);
        let seen = Arc::clone(&saw_an_error);
        let look = move || {
            while stopped.recv_timeout(LOOK_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                if db.context.global_error().is_err() {
                    seen.store(true, Ordering::Release);
                    // Only for its side effect; the error is known.
                    let _ = db.flush();
                }
            }
        };
        let builder = thread::Builder::new().name("quorate-raft-watch".to_owned());
        let thread = builder.spawn(look)?;
        Ok(Self {
            saw_an_error,
            stop: Mutex::new(Some(stop)),
            thread: Some(thread),
        })
    }

    pub(crate) fn saw_an_error(&self) -> bool {
        self.saw_an_error.load(Ordering::Acquire)
    }
}

impl Drop for SledWatch {
    fn drop(&mut self) {
        self.stop
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = self.thread.take() {
            // A panic of the watch has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}
