//! What is worth a line in the log: whoever may connect must not be able to fill it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What passes by itself, as when a node is on its way into the cluster, is no
/// reason to worry anybody.
pub(crate) const PERSISTS: Duration = Duration::from_secs(3);
const SAID_FOR: Duration = Duration::from_secs(600);
const MOST_REMEMBERED: usize = 256;
const MOST_LINES: u32 = 20;
const LINES_PER: Duration = Duration::from_secs(60);

/// Refused connections. Each address is worth a line once per reason, a warning if
/// it goes on, and all of them together only so many a minute.
#[derive(Debug, Default)]
pub(crate) struct Remarks {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    seen: BTreeMap<(IpAddr, String), Seen>,
    minute: Option<Instant>,
    lines: u32,
    unsaid: u64,
}

#[derive(Debug)]
struct Seen {
    first: Instant,
    is_warned: bool,
}

/// How loudly something is to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tone {
    Silent,
    Info,
    Warning,
}

impl Remarks {
    pub(crate) fn refused(&self, address: SocketAddr, detail: &str) {
        let (tone, unsaid) = self.note(address.ip(), detail);
        match tone {
            Tone::Silent => {
                tracing::debug!(%address, detail, "a connection was refused");
            }
            Tone::Info => {
                tracing::info!(%address, detail, unsaid, "a connection was refused");
            }
            Tone::Warning => {
                tracing::warn!(%address, detail, unsaid, "connections are refused");
            }
        }
    }

    /// With it, how many lines were left out since the last one.
    fn note(&self, address: IpAddr, detail: &str) -> (Tone, u64) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let remark = (address, detail.to_owned());
        match state.judge(&remark, now) {
            Tone::Silent => (Tone::Silent, 0),
            _ if !state.has_line(now) => {
                state.unsaid += 1;
                (Tone::Silent, 0)
            }
            tone => {
                state.say(remark, tone, now);
                (tone, std::mem::take(&mut state.unsaid))
            }
        }
    }
}

impl State {
    fn judge(&self, remark: &(IpAddr, String), now: Instant) -> Tone {
        match self.seen.get(remark) {
            Some(seen) if now.duration_since(seen.first) < SAID_FOR => {
                let persists = now.duration_since(seen.first) >= PERSISTS;
                if persists && !seen.is_warned {
                    Tone::Warning
                } else {
                    Tone::Silent
                }
            }
            _ => Tone::Info,
        }
    }

    fn say(&mut self, remark: (IpAddr, String), tone: Tone, now: Instant) {
        if tone == Tone::Warning
            && let Some(seen) = self.seen.get_mut(&remark)
        {
            seen.is_warned = true;
            return;
        }
        if self.seen.len() >= MOST_REMEMBERED {
            self.seen.clear();
        }
        let seen = Seen {
            first: now,
            is_warned: false,
        };
        self.seen.insert(remark, seen);
    }

    fn has_line(&mut self, now: Instant) -> bool {
        if self
            .minute
            .is_none_or(|begun| now.duration_since(begun) >= LINES_PER)
        {
            self.minute = Some(now);
            self.lines = 0;
        }
        self.lines += 1;
        self.lines <= MOST_LINES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    #[tokio::test(start_paused = true)]
    async fn what_persists_is_warned_of_once() {
        let remarks = Remarks::default();
        assert_eq!(remarks.note(ADDRESS, "a").0, Tone::Info);
        assert_eq!(remarks.note(ADDRESS, "a").0, Tone::Silent);
        assert_eq!(remarks.note(ADDRESS, "b").0, Tone::Info);
        tokio::time::advance(PERSISTS).await;
        assert_eq!(remarks.note(ADDRESS, "a").0, Tone::Warning);
        assert_eq!(remarks.note(ADDRESS, "a").0, Tone::Silent);
        tokio::time::advance(SAID_FOR).await;
        assert_eq!(remarks.note(ADDRESS, "a").0, Tone::Info);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_of_reasons_fills_neither_log_nor_memory() {
        let remarks = Remarks::default();
        let said = |from: u32| {
            let tones = (from..from + 10_000).map(|it| remarks.note(ADDRESS, &it.to_string()).0);
            tones.filter(|tone| *tone != Tone::Silent).count()
        };
        assert_eq!(said(0), MOST_LINES as usize);
        tokio::time::advance(LINES_PER).await;
        assert_eq!(
            remarks.note(ADDRESS, "next"),
            (Tone::Info, 10_000 - u64::from(MOST_LINES))
        );
        let state = remarks.state.lock().unwrap_or_else(PoisonError::into_inner);
        assert!(state.seen.len() <= MOST_REMEMBERED);
    }
}
