//! Colours, where there is somebody to see them.

use clap::ValueEnum;
use clap::builder::styling::{AnsiColor, Style};

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ColorChoice {
    Auto,
    Always,
    Never,
}

impl ColorChoice {
    /// For a stream that is, or is not, a terminal.
    pub(super) fn palette(self, is_terminal: bool) -> Palette {
        let wanted = || std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let enabled = match self {
            Self::Auto => is_terminal && wanted(),
            Self::Always => true,
            Self::Never => false,
        };
        Palette { enabled }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Strong,
    Good,
    Warning,
    Bad,
    Faint,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Palette {
    pub(super) enabled: bool,
}

impl Palette {
    pub(super) fn paint(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            _ if !self.enabled => return text.to_owned(),
            Tone::Plain => return text.to_owned(),
            Tone::Strong => Style::new().bold(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Warning => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default().bold(),
            Tone::Faint => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }
}
