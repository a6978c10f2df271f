//! A configuration as the TOML that would yield it.

use std::fmt::Display;

use quorate_model::member::Roles;
use toml::Value;

use crate::config::Config;
use crate::origin::Origins;
use crate::setting::entry_path;

/// With `origins`, each line ends in a comment that names where its value
/// came from. What is not set has no line.
pub(crate) fn show(config: &Config, origins: Option<&Origins>) -> String {
    let mut text = String::new();
    let mut section = "";
    let values = values(config);
    for (path, value) in &values {
        let (own, name) = path.split_once('.').unwrap_or(("", path));
        if own != section {
            text += if section.is_empty() { "" } else { "\n" };
            text += &format!("[{own}]\n");
            section = own;
        }
        text += &format!("{name} = {value}");
        if let Some(origins) = origins {
            text += &format!("  # {}", origins.of(path));
        }
        text.push('\n');
    }
    text
}

/// Section by section; the entries of a table as dotted keys, so that each
/// has a line and an origin.
fn values(config: &Config) -> Vec<(String, Value)> {
    let mut values = Values::default();
    let node = &config.node;
    values.text("node.name", &node.name);
    values.add("node.roles", roles(node.roles));
    values.text("node.data_dir", node.data_dir.display());
    values.optional("node.cookie", node.cookie.as_ref());

    let cluster = &config.cluster;
    values.text("cluster.name", &cluster.name);
    let strategy = cluster.discovery_strategy.as_str();
    values.text("cluster.discovery_strategy", strategy);

    let transport = &config.transport;
    values.text("transport.bind", transport.bind);
    values.text("transport.advertise", &transport.advertise);
    if let Some(pki) = &transport.pki {
        values.text("transport.ca", pki.ca.display());
        values.text("transport.cert", pki.cert.display());
        values.text("transport.key", pki.key.display());
    }
    for (name, target) in &transport.dial {
        values.text(&entry_path("transport.dial", name.as_str()), target);
    }

    values.text("admin.bind", config.admin.bind);
    values.text("log.level", &config.log.level);
    values.text("log.format", config.log.format.as_str());
    values.0
}

#[derive(Default)]
struct Values(Vec<(String, Value)>);

impl Values {
    fn add(&mut self, path: &str, value: Value) {
        self.0.push((path.to_owned(), value));
    }

    fn text(&mut self, path: &str, value: impl Display) {
        self.add(path, Value::String(value.to_string()));
    }

    fn optional(&mut self, path: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.text(path, value);
        }
    }
}

fn roles(roles: Roles) -> Value {
    let names = match roles {
        Roles::Core => vec!["core"],
        Roles::Replicant => vec!["replicant"],
        Roles::Both => vec!["core", "replicant"],
    };
    Value::from(names)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::{Sources, load};

    const FILE: &str = "\
[node]
name = \"core1@127.0.0.1\"

[transport]
bind = \"127.0.0.1:4371\"
dial = { \"core2@127.0.0.1\" = \"127.0.0.1:9999\" }
";

    #[test]
    fn every_line_names_its_origin() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("q.toml");
        fs::write(&path, FILE).unwrap();
        let loaded = load(&Sources {
            file: Some(path.clone()),
            env: vec![
                ("QUORATE_NODE__ROLES".into(), "core".into()),
                ("QUORATE_NODE__COOKIE".into(), "hunter2".into()),
            ],
            sets: vec![
                "log.level=debug".into(),
                "transport.dial.\"core3@127.0.0.1\"=localhost:9998".into(),
            ],
        });
        let path = path.display();
        let expected = format!(
            r#"[node]
name = "core1@127.0.0.1"  # {path}:2
roles = ["core"]  # env QUORATE_NODE__ROLES
data_dir = "quorate-data"  # default
cookie = "<redacted>"  # env QUORATE_NODE__COOKIE

[cluster]
name = "quorate"  # default
discovery_strategy = "manual"  # default

[transport]
bind = "127.0.0.1:4371"  # {path}:5
advertise = "127.0.0.1:4371"  # from node.name and transport.bind
dial."core2@127.0.0.1" = "127.0.0.1:9999"  # {path}:6
dial."core3@127.0.0.1" = "localhost:9998"  # --set transport.dial."core3@127.0.0.1"

[admin]
bind = "127.0.0.1:18083"  # default

[log]
level = "debug"  # --set log.level
format = "text"  # default
"#
        );
        assert_eq!(loaded.unwrap().show(true), expected);
    }

    #[test]
    fn what_is_shown_loads_as_the_same() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["ca", "cert", "key"] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        let path = |name: &str| dir.path().join(name).display().to_string();
        let sets = [
            "node.data_dir=C:\\odd \"path\" # é".to_owned(),
            "transport.dial.\"a@::1\"=[::1]:9".to_owned(),
            format!("transport.ca={}", path("ca")),
            format!("transport.cert={}", path("cert")),
            format!("transport.key={}", path("key")),
        ];
        let first = load(&Sources {
            sets: sets.to_vec(),
            ..Sources::default()
        });
        let shown = first.unwrap().show(false);
        let file = dir.path().join("q.toml");
        fs::write(&file, &shown).unwrap();
        let again = load(&Sources {
            file: Some(file),
            ..Sources::default()
        });
        assert_eq!(again.unwrap().show(false), shown);
        assert!(!shown.contains('#') || shown.contains("# é"));
    }
}
