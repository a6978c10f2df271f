//! What is told of the nodes while they run.

use std::process::ExitStatus;

use quorate_admin::api::{Code, Problem};

use super::log_tail::is_alarming;
use super::process::NodeProcess;
use crate::cli::{Failure, Output};

/// What its log has got since the last call.
pub(super) fn read_log(node: &mut NodeProcess) -> Result<Vec<String>, Failure> {
    node.log.read().map_err(|error| {
        let path = node.log.path().display();
        Failure::internal(format!("can't read {path}: {error}"))
    })
}

/// The warnings and errors among it.
pub(super) fn show_log(node: &mut NodeProcess, output: &Output) -> Result<(), Failure> {
    let lines = read_log(node)?;
    for line in lines.iter().filter(|line| is_alarming(line)) {
        output.aside(&node.core.name, line);
    }
    Ok(())
}

/// A node that ran has ended by itself.
pub(super) fn show_end(
    node: &mut NodeProcess,
    status: ExitStatus,
    output: &Output,
) -> Result<(), Failure> {
    show_log(node, output)?;
    let name = node.core.node_name();
    output.warning(&format!("{name} has ended: {status}"));
    show_last_lines(node, output);
    Ok(())
}

pub(super) fn show_last_lines(node: &NodeProcess, output: &Output) {
    let lines = node.log.last_lines();
    if !lines.is_empty() {
        let path = node.log.path().display();
        output.note(&format!("the last lines of {path}:"));
    }
    for line in lines {
        output.aside(&node.core.name, line);
    }
}

/// Why, in the node's own words if it had any, and with its own exit code.
pub(super) fn failed_at_start(
    node: &mut NodeProcess,
    status: ExitStatus,
    output: &Output,
) -> Failure {
    if let Err(failure) = read_log(node) {
        return failure;
    }
    let name = node.core.node_name();
    let lines = node.log.last_lines();
    let word = |label: &str| lines.iter().find_map(|line| line.strip_prefix(label));
    let problem = match (word("error: "), word("hint: ")) {
        (Some(error), hint) => {
            let mut problem = Problem::new(code(status), format!("{name} did not start: {error}"));
            problem.hint = hint.map(str::to_owned);
            problem
        }
        (None, _) => {
            show_last_lines(node, output);
            let log = node.log.path().display();
            Problem::new(code(status), format!("{name} did not start: {status}"))
                .with_hint(format!("its log is {log}"))
        }
    };
    problem.into()
}

fn code(status: ExitStatus) -> Code {
    let is_it = |code: &Code| status.code() == Some(i32::from(code.exit_code()));
    Code::ALL.into_iter().find(is_it).unwrap_or(Code::Internal)
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn the_exit_code_of_the_node_is_ours() {
        for (wait_status, expected) in [
            (78 << 8, Code::Configuration),
            (69 << 8, Code::Unavailable),
            (101 << 8, Code::Internal),
            (0, Code::Internal),
            (9, Code::Internal),
        ] {
            assert_eq!(code(ExitStatus::from_raw(wait_status)), expected);
        }
    }
}
