use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For standard streams, the poll, /proc and the like.
const SPARE: u64 = 64;

/// Raises what this process may have open to hold so many connections. What it starts
/// afterwards inherits it.
pub fn make_room_for(connections: usize) -> Result<()> {
    let needed = connections as u64 + SPARE;
    let now = getrlimit(Resource::Nofile);
    let is_enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if is_enough(now.current) {
        return Ok(());
    }
    let maximum = match is_enough(now.maximum) {
        true => now.maximum,
        false => Some(needed),
    };
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
    ensure!(
        raised.is_ok(),
        "{connections} connections need {needed} open files and only {} are allowed: raise the \
         hard limit (ulimit -Hn), or ask for fewer",
        now.maximum.unwrap_or_default()
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_limit_holds_what_was_asked_for() {
        let hard = getrlimit(Resource::Nofile).maximum.unwrap_or(100_000);
        let wanted = hard.min(2_000) - SPARE;
        make_room_for(wanted as usize).unwrap();
        let now = getrlimit(Resource::Nofile).current;
        assert!(now.is_none_or(|limit| limit >= wanted + SPARE));
    }

    #[test]
    fn says_when_it_cannot() {
        assert!(make_room_for(usize::MAX / 2).is_err());
    }
}
