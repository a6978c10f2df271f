use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};

use super::bench::run_undisturbed;
use super::broker::{Broker, Ports};
use super::comparison::{Comparison, Row};
use super::scenario::{Scenario, USUAL};
use super::{plot, table};
use crate::load::descriptors::make_room_for;

/// What brokers and generator inherit; enough for every usual scenario.
const CONNECTIONS: usize = 16_000;
const GENERATOR: &str = "quorate-bench";

/// Puts the same loads on several brokers, in turn and in one run, and compares what
/// they take.
///
/// Every run starts the broker anew, alone on one core, with the generator on another.
/// The first broker is the measure: mosquitto, unless it is left out. Writes
/// comparison.md, comparison.svg and comparison.json.
#[derive(Debug, Parser)]
#[command(name = "quorate-compare", version)]
pub struct Cli {
    /// mosquitto's program, if it is not in PATH (Debian: apt-get install mosquitto)
    #[arg(long, value_name = "PROGRAM")]
    mosquitto: Option<PathBuf>,

    /// Leave mosquitto out
    #[arg(long, conflicts_with = "mosquitto")]
    no_mosquitto: bool,

    /// rumqttd's program (cargo install rumqttd --root DIR, then DIR/bin/rumqttd); what
    /// version 0.20 locks no longer builds, so without --locked
    #[arg(long, value_name = "PROGRAM")]
    rumqttd: Option<PathBuf>,

    /// Quorate's program
    #[arg(long, value_name = "PROGRAM", requires = "quorate_config")]
    quorate: Option<PathBuf>,

    /// Its configuration, in which {port} and {folder} are filled in
    #[arg(long, value_name = "FILE")]
    quorate_config: Option<PathBuf>,

    /// Its arguments, in which {config} and {folder} are filled in
    #[arg(
        long,
        value_name = "LINE",
        default_value = "node start --config {config}"
    )]
    quorate_arguments: String,

    /// A scenario with its options, as for quorate-bench; may be given again
    /// [default: the usual ones, see --list]
    #[arg(long = "scenario", value_name = "LINE")]
    scenarios: Vec<String>,

    /// Runs of each scenario on each broker
    #[arg(long, default_value_t = 5)]
    rounds: usize,

    /// How often to repeat a run from which the machine's host took more than 5 percent of
    /// the time of both cores; of them all, that with the least taken away counts
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    repeats: usize,

    /// The broker's core
    #[arg(long, default_value_t = 0, value_name = "CORE")]
    broker_core: usize,

    /// The generator's core
    #[arg(long, default_value_t = 1, value_name = "CORE")]
    generator_core: usize,

    /// The generator, if it does not lie beside this program
    #[arg(long, value_name = "PROGRAM")]
    generator: Option<PathBuf>,

    /// Where to write what was found
    #[arg(long, default_value = "comparison", value_name = "FOLDER")]
    out: PathBuf,

    /// Print the usual scenarios and what is set in each broker, and run nothing
    #[arg(long)]
    list: bool,
}

impl Cli {
    /// Returns what is to be printed.
    pub fn run(&self) -> Result<String> {
        let brokers = self.brokers()?;
        if self.list {
            return Ok(list(&brokers));
        }
        ensure!(self.rounds > 0, "--rounds is at least 1");
        let lines: Vec<&str> = match self.scenarios.is_empty() {
            true => USUAL.to_vec(),
            false => self.scenarios.iter().map(String::as_str).collect(),
        };
        let scenarios = lines.into_iter().map(Scenario::parse);
        let scenarios: Vec<_> = scenarios.collect::<Result<_>>()?;
        // Less is enough for most of them, so the scenario may say it.
        let _ = make_room_for(CONNECTIONS);
        let comparison = self.compare(&brokers, scenarios)?;
        self.write(&comparison)
    }

    fn brokers(&self) -> Result<Vec<Broker>> {
        let mut brokers = Vec::new();
        if !self.no_mosquitto {
            let program = match &self.mosquitto {
                Some(program) => program.clone(),
                None => find_in_path("mosquitto").context(
                    "mosquitto is not in PATH: install it (Debian: apt-get install mosquitto), \
                     name it with --mosquitto, or leave it out with --no-mosquitto",
                )?,
            };
            brokers.push(Broker::Mosquitto { program });
        }
        if let Some(program) = self.rumqttd.clone() {
            brokers.push(Broker::Rumqttd { program });
        }
        if let (Some(program), Some(file)) = (self.quorate.clone(), &self.quorate_config) {
            let configuration = fs::read_to_string(file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let arguments = self.quorate_arguments.split_whitespace();
            brokers.push(Broker::Quorate {
                program,
                configuration,
                arguments: arguments.map(str::to_owned).collect(),
            });
        }
        ensure!(!brokers.is_empty(), "there is no broker to run");
        Ok(brokers)
    }

    fn generator(&self) -> Result<PathBuf> {
        if let Some(program) = self.generator.clone() {
            return Ok(program);
        }
        let own = std::env::current_exe().context("cannot find this program")?;
        let program = own.with_file_name(GENERATOR);
        ensure!(
            program.exists(),
            "{} is not there: build it with `cargo build --release -p quorate-benches --bins`",
            program.display()
        );
        Ok(program)
    }

    fn compare(&self, brokers: &[Broker], scenarios: Vec<Scenario>) -> Result<Comparison> {
        let generator = self.generator()?;
        let cores = [self.broker_core, self.generator_core];
        let runs = scenarios.len() * self.rounds * brokers.len();
        let bar = ProgressBar::new(runs as u64);
        if let Ok(style) = ProgressStyle::with_template("[{bar:30}] {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        let mut rows = Vec::new();
        for scenario in scenarios {
            let mut cells = vec![Vec::new(); brokers.len()];
            // In turn, so that what else the machine does hits all of them.
            for _ in 0..self.rounds {
                for (place, broker) in brokers.iter().enumerate() {
                    bar.set_message(format!("{}: {}", broker.name(), scenario.name()));
                    let sample =
                        run_undisturbed(self.repeats, &generator, broker, &scenario, cores)?;
                    cells[place].push(sample);
                    bar.inc(1);
                }
            }
            rows.push(Row { scenario, cells });
        }
        bar.finish_and_clear();
        Ok(Comparison {
            brokers: brokers.iter().map(Broker::name).collect(),
            rows,
        })
    }

    fn write(&self, comparison: &Comparison) -> Result<String> {
        let folder = &self.out;
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        let markdown = table::to_markdown(comparison);
        let files = [
            ("comparison.md", markdown.clone()),
            ("comparison.svg", plot::to_svg(comparison)),
            ("comparison.json", format!("{:#}\n", comparison.to_json())),
        ];
        for (name, text) in files {
            let file = folder.join(name);
            fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(markdown)
    }
}

fn list(brokers: &[Broker]) -> String {
    let ports = Ports {
        mqtt_3: 1883,
        mqtt_5: 1884,
    };
    let mut text = format!("The usual scenarios:\n  {}\n", USUAL.join("\n  "));
    for broker in brokers {
        let configuration = broker.configuration(ports, Path::new("{folder}"));
        text += &format!("\n{}, all that is set:\n", broker.name());
        for line in configuration.lines() {
            text += &format!("  {line}\n");
        }
    }
    text
}

fn find_in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Debian keeps servers where users' PATH does not lead.
    let folders = std::env::split_paths(&path).chain(["/usr/sbin".into()]);
    let mut programs = folders.map(|folder| folder.join(name));
    programs.find(|program| program.is_file())
}
