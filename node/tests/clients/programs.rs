//! paho-mqtt and MQTT.js: a program each, in its own language, that runs the
//! scenarios it is told to. `.ci/run clients` installs what they need.

use std::path::PathBuf;
use std::process::Command;

use crate::common::end;
use crate::matrix::{Scenario, Transport, Version};
use crate::served::Served;

/// Where `.ci/run` has put them.
fn installed(what: &str) -> PathBuf {
    let folder = std::env::var_os("CLIENTS_DIR");
    let folder = folder.expect("CLIENTS_DIR is not set: `.ci/run clients` sets it");
    PathBuf::from(folder).join(what)
}

fn program(folder: &str, file: &str) -> PathBuf {
    let tests = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    tests.join(folder).join(file)
}

fn paho() -> Command {
    let mut command = Command::new(installed("venv/bin/python"));
    command.arg("-B").arg(program("paho", "main.py"));
    command
}

fn mqttjs() -> Command {
    let mut command = Command::new("node");
    command.arg(program("mqttjs", "main.js"));
    command.env("NODE_PATH", installed("node_modules"));
    command
}

#[track_caller]
fn check(command: fn() -> Command, transport: Transport) {
    let served = Served::shared();
    let mut missing = Vec::new();
    for version in Version::ALL {
        let scenarios = Scenario::all_of(version);
        let names = scenarios.iter().map(|scenario| scenario.name());
        let mut command = command();
        command
            .args(["--transport", transport.name()])
            .args(["--version", version.name()])
            .args(["--port", &served.port(transport).to_string()])
            .arg("--ca")
            .arg(served.ca())
            .args(names.clone());
        let ended = end(command, "");
        let way = format!("over {} in {}", transport.name(), version.name());
        println!("{way}:\n{}{}", ended.stdout, ended.stderr);
        let done: Vec<_> = ended.stdout.lines().collect();
        // That a program ends well is not enough: it has to have run each of them.
        let not_done = names.filter(|name| !done.contains(&format!("ok {name}").as_str()));
        missing.extend(not_done.map(|name| format!("{name} {way}")));
        if ended.code != 0 {
            missing.push(format!("a good end {way}"));
        }
    }
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
#[ignore = "needs paho-mqtt in CLIENTS_DIR"]
fn paho_over_tcp() {
    check(paho, Transport::Tcp);
}

#[test]
#[ignore = "needs paho-mqtt in CLIENTS_DIR"]
fn paho_over_tls() {
    check(paho, Transport::Tls);
}

#[test]
#[ignore = "needs paho-mqtt in CLIENTS_DIR"]
fn paho_over_websocket() {
    check(paho, Transport::Ws);
}

#[test]
#[ignore = "needs paho-mqtt in CLIENTS_DIR"]
fn paho_over_secure_websocket() {
    check(paho, Transport::Wss);
}

#[test]
#[ignore = "needs node, and MQTT.js in CLIENTS_DIR"]
fn mqttjs_over_tcp() {
    check(mqttjs, Transport::Tcp);
}

#[test]
#[ignore = "needs node, and MQTT.js in CLIENTS_DIR"]
fn mqttjs_over_tls() {
    check(mqttjs, Transport::Tls);
}

#[test]
#[ignore = "needs node, and MQTT.js in CLIENTS_DIR"]
fn mqttjs_over_websocket() {
    check(mqttjs, Transport::Ws);
}

#[test]
#[ignore = "needs node, and MQTT.js in CLIENTS_DIR"]
fn mqttjs_over_secure_websocket() {
    check(mqttjs, Transport::Wss);
}
