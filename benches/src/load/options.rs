//! What the scenarios have in common on the command line.

use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, ValueEnum};
use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::version::Version;

use super::process::Process;
use super::stamp::Stamp;

/// So long that nobody has to send a PINGREQ, but not none: rumqttd refuses that.
pub const LONG_KEEP_ALIVE_S: u16 = u16::MAX;

/// Where the broker is, and what is known of it.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// The broker's host name or address
    #[arg(long, global = true, default_value = "127.0.0.1")]
    pub host: String,

    /// The port that the broker listens on, without TLS
    #[arg(long, global = true, default_value_t = 1883)]
    pub port: u16,

    /// The version of the protocol: 3 is 3.1.1, 5 is 5.0
    #[arg(long, global = true, value_enum, default_value_t = Protocol::V3)]
    pub mqtt: Protocol,

    /// The broker's process on this machine: its processor time and memory are reported
    #[arg(long, global = true, value_name = "PID")]
    pub broker_pid: Option<u32>,

    /// Connections that are being opened at the same time
    #[arg(long, global = true, default_value_t = 50, value_name = "COUNT")]
    pub concurrent: usize,

    /// The user that every client connects as
    #[arg(long, global = true, value_name = "NAME")]
    pub user_name: Option<String>,

    /// That user's password; other users of this machine can see it
    #[arg(long, global = true, requires = "user_name")]
    pub password: Option<String>,

    /// Print one JSON object instead of a table
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Protocol {
    #[value(name = "3")]
    V3,
    #[value(name = "5")]
    V5,
}

/// How messages are sent, and for how long.
#[derive(Args, Clone, Debug)]
pub struct Messages {
    /// The QoS of publishers and subscribers [default: 0, for latency 1]
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=2))]
    pub qos: Option<u8>,

    /// Bytes of each payload, at least 16: publisher, sequence number and time
    #[arg(long, default_value_t = 16, value_name = "BYTES")]
    pub payload: usize,

    /// How long to measure
    #[arg(long, default_value_t = 5.0)]
    pub seconds: f64,

    /// Measure until so many more are published and all has come, however long it takes
    #[arg(long, conflicts_with = "seconds", value_name = "COUNT")]
    pub messages: Option<u64>,

    /// Seconds of the same load before measuring
    #[arg(long, default_value_t = 1.0, value_name = "SECONDS")]
    pub warm_up: f64,

    /// Unacknowledged messages of each publisher, with QoS above 0
    /// [default: 10 for pairs, otherwise 5]
    #[arg(long, value_name = "COUNT")]
    pub inflight: Option<u16>,

    /// Messages that a publisher writes at once, with QoS 0
    #[arg(long, default_value_t = 64, value_name = "COUNT")]
    pub burst: u32,

    /// No publisher goes on while the slowest of its subscribers is so many messages
    /// behind [default: two bursts of every publisher; above QoS 0 twice what can be in
    /// flight]
    #[arg(long, value_name = "COUNT")]
    pub window: Option<u64>,
}

impl Target {
    pub fn address(&self) -> Result<SocketAddr> {
        let name = (self.host.as_str(), self.port);
        let found = name.to_socket_addrs();
        let found = found.with_context(|| format!("cannot look up {}", self.host))?;
        // Most brokers listen on the older family alone by default.
        let mut found: Vec<_> = found.collect();
        found.sort_by_key(SocketAddr::is_ipv6);
        let first = found.first().copied();
        first.with_context(|| format!("{} has no address", self.host))
    }

    pub fn version(&self) -> Version {
        match self.mqtt {
            Protocol::V3 => Version::V3_1_1,
            Protocol::V5 => Version::V5,
        }
    }

    pub fn broker(&self) -> Option<Process> {
        self.broker_pid.map(Process::new)
    }

    /// A CONNECT of a client that wants nothing special.
    pub fn connect<'a>(&'a self, client_id: &'a str) -> Connect<'a> {
        Connect {
            keep_alive_s: LONG_KEEP_ALIVE_S,
            user_name: self.user_name.as_deref(),
            password: self.password.as_deref().map(str::as_bytes),
            ..Connect::new(self.version(), client_id)
        }
    }

    pub fn write_connect(&self, client_id: &str, out: &mut Vec<u8>) {
        let connect = Packet::Connect(self.connect(client_id));
        quorate_mqtt::codec::encode(self.version(), &connect, out);
    }
}

impl Messages {
    /// For a scenario that has rules of its own for all but the payload.
    pub const fn of_payload(payload: usize) -> Self {
        Self {
            qos: None,
            payload,
            seconds: 0.0,
            messages: None,
            warm_up: 0.0,
            inflight: None,
            burst: 1,
            window: None,
        }
    }

    pub fn check(&self) -> Result<()> {
        let least = Stamp::BYTES;
        ensure!(self.payload >= least, "--payload is at least {least}");
        ensure!(
            self.payload <= 1 << 27,
            "--payload is more than a packet holds"
        );
        ensure!(self.burst > 0, "--burst is at least 1");
        ensure!(self.inflight != Some(0), "--inflight is at least 1");
        let is_time = |seconds: f64| (0.0..1e6).contains(&seconds);
        ensure!(is_time(self.seconds), "--seconds is from 0 to a million");
        ensure!(is_time(self.warm_up), "--warm-up is from 0 to a million");
        Ok(())
    }

    pub fn level(&self, default: QoS) -> QoS {
        match self.qos {
            None => default,
            Some(0) => QoS::AtMostOnce,
            Some(1) => QoS::AtLeastOnce,
            Some(_) => QoS::ExactlyOnce,
        }
    }

    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }

    pub fn warm_up_duration(&self) -> Duration {
        Duration::from_secs_f64(self.warm_up)
    }

    /// How far the subscribers of so many publishers may be behind.
    pub fn window_for(&self, publishers: usize, qos: QoS, inflight: u16) -> u64 {
        let publishers = publishers as u64;
        self.window.unwrap_or(match qos {
            QoS::AtMostOnce => 2 * publishers * u64::from(self.burst),
            QoS::AtLeastOnce | QoS::ExactlyOnce => 2 * publishers * u64::from(inflight),
        })
    }
}
