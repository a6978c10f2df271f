//! The log file of a node, read while it grows.
//!
//! A node writes to the file itself: through a pipe of ours it would wait for
//! us whenever our terminal does not want more.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// At a time; what is more comes with the next read.
const MAX_READ: u64 = 256 * 1024;

#[derive(Debug)]
pub(super) struct LogTail {
    path: PathBuf,
    file: File,
    /// A line whose end is not written yet.
    unfinished: Vec<u8>,
    /// The last lines of this start, oldest first.
    last: Vec<String>,
}

/// How many lines are kept for a node that dies.
const KEPT: usize = 12;

impl LogTail {
    /// Only what is written from now on: the rest is of earlier starts.
    pub(super) fn new(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self {
            path: path.to_owned(),
            file,
            unfinished: Vec::new(),
            last: Vec::new(),
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The lines that have come since the last call. They are also kept.
    pub(super) fn read(&mut self) -> io::Result<Vec<String>> {
        (&self.file)
            .take(MAX_READ)
            .read_to_end(&mut self.unfinished)?;
        let Some(end) = self.unfinished.iter().rposition(|byte| *byte == b'\n') else {
            return Ok(Vec::new());
        };
        let rest = self.unfinished.split_off(end + 1);
        let whole = std::mem::replace(&mut self.unfinished, rest);
        let text = String::from_utf8_lossy(&whole);
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        self.last.extend(lines.iter().cloned());
        let surplus = self.last.len().saturating_sub(KEPT);
        self.last.drain(..surplus);
        Ok(lines)
    }

    pub(super) fn last_lines(&self) -> &[String] {
        &self.last
    }
}

/// A line that somebody should see: `2030-01-01T00:00:00Z  WARN target: what`.
pub(super) fn is_alarming(line: &str) -> bool {
    let level = line.split_whitespace().nth(1);
    matches!(level, Some("WARN" | "ERROR")) || line.contains("panicked at")
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn lines_come_once_and_whole() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "of an earlier start").unwrap();
        let mut tail = LogTail::new(file.path()).unwrap();
        assert_eq!(tail.read().unwrap(), Vec::<String>::new());
        write!(file, "one\ntw").unwrap();
        assert_eq!(tail.read().unwrap(), ["one"]);
        assert_eq!(tail.read().unwrap(), Vec::<String>::new());
        write!(file, "o\nthree\n").unwrap();
        assert_eq!(tail.read().unwrap(), ["two", "three"]);
        assert_eq!(tail.last_lines(), ["one", "two", "three"]);
        for number in 0..KEPT {
            writeln!(file, "{number}").unwrap();
        }
        tail.read().unwrap();
        assert_eq!(tail.last_lines().len(), KEPT);
        assert_eq!(tail.last_lines()[0], "0");
    }

    #[test]
    fn what_is_alarming() {
        for (line, alarms) in [
            ("2030-01-01T00:00:00.000000Z  WARN quorate_core: x", true),
            ("2030-01-01T00:00:00.000000Z ERROR quorate_core: x", true),
            ("2030-01-01T00:00:00.000000Z  INFO quorate: WARN", false),
            ("thread 'main' panicked at core.rs:1:1:", true),
            ("", false),
        ] {
            assert_eq!(is_alarming(line), alarms, "{line}");
        }
    }
}
