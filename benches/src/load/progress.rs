//! How far it is.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const PERIOD: Duration = Duration::from_millis(200);
const STYLE: &str = "[{bar:30}] {elapsed} {msg}";

/// What there is to do.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    Time(Duration),
    Count(u64),
}

/// A line on the terminal that says what goes on; nothing where there is no terminal.
#[derive(Debug)]
pub struct Progress {
    goal: Goal,
    bar: ProgressBar,
    started: Instant,
    shown: Instant,
}

impl Progress {
    pub fn towards(goal: Goal) -> Self {
        let bar = ProgressBar::new(match goal {
            Goal::Time(time) => time.as_millis() as u64,
            Goal::Count(count) => count,
        });
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style);
        }
        let now = Instant::now();
        Self {
            goal,
            bar,
            started: now,
            shown: now,
        }
    }

    /// Of a goal that is a count, so many are done. Asks for the text only when it is
    /// time to show another.
    pub fn show(&mut self, done: u64, text: impl FnOnce() -> String) {
        if self.shown.elapsed() < PERIOD {
            return;
        }
        self.shown = Instant::now();
        self.bar.set_position(match self.goal {
            Goal::Time(_) => self.started.elapsed().as_millis() as u64,
            Goal::Count(_) => done,
        });
        self.bar.set_message(text());
        self.bar.tick();
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
