//! The binary `quorate`.

use std::process::ExitCode;

fn main() -> ExitCode {
    quorate_node::cli::run(std::env::args_os())
}
