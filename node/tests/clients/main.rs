//! Other people's clients against the binary: paho-mqtt, MQTT.js, mosquitto's and
//! rumqttc, each over every transport that it has and in both versions.
//!
//! rumqttc runs with all other tests. The others need programs from outside and are
//! ignored; `.ci/run clients` installs those and runs them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]

#[path = "../common/mod.rs"]
mod common;
mod matrix;
mod mosquitto;
mod programs;
mod rumqtt;
mod served;
#[path = "../support/mod.rs"]
mod support;
