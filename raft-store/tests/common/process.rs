//! The parent's side of a writing child process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

use super::child;

/// For a child that hangs, not for one that is slow.
const PATIENCE: Duration = Duration::from_secs(120);

/// Held to start a child, and, shared, to have a database open in this process. A child
/// holds all open files of this process for a moment, among them the lock of a database
/// that another test may close meanwhile, and which its own child could not open then.
static STARTS: RwLock<()> = RwLock::new(());

/// For as long as a database is open in this process.
pub fn no_child_starts() -> RwLockReadGuard<'static, ()> {
    STARTS.read().unwrap_or_else(PoisonError::into_inner)
}

/// What a child acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Acknowledged {
    pub term: u64,
    /// One past the last entry.
    pub end: u64,
    pub snapshot: Option<u64>,
    pub opened: bool,
    pub done: bool,
    pub failure: Option<String>,
    pub acknowledgements: u64,
}

pub struct Writer {
    child: Child,
    reader: JoinHandle<Acknowledged>,
    first: mpsc::Receiver<()>,
}

impl Writer {
    /// Starts this test binary again with only the test `writes_as_a_child`.
    pub fn start(directory: &Path, entries: Option<u64>, environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "writes_as_a_child",
                "--nocapture",
                "--include-ignored",
            ])
            .env(child::DIRECTORY, directory)
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .stdout(Stdio::piped());
        if let Some(entries) = entries {
            command.env(child::ENTRIES, entries.to_string());
        }
        let mut child = {
            let _alone = STARTS.write().unwrap_or_else(PoisonError::into_inner);
            command.spawn().unwrap()
        };
        let output = child.stdout.take().unwrap();
        let (sender, first) = mpsc::sync_channel(1);
        let reader = std::thread::spawn(move || {
            let mut acknowledged = Acknowledged::default();
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { break };
                acknowledged.read(&line);
                if line.starts_with("appended ") {
                    // Only the first one is waited for.
                    let _ = sender.try_send(());
                }
            }
            acknowledged
        });
        Self {
            child,
            reader,
            first,
        }
    }

    /// Waits for the first acknowledged entry. Without one there is nothing to
    /// lose, and whatever is checked afterwards would pass.
    pub fn after_first(self) -> Self {
        if self.first.recv_timeout(PATIENCE).is_err() {
            panic!("nothing was acknowledged: {:?}", self.kill());
        }
        self
    }

    /// Ends the child with SIGKILL.
    pub fn kill(mut self) -> Acknowledged {
        // It may have ended by itself.
        let _ = self.child.kill();
        self.child.wait().unwrap();
        self.reader.join().unwrap()
    }

    /// Waits for the child to end by itself; kills it when that takes too long.
    pub fn wait(mut self) -> Acknowledged {
        let end = std::time::Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            if std::time::Instant::now() > end {
                let acknowledged = self.kill();
                panic!("the child did not end in {PATIENCE:?}: {acknowledged:?}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        self.reader.join().unwrap()
    }
}

impl Acknowledged {
    fn read(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let number = rest.parse::<u64>();
        match (word, number) {
            ("opened", _) => self.opened = true,
            ("done", _) => self.done = true,
            ("failed", _) => self.failure = Some(rest.to_owned()),
            ("vote", Ok(term)) => self.term = term,
            ("appended", Ok(index)) => {
                self.end = index + 1;
                self.acknowledgements += 1;
            }
            ("snapshot", Ok(index)) => self.snapshot = Some(index),
            _ => {}
        }
    }

    /// Adds what was acknowledged before.
    pub fn after(mut self, earlier: &Self) -> Self {
        self.term = self.term.max(earlier.term);
        self.end = self.end.max(earlier.end);
        self.snapshot = self.snapshot.max(earlier.snapshot);
        self
    }
}
