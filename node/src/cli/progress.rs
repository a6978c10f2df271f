//! Work that goes on in the node, seen from outside.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use quorate_admin::api::{Code, Finished, Problem, Work, WorkKind};
use quorate_admin::{AdminClient, ClientError};
use tokio::time::sleep;

use super::interrupt::interrupted;
use super::text::one_line;
use super::{Failure, Output};

const PERIOD: Duration = Duration::from_millis(200);

/// A node under load misses a beat; one that is gone for this long is gone.
const PATIENCE: Duration = Duration::from_secs(10);

const SPINNER: &str = "{spinner} {msg}";
const BAR: &str = "{spinner} {msg} [{bar:30}] {percent}%";

/// Shows the work until it ends; `kind` is `join` or `leave`.
pub(super) async fn follow(
    client: &AdminClient,
    kind: &str,
    output: &Output,
) -> Result<(), Failure> {
    let mut meter = Meter::new(output);
    let finished = tokio::select! {
        finished = poll(client, kind, &mut meter) => Some(finished),
        () = interrupted() => None,
    };
    meter.clear();
    let Some(finished) = finished else {
        output.note(&format!(
            "the {kind} goes on in the node; `quorate cluster status` shows how far it is"
        ));
        return Err(Failure::Shown(Code::TryAgain));
    };
    let finished = finished?;
    if finished.ok {
        return output.line(&one_line(&finished.message));
    }
    let problem = finished.error;
    Err(problem
        .unwrap_or_else(|| Problem::new(Code::Internal, finished.message))
        .into())
}

async fn poll(
    client: &AdminClient,
    kind: &str,
    meter: &mut Meter<'_>,
) -> Result<Finished, Failure> {
    let mut last_answer = Instant::now();
    loop {
        match client.work().await {
            Ok(Some(work)) if kind == "join" && work.kind == WorkKind::Leave => {
                let error = "the join was given up: somebody has asked the node to leave";
                return Err(Problem::new(Code::TryAgain, error)
                    .with_hint("`quorate cluster status` shows what became of it")
                    .into());
            }
            Ok(Some(work)) => {
                last_answer = Instant::now();
                if let Some(finished) = work.finished {
                    return Ok(finished);
                }
                meter.show(&work)?;
            }
            Ok(None) => {
                let error = format!("the node knows of no {kind} any more; was it restarted?");
                return Err(Problem::new(Code::TryAgain, error)
                    .with_hint("`quorate cluster status` shows what became of it")
                    .into());
            }
            Err(error) => {
                let is_answer = matches!(error, ClientError::Problem(_));
                if is_answer || last_answer.elapsed() > PATIENCE {
                    return Err(error.into());
                }
            }
        }
        sleep(PERIOD).await;
    }
}

/// A bar on a terminal, elsewhere a line a step.
enum Meter<'a> {
    Bar(ProgressBar),
    Lines {
        output: &'a Output,
        last: Option<String>,
    },
}

impl<'a> Meter<'a> {
    fn new(output: &'a Output) -> Self {
        if output.is_interactive() {
            let bar = ProgressBar::no_length();
            set_style(&bar, SPINNER);
            bar.enable_steady_tick(PERIOD);
            Self::Bar(bar)
        } else {
            Self::Lines { output, last: None }
        }
    }

    fn show(&mut self, work: &Work) -> Result<(), Failure> {
        match self {
            Self::Bar(bar) => draw(bar, work),
            Self::Lines { output, last } => {
                let line = step_of(work);
                if last.as_ref() != Some(&line) {
                    output.line(&line)?;
                    *last = Some(line);
                }
            }
        }
        Ok(())
    }

    fn clear(&self) {
        if let Self::Bar(bar) = self {
            bar.finish_and_clear();
        }
    }
}

fn draw(bar: &ProgressBar, work: &Work) {
    bar.set_message(label(work));
    bar.set_length(work.total.unwrap_or(0));
    bar.set_position(work.done.unwrap_or(0));
    set_style(bar, if work.total.is_some() { BAR } else { SPINNER });
}

fn set_style(bar: &ProgressBar, template: &str) {
    // Both templates are valid; if one were not, the bar would look different.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("=> "));
    }
}

/// `learner: 1200/3400 entries`
fn label(work: &Work) -> String {
    let step = step_of(work);
    match (work.done, work.total) {
        (Some(done), Some(total)) => format!("{step}: {done}/{total} entries"),
        (Some(done), None) => format!("{step}: {done} entries"),
        (None, _) => step,
    }
}

fn step_of(work: &Work) -> String {
    let step = one_line(&work.step);
    match &work.obstacle {
        Some(obstacle) => format!("{step}: {}", one_line(obstacle)),
        None => step,
    }
}

#[cfg(test)]
mod tests {
    use quorate_admin::api::WorkKind;

    use super::*;

    #[test]
    fn templates_are_valid() {
        for template in [SPINNER, BAR] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn labels() {
        let label = |done, total, obstacle: Option<&str>| {
            label(&Work {
                kind: WorkKind::Join,
                step: "learner".to_owned(),
                done,
                total,
                obstacle: obstacle.map(str::to_owned),
                finished: None,
            })
        };
        let counted = label(Some(1200), Some(3400), None);
        assert_eq!(counted, "learner: 1200/3400 entries");
        assert_eq!(label(Some(1200), None, None), "learner: 1200 entries");
        assert_eq!(label(None, None, None), "learner");
        assert_eq!(label(None, None, Some("no\nquorum")), "learner: no quorum");
    }
}
