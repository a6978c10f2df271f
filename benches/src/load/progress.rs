use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

const PERIOD: Duration = Duration::from_millis(200);
const STYLE: &str = "{spinner} {elapsed} {msg}";

/// A line on the terminal that says what goes on; nothing where there is no terminal.
#[derive(Debug)]
pub struct Progress {
    bar: ProgressBar,
    shown: Instant,
}

impl Progress {
    pub fn start() -> Self {
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template(STYLE) {
            bar.set_style(style);
        }
        Self {
            bar,
            shown: Instant::now(),
        }
    }

    /// Asks for the text only when it is time to show another.
    pub fn show(&mut self, text: impl FnOnce() -> String) {
        if self.shown.elapsed() >= PERIOD {
            self.shown = Instant::now();
            self.bar.set_message(text());
            self.bar.tick();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
