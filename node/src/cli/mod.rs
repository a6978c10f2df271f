//! The command line: parse it, do it, say how it went.
//!
//! ```text
//! args (clap) -> one module a command -> AdminClient -> rendered text -> Output
//!      \-> usage: what clap objects, in our words        Failure -> stderr, exit code
//! ```

mod args;
mod config;
mod core_address;
mod failure;
mod history;
mod interrupt;
mod membership;
mod output;
mod palette;
mod progress;
mod status;
mod table;
mod text;
mod token;
mod ttl;
mod usage;
mod watch;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;
use quorate_admin::AdminClient;
use quorate_admin::api::{Code, Problem};

use self::args::{Cli, ClusterCommand, Command, GlobalArgs, NodeCommand};
pub(crate) use self::args::{DevArgs, StartArgs};
pub(crate) use self::core_address::CoreAddress;
pub(crate) use self::failure::Failure;
pub(crate) use self::output::Output;
use self::palette::ColorChoice;
pub(crate) use self::table::{Align, Cell, Table};

/// The file of the admin socket in a data directory.
pub(crate) const SOCKET: &str = "admin.sock";

pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let (output, done) = match Cli::try_parse_from(&arguments) {
        Ok(cli) => {
            let output = Output::new(cli.global.color);
            let done = execute(cli, &output);
            (output, done)
        }
        Err(error) => {
            let output = Output::new(ColorChoice::Auto);
            let words = arguments.iter().skip(1).map(|it| it.to_string_lossy());
            let words: Vec<String> = words.map(Into::into).collect();
            let done = usage::explain(&error, &words, &output);
            (output, done)
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(&output),
    }
}

fn execute(cli: Cli, output: &Output) -> Result<(), Failure> {
    let global = cli.global;
    match cli.command {
        Command::Dev(args) => crate::dev::run(&args, output),
        Command::Node(NodeCommand::Start(mut args)) => {
            args.dir = global.dir;
            crate::start::run(&args, output)
        }
        Command::Config(command) => config::run(&command, global.dir.as_deref(), output),
        Command::Completions { shell } => usage::write_completions(shell, output),
        Command::Node(NodeCommand::Init) => ask(&global, |client| membership::init(client, output)),
        Command::Node(NodeCommand::Join(args)) => {
            ask(&global, |client| membership::join(client, args, output))
        }
        Command::Node(NodeCommand::Leave) => {
            ask(&global, |client| membership::leave(client, output))
        }
        Command::Cluster(command) => run_cluster(&global, command, output),
        Command::Token(command) => ask(&global, |client| token::run(client, command, output)),
    }
}

fn run_cluster(
    global: &GlobalArgs,
    command: ClusterCommand,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        ClusterCommand::Status(args) => ask(global, |client| status::run(client, args, output)),
        ClusterCommand::History(args) => ask(global, |client| history::run(client, args, output)),
        ClusterCommand::ForceLeave { name } => ask(global, |client| {
            membership::force_leave(client, name, output)
        }),
        ClusterCommand::RotateCa { finish } => ask(global, |client| {
            membership::rotate_ca(client, finish, output)
        }),
    }
}

/// Runs a conversation with the node that the command line means.
fn ask<F>(global: &GlobalArgs, conversation: impl FnOnce(AdminClient) -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let client = match &global.admin {
        Some(url) => {
            AdminClient::http(url).map_err(|error| Problem::new(Code::Usage, error.to_string()))?
        }
        None => AdminClient::unix(global.data_dir().join(SOCKET)),
    };
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::internal(format!("can't start: {error}")))?
        .block_on(conversation(client))
}
