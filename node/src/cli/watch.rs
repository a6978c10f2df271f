//! `quorate cluster status --watch`.

use std::time::Duration;

use quorate_admin::api::{ClusterStatus, Problem};
use quorate_admin::{AdminClient, ClientError};
use tokio::time::sleep;

use super::interrupt::interrupted;
use super::palette::Tone;
use super::status::{render, what_is_missing};
use super::text::one_line;
use super::{Failure, Output};

const PERIOD: Duration = Duration::from_secs(1);

const CLEAR: &str = "\u{1b}[2J";
const HOME: &str = "\u{1b}[H";
const CLEAR_REST_OF_LINE: &str = "\u{1b}[K";
const CLEAR_REST: &str = "\u{1b}[J";

pub(super) async fn run(client: &AdminClient, json: bool, output: &Output) -> Result<(), Failure> {
    tokio::select! {
        ended = show(client, json, output) => ended,
        () = interrupted() => Ok(()),
    }
}

async fn show(client: &AdminClient, json: bool, output: &Output) -> Result<(), Failure> {
    // Who starts to watch wants to know at once that nothing is there; who
    // watches already wants to see the node come back.
    let mut latest = Ok(client.status().await?);
    if output.is_terminal && !json {
        output.text(CLEAR)?;
        loop {
            output.text(&frame(&latest, output))?;
            sleep(PERIOD).await;
            latest = client.status().await;
        }
    }
    let mut shown = None;
    loop {
        let now = latest.map_err(Problem::from);
        if shown.as_ref() != Some(&now) {
            let is_first = shown.is_none();
            show_block(&now, json, is_first, output)?;
            shown = Some(now);
        }
        sleep(PERIOD).await;
        latest = client.status().await;
    }
}

/// Drawn over the one before, which does not flicker.
fn frame(latest: &Result<ClusterStatus, ClientError>, output: &Output) -> String {
    let palette = output.palette;
    let mut text = match latest {
        Ok(status) => render(status, palette),
        Err(error) => format!(
            "{} {}\n",
            palette.paint(Tone::Bad, "error:"),
            one_line(&error.to_string())
        ),
    };
    if let Some(missing) = latest.as_ref().ok().and_then(what_is_missing) {
        let label = palette.paint(Tone::Warning, "warning:");
        text.push_str(&format!("{label} {missing}\n"));
    }
    let text = text.replace('\n', &format!("{CLEAR_REST_OF_LINE}\n"));
    format!("{HOME}{text}{CLEAR_REST}")
}

fn show_block(
    latest: &Result<ClusterStatus, Problem>,
    json: bool,
    is_first: bool,
    output: &Output,
) -> Result<(), Failure> {
    let status = match latest {
        Ok(status) => status,
        Err(problem) => {
            output.problem(problem);
            return Ok(());
        }
    };
    if json {
        output.json(status)?;
    } else {
        let gap = if is_first { "" } else { "\n" };
        output.text(&format!("{gap}{}", render(status, output.palette)))?;
    }
    if let Some(missing) = what_is_missing(status) {
        output.warning(&missing);
    }
    Ok(())
}
