use std::path::{Path, PathBuf};

/// A broker that can be started here, and how.
#[derive(Clone, Debug)]
pub(super) enum Broker {
    Mosquitto {
        program: PathBuf,
    },
    Rumqttd {
        program: PathBuf,
    },
    Quorate {
        program: PathBuf,
        /// `{port}`, `{port5}` and `{folder}` are filled in.
        configuration: String,
        /// `{config}` and `{folder}` are filled in.
        arguments: Vec<String>,
    },
}

/// Where a broker is to listen; some know one version of the protocol a port.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ports {
    pub(super) mqtt_3: u16,
    pub(super) mqtt_5: u16,
}

/// rumqttd tells the format by the ending; mosquitto does not care.
const CONFIG_FILE: &str = "broker.toml";

impl Broker {
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::Mosquitto { .. } => "mosquitto",
            Self::Rumqttd { .. } => "rumqttd",
            Self::Quorate { .. } => "quorate",
        }
    }

    pub(super) fn program(&self) -> &Path {
        match self {
            Self::Mosquitto { program }
            | Self::Rumqttd { program }
            | Self::Quorate { program, .. } => program,
        }
    }

    pub(super) fn config_file(folder: &Path) -> PathBuf {
        folder.join(CONFIG_FILE)
    }

    pub(super) fn arguments(&self, folder: &Path) -> Vec<String> {
        let config = Self::config_file(folder).display().to_string();
        match self {
            Self::Mosquitto { .. } => vec!["-c".to_owned(), config],
            Self::Rumqttd { .. } => vec!["--config".to_owned(), config],
            Self::Quorate { arguments, .. } => {
                let fill = |text: &String| {
                    let folder = folder.display().to_string();
                    text.replace("{config}", &config)
                        .replace("{folder}", &folder)
                };
                arguments.iter().map(fill).collect()
            }
        }
    }

    /// The port for that version of the protocol.
    pub(super) const fn port(&self, ports: Ports, is_version_5: bool) -> u16 {
        match self {
            Self::Rumqttd { .. } if is_version_5 => ports.mqtt_5,
            Self::Mosquitto { .. } | Self::Rumqttd { .. } | Self::Quorate { .. } => ports.mqtt_3,
        }
    }

    /// All that is set; the rest is as the makers ship it.
    pub(super) fn configuration(&self, ports: Ports, folder: &Path) -> String {
        let Ports { mqtt_3, mqtt_5 } = ports;
        match self {
            // As root it would change to a user who may not exist here.
            Self::Mosquitto { .. } => format!(
                "listener {mqtt_3} 127.0.0.1\n\
                 allow_anonymous true\n\
                 persistence false\n\
                 max_queued_messages 0\n\
                 max_connections -1\n\
                 log_type error\n\
                 user root\n"
            ),
            Self::Rumqttd { .. } => rumqttd_configuration(mqtt_3, mqtt_5),
            Self::Quorate { configuration, .. } => configuration
                .replace("{port5}", &mqtt_5.to_string())
                .replace("{port}", &mqtt_3.to_string())
                .replace("{folder}", &folder.display().to_string()),
        }
    }
}

/// The sample that comes with it, but for its ports, its bound of connections, and the
/// 20 KB that a payload may have; without what listens beside MQTT over TCP.
fn rumqttd_configuration(mqtt_3: u16, mqtt_5: u16) -> String {
    let listener = |version: &str, port: u16| {
        format!(
            "[{version}.1]\n\
             name = \"{version}\"\n\
             listen = \"127.0.0.1:{port}\"\n\
             next_connection_delay_ms = 0\n\
             [{version}.1.connections]\n\
             connection_timeout_ms = 60000\n\
             max_payload_size = 1048576\n\
             max_inflight_count = 100\n\
             dynamic_filters = true\n"
        )
    };
    format!(
        "id = 0\n\
         [router]\n\
         id = 0\n\
         max_connections = 50000\n\
         max_outgoing_packet_count = 200\n\
         max_segment_size = 104857600\n\
         max_segment_count = 10\n\
         {}{}",
        listener("v4", mqtt_3),
        listener("v5", mqtt_5)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PORTS: Ports = Ports {
        mqtt_3: 1001,
        mqtt_5: 1002,
    };

    #[test]
    fn placeholders_are_filled_in() {
        let broker = Broker::Quorate {
            program: "quorate".into(),
            configuration: "listen {port} and {port5} in {folder}".to_owned(),
            arguments: vec!["--config".to_owned(), "{config}".to_owned()],
        };
        let folder = Path::new("somewhere");
        let text = broker.configuration(PORTS, folder);
        assert_eq!(text, "listen 1001 and 1002 in somewhere");
        assert_eq!(
            broker.arguments(folder),
            ["--config", "somewhere/broker.toml"]
        );
    }

    #[test]
    fn version_5_has_a_port_of_its_own_where_it_needs_one() {
        let mosquitto = Broker::Mosquitto {
            program: "m".into(),
        };
        let rumqttd = Broker::Rumqttd {
            program: "r".into(),
        };
        let ports = [&mosquitto, &rumqttd].map(|broker| broker.port(PORTS, true));
        assert_eq!(ports, [1001, 1002]);
        for port in ["127.0.0.1:1001", "127.0.0.1:1002"] {
            assert!(rumqttd.configuration(PORTS, Path::new("")).contains(port));
        }
    }
}
