//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use quorate_admin::api::TokenRole;

use super::palette::ColorChoice;
use super::ttl::Ttl;

const DEFAULT_DATA_DIR: &str = "quorate-data";
/// A cluster has no place for more.
const MOST_CORES: i64 = quorate_model::limits::MAX_CORES as i64;
const DATA_DIR_VARIABLE: &str = "QUORATE_NODE__DATA_DIR";

/// Quorate, an MQTT broker cluster.
#[derive(Debug, Parser)]
#[command(name = "quorate", version, disable_help_subcommand = true)]
#[command(arg_required_else_help = true, subcommand_required = true)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: GlobalArgs,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(super) struct GlobalArgs {
    /// Admin API of the node to ask, instead of the one on this machine
    #[arg(long, global = true, value_name = "URL")]
    #[arg(env = "QUORATE_ADMIN", hide_env_values = true)]
    pub(super) admin: Option<String>,

    /// Data directory of the node [env: QUORATE_NODE__DATA_DIR] [default: quorate-data]
    // Not read by clap: `dev` has a `--dir` too, and must not take the
    // directory of a node from the environment.
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) dir: Option<PathBuf>,

    /// When to use colour; never if NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: ColorChoice,
}

impl GlobalArgs {
    pub(super) fn data_dir(&self) -> PathBuf {
        let from_environment = || std::env::var_os(DATA_DIR_VARIABLE).map(PathBuf::from);
        let given = self.dir.clone().or_else(from_environment);
        given.unwrap_or_else(|| PathBuf::from(DEFAULT_DATA_DIR))
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a whole cluster on this machine; Ctrl-C stops it all
    Dev(DevArgs),
    /// Run a node, and let it form, join or leave a cluster
    #[command(subcommand, arg_required_else_help = true)]
    Node(NodeCommand),
    /// See the cluster and change its membership
    #[command(subcommand, arg_required_else_help = true)]
    Cluster(ClusterCommand),
    /// Tokens, which let nodes into the cluster
    #[command(subcommand, arg_required_else_help = true)]
    Token(TokenCommand),
    /// Check, show and write configuration
    #[command(subcommand, arg_required_else_help = true)]
    Config(ConfigCommand),
    /// Print a script that completes these commands in a shell
    Completions {
        /// For which shell
        shell: Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// How many cores [default: as many as the directory holds, or 3]
    #[arg(long, value_name = "N")]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=MOST_CORES))]
    pub(crate) cores: Option<u16>,
    /// How many replicants; this build has none yet
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) replicants: u16,
    /// Keep the data here; without it the cluster is gone at the end
    #[arg(long, value_name = "PATH")]
    pub(crate) dir: Option<PathBuf>,
    /// MQTT port of the first node; no node of this build listens there yet
    #[arg(long, default_value_t = 1883)]
    pub(crate) port: u16,
}

#[derive(Debug, Subcommand)]
pub(super) enum NodeCommand {
    /// Run a node in the foreground; logs go to stderr
    Start(StartArgs),
    /// Form a cluster of this node alone
    Init,
    /// Make this core join another core's cluster
    Join(JoinArgs),
    /// Make this node leave its cluster
    Leave,
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Configuration file
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Set one value of the configuration; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Stop when stdin is closed, as it is when the process that holds it dies
    #[arg(long, hide = true)]
    pub(crate) until_stdin_closes: bool,
    /// The global `--dir`, if it was given.
    #[arg(skip)]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(override_usage = "quorate node join --core <NAME@HOST[:PORT]> [OPTIONS]")]
pub(super) struct JoinArgs {
    /// A core of the cluster to join
    // Required, but missed by us: clap would not say what to write.
    #[arg(long, value_name = "NAME@HOST[:PORT]")]
    pub(super) core: Option<String>,
    /// What lets this node in, from `quorate token create`; `-` reads it from stdin
    #[arg(long, env = "QUORATE_TOKEN", hide_env_values = true)]
    pub(super) token: Option<String>,
    /// Clear this node's own user data first
    #[arg(long)]
    pub(super) wipe: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ClusterCommand {
    /// Show the nodes, the leader and the quorum
    Status(StatusArgs),
    /// Remove a dead node, which can't return with its old data
    ForceLeave {
        /// As `quorate cluster status` shows it: NAME@HOST
        name: String,
    },
    /// Show what has changed in the membership, when, and who asked
    History(HistoryArgs),
    /// Replace the cluster's certificate authority, in two steps
    RotateCa {
        /// The second step: end the trust in the old authority
        #[arg(long)]
        finish: bool,
    },
}

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct StatusArgs {
    /// Print JSON, for programs
    #[arg(long)]
    pub(super) json: bool,
    /// Go on showing it, until Ctrl-C
    #[arg(long)]
    pub(super) watch: bool,
}

#[derive(Debug, Clone, Copy, Args)]
pub(super) struct HistoryArgs {
    /// Print JSON, for programs
    #[arg(long)]
    pub(super) json: bool,
    /// How many of the last events
    #[arg(long, value_name = "N", default_value_t = 50)]
    #[arg(value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(super) limit: u32,
}

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Make a token; it is shown this once
    Create {
        /// What the node that uses it may be
        #[arg(long)]
        role: Role,
        /// How long it is valid, like 30m, 24h or 7d
        #[arg(long, default_value = "24h", allow_hyphen_values = true)]
        ttl: Ttl,
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Show all tokens, without their secrets
    List {
        /// Print JSON, for programs
        #[arg(long)]
        json: bool,
    },
    /// Make a token worthless
    Revoke {
        /// As `quorate token list` shows it
        id: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Role {
    Core,
    Replicant,
}

impl From<Role> for TokenRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Core => Self::Core,
            Role::Replicant => Self::Replicant,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Say whether a node would start with it
    Check {
        #[command(flatten)]
        sources: SourceArgs,
    },
    /// Show what a node would run with; secrets are left out
    Show {
        /// Say for each value where it came from
        #[arg(long)]
        origin: bool,
        #[command(flatten)]
        sources: SourceArgs,
    },
    /// Print the line of a user, for the file of auth.scram_users; the password is read
    /// from standard input
    User {
        /// What the client calls itself
        name: String,
        /// How much work it is to try a password; the same in the whole file
        #[arg(long, value_name = "N", default_value_t = 4096)]
        iterations: u32,
    },
    /// Print a commented configuration to start from
    Example {
        /// For what kind of node
        #[arg(default_value = "single")]
        kind: ExampleKind,
    },
}

/// Where a configuration comes from, beside the environment.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// Configuration file
    #[arg(short, long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Set one value of the configuration; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExampleKind {
    Core,
    Replicant,
    /// Both in one
    Single,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn global_options_stand_anywhere() {
        for line in [
            "quorate --dir /d cluster status",
            "quorate cluster --dir /d status",
            "quorate cluster status --dir /d",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(cli.global.data_dir(), PathBuf::from("/d"), "{line}");
        }
    }

    #[test]
    fn the_directory_of_dev_is_its_own() {
        let cli = Cli::try_parse_from(["quorate", "dev", "--dir", "/d"]).unwrap();
        let Command::Dev(args) = cli.command else {
            panic!("{:?}", cli.command);
        };
        assert_eq!(args.dir, Some(PathBuf::from("/d")));
        assert_eq!((args.cores, args.replicants, args.port), (None, 0, 1883));
    }
}
