//! How a command ends when it does not end well.

use std::io;
use std::process::ExitCode;

use quorate_admin::ClientError;
use quorate_admin::api::{Code, Problem};
use quorate_conf::ConfigError;

use super::output::Output;

#[derive(Debug)]
pub(crate) enum Failure {
    /// To be told on stderr.
    Told(Problem),
    /// All that is wrong with a configuration, at once.
    Configuration(ConfigError),
    /// Help was asked for by leaving something out; it is on stderr already.
    Shown(Code),
    /// Who read our output has seen enough, as `head` does.
    OutputClosed,
}

impl Failure {
    pub(crate) fn internal(error: impl Into<String>) -> Self {
        Self::Told(Problem::new(Code::Internal, error))
    }

    pub(crate) fn usage(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Told(Problem::new(Code::Usage, error).with_hint(hint))
    }

    pub(super) fn report(&self, output: &Output) -> ExitCode {
        match self {
            Self::Told(problem) => {
                output.problem(problem);
                ExitCode::from(problem.code.exit_code())
            }
            Self::Configuration(error) => {
                for problem in error.problems() {
                    output.problem(&told(problem));
                }
                ExitCode::from(Code::Configuration.exit_code())
            }
            Self::Shown(code) => ExitCode::from(code.exit_code()),
            Self::OutputClosed => ExitCode::SUCCESS,
        }
    }
}

fn told(problem: &quorate_conf::Problem) -> Problem {
    Problem {
        error: problem.what().to_owned(),
        hint: problem.hint().map(str::to_owned),
        code: Code::Configuration,
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Configuration(error)
    }
}

impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self::Told(problem)
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Told(error.into())
    }
}

/// From writing to stdout; other I/O says what it was about.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::internal(format!("can't write the output: {error}")),
        }
    }
}
