//! The only place that prints.

use std::io::{self, IsTerminal, Write};

use quorate_admin::api::Problem;
use serde::Serialize;

use super::failure::Failure;
use super::palette::{ColorChoice, Palette, Tone};
use super::table::Table;
use super::text::one_line;

#[derive(Debug)]
pub(crate) struct Output {
    pub(super) palette: Palette,
    error_palette: Palette,
    pub(super) is_terminal: bool,
    error_is_terminal: bool,
}

impl Output {
    pub(super) fn new(choice: ColorChoice) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let error_is_terminal = io::stderr().is_terminal();
        Self {
            palette: choice.palette(is_terminal),
            error_palette: choice.palette(error_is_terminal),
            is_terminal,
            error_is_terminal,
        }
    }

    /// Somebody watches, so something may move.
    pub(super) fn is_interactive(&self) -> bool {
        self.is_terminal && self.error_is_terminal
    }

    /// Text as it is; it ends its own lines.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()?;
        Ok(())
    }

    pub(crate) fn line(&self, line: &str) -> Result<(), Failure> {
        self.text(&format!("{line}\n"))
    }

    pub(crate) fn table(&self, table: &Table) -> Result<(), Failure> {
        self.text(&table.render(self.palette))
    }

    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::internal(format!("can't write as JSON: {error}")))?;
        self.line(&text)
    }

    /// Help that was not asked for.
    pub(super) fn error_text(&self, text: &str) {
        // When stderr is gone there is nobody left to tell.
        let _ = io::stderr().lock().write_all(text.as_bytes());
    }

    pub(super) fn problem(&self, problem: &Problem) {
        self.labelled(Tone::Bad, "error", &problem.error);
        if let Some(hint) = &problem.hint {
            self.hint(hint);
        }
    }

    pub(crate) fn warning(&self, text: &str) {
        self.labelled(Tone::Warning, "warning", text);
    }

    pub(crate) fn configuration_warnings(&self, warnings: &[quorate_conf::Problem]) {
        for warning in warnings {
            self.warning(warning.what());
            if let Some(hint) = warning.hint() {
                self.hint(hint);
            }
        }
    }

    pub(crate) fn note(&self, text: &str) {
        self.labelled(Tone::Strong, "note", text);
    }

    pub(crate) fn hint(&self, text: &str) {
        self.labelled(Tone::Strong, "hint", text);
    }

    /// What somebody else said.
    pub(crate) fn aside(&self, speaker: &str, text: &str) {
        let speaker = self.error_palette.paint(Tone::Faint, speaker);
        self.error_text(&format!("{speaker} | {}\n", one_line(text)));
    }

    fn labelled(&self, tone: Tone, label: &str, text: &str) {
        let label = self.error_palette.paint(tone, &format!("{label}:"));
        self.error_text(&format!("{label} {}\n", one_line(text)));
    }
}
