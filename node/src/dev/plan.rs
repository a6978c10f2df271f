//! Which nodes there are, and where: decided once, and kept with their data.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::{fs, io};

use quorate_admin::api::{Code, Problem};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::ports::{FirstPorts, FreePorts, free_tcp, free_udp};

/// In the directory of the cluster.
const FILE: &str = "dev.json";
const HOST: &str = "127.0.0.1";
const DEFAULT_CORES: u16 = 3;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Plan {
    pub(super) cores: Vec<PlannedCore>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlannedCore {
    /// The first part of the node's name, and the name of its data directory.
    pub(super) name: String,
    /// UDP.
    pub(super) transport_port: u16,
    /// TCP.
    pub(super) admin_port: u16,
}

#[derive(Debug, Error)]
pub(super) enum PlanError {
    #[error("the cluster in {} has {held} cores, and {wanted} are too few to bring it back", dir.display())]
    Fewer {
        dir: PathBuf,
        held: usize,
        wanted: u16,
    },
    #[error("{} is not what `quorate dev` wrote: {reason}", file.display())]
    Unreadable { file: PathBuf, reason: String },
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("{node} cannot have {address} again: {source}")]
    Taken {
        node: String,
        address: String,
        source: io::Error,
    },
    #[error("no free port: {0}")]
    NoPort(io::Error),
}

impl Plan {
    /// The cores that `dir` holds and as many more as are wanted.
    pub(super) fn make(dir: &Path, wanted: Option<u16>) -> Result<Self, PlanError> {
        let mut plan = Self::stored(dir)?;
        let held = plan.cores.len();
        let wanted = wanted.unwrap_or(if held == 0 {
            DEFAULT_CORES
        } else {
            held as u16
        });
        if usize::from(wanted) < held {
            let dir = dir.to_owned();
            return Err(PlanError::Fewer { dir, held, wanted });
        }
        let mut ports = FreePorts::new(plan.ports());
        for index in held as u16..wanted {
            let (transport_port, admin_port) = ports
                .pair(FirstPorts::of(index))
                .map_err(PlanError::NoPort)?;
            plan.cores.push(PlannedCore {
                name: format!("core{}", index + 1),
                transport_port,
                admin_port,
            });
        }
        Ok(plan)
    }

    /// What a node would say to a port that is taken names its configuration, and
    /// nobody has written one here.
    pub(super) fn check_ports(&self) -> Result<(), PlanError> {
        for core in &self.cores {
            for (address, free) in [
                (core.transport(), free_udp(core.transport_port)),
                (core.admin(), free_tcp(core.admin_port)),
            ] {
                free.map_err(|source| PlanError::Taken {
                    node: core.node_name(),
                    address,
                    source,
                })?;
            }
        }
        Ok(())
    }

    fn ports(&self) -> BTreeSet<u16> {
        let cores = self.cores.iter();
        cores
            .flat_map(|core| [core.transport_port, core.admin_port])
            .collect()
    }

    fn stored(dir: &Path) -> Result<Self, PlanError> {
        let file = dir.join(FILE);
        let text = match fs::read(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Self { cores: Vec::new() });
            }
            Err(source) => return Err(PlanError::Io { path: file, source }),
        };
        serde_json::from_slice(&text).map_err(|error| PlanError::Unreadable {
            file,
            reason: error.to_string(),
        })
    }

    /// Before the first node starts: data without their ports would come back
    /// where nobody looks for them.
    pub(super) fn store(&self, dir: &Path) -> Result<(), PlanError> {
        let file = dir.join(FILE);
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| PlanError::Io { path, source }
        };
        let mut text = serde_json::to_string_pretty(self).map_err(|error| {
            let source = io::Error::other(error);
            io(&file)(source)
        })?;
        text.push('\n');
        // Whole or not at all, also when the power fails between.
        let newborn = dir.join(format!(".{FILE}"));
        fs::write(&newborn, text).map_err(io(&newborn))?;
        fs::rename(&newborn, &file).map_err(io(&file))
    }
}

impl PlannedCore {
    pub(super) fn node_name(&self) -> String {
        format!("{}@{HOST}", self.name)
    }

    /// UDP.
    pub(super) fn transport(&self) -> String {
        format!("{HOST}:{}", self.transport_port)
    }

    /// TCP.
    pub(super) fn admin(&self) -> String {
        format!("{HOST}:{}", self.admin_port)
    }

    /// As `node join --core` takes it.
    pub(super) fn core_address(&self) -> String {
        format!("{}:{}", self.node_name(), self.transport_port)
    }
}

impl From<PlanError> for Problem {
    fn from(error: PlanError) -> Self {
        let text = error.to_string();
        match error {
            PlanError::Fewer { held, .. } => Self::new(Code::Usage, text)
                .with_hint(format!("write --cores {held} or more, or leave it out")),
            PlanError::Unreadable { .. } => {
                Self::new(Code::Configuration, text).with_hint("use another --dir")
            }
            PlanError::Io { .. } => {
                Self::new(Code::Configuration, text).with_hint("use a --dir that you can write to")
            }
            PlanError::Taken { .. } => Self::new(Code::Unavailable, text)
                .with_hint("stop who has it, or start a new cluster in another --dir"),
            PlanError::NoPort(_) => Self::new(Code::Unavailable, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_cluster_comes_back_and_grows_but_does_not_shrink() {
        let dir = tempfile::tempdir().unwrap();
        let first = Plan::make(dir.path(), None).unwrap();
        let names: Vec<_> = first.cores.iter().map(PlannedCore::node_name).collect();
        assert_eq!(
            names,
            ["core1@127.0.0.1", "core2@127.0.0.1", "core3@127.0.0.1"]
        );
        assert_eq!(first.ports().len(), 6);
        first.store(dir.path()).unwrap();

        assert_eq!(Plan::make(dir.path(), None).unwrap(), first);
        assert_eq!(Plan::make(dir.path(), Some(3)).unwrap(), first);
        let more = Plan::make(dir.path(), Some(5)).unwrap();
        assert_eq!(more.cores[..3], first.cores);
        assert_eq!((more.cores.len(), more.ports().len()), (5, 10));

        let fewer = Problem::from(Plan::make(dir.path(), Some(1)).unwrap_err());
        assert_eq!(fewer.code, Code::Usage);
        assert!(fewer.error.contains("has 3 cores"), "{fewer}");
        assert!(fewer.hint.unwrap().contains("--cores 3"));
    }

    #[test]
    fn a_file_of_somebody_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(FILE), "{\"plan\": 9}").unwrap();
        let error = Problem::from(Plan::make(dir.path(), None).unwrap_err());
        assert!(error.error.contains("dev.json"), "{error}");
    }
}
