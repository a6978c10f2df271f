use std::fs::{self, File};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use super::broker::{Broker, Ports};
use super::pinning::on_core;

const START_PATIENCE: Duration = Duration::from_secs(30);

/// A broker that runs, in a folder that goes with it. Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Running {
    process: Child,
    ports: Ports,
    folder: TempDir,
}

impl Running {
    /// Starts it on one core and waits until it listens.
    pub(super) fn start(broker: &Broker, core: usize) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let ports = Ports {
            mqtt_3: free_port()?,
            mqtt_5: free_port()?,
        };
        let configuration = broker.configuration(ports, folder.path());
        fs::write(Broker::config_file(folder.path()), configuration)
            .context("cannot write the broker's configuration")?;
        let log = File::create(folder.path().join("log")).context("cannot make a log")?;
        let mut command = Command::new(broker.program());
        command
            .args(broker.arguments(folder.path()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("cannot share the log")?)
            .stderr(log);
        let process = on_core(core, || command.spawn())?
            .with_context(|| format!("cannot start {}", broker.program().display()))?;
        let mut running = Self {
            process,
            ports,
            folder,
        };
        running.wait_until_it_listens(broker)?;
        Ok(running)
    }

    pub(super) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(super) const fn ports(&self) -> Ports {
        self.ports
    }

    fn wait_until_it_listens(&mut self, broker: &Broker) -> Result<()> {
        let start = Instant::now();
        let ports = [false, true].map(|is_version_5| broker.port(self.ports, is_version_5));
        let listens = |port: u16| TcpStream::connect(("127.0.0.1", port)).is_ok();
        while !ports.into_iter().all(listens) {
            let ended = self
                .process
                .try_wait()
                .context("cannot ask for the broker")?;
            if ended.is_some() || start.elapsed() > START_PATIENCE {
                let log = fs::read_to_string(self.folder.path().join("log"));
                let log = log.unwrap_or_default();
                let name = broker.name();
                bail!("{name} does not listen; what it said:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One that nobody listens on at the moment.
fn free_port() -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port is free")?;
    Ok(listener.local_addr().context("no port is free")?.port())
}
