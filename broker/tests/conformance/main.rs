//! Conformance to both standards of MQTT, statement by statement, over real sockets.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[macro_use]
mod registry;

mod acknowledgements;
mod aliases;
mod bytes;
mod connack;
mod connect;
mod connect_fields;
mod data;
mod disconnect;
mod document;
mod enhanced_auth;
mod errors;
mod expiry;
mod fixed_header;
mod flow_control;
mod forwarding;
mod keep_alive;
mod ordering;
mod packet_ids;
mod packet_size;
mod ping;
mod publish;
mod qos1;
mod qos2;
mod receipt;
mod redelivery;
mod retain;
mod retain_handling;
mod scram;
mod session;
mod shared;
mod suback;
mod subscribe;
mod subscription_ids;
#[path = "../support/mod.rs"]
mod support;
mod topics;
mod transport;
mod unsubscribe;
mod websocket;
mod will;

use registry::Covered;

/// What the tests of all modules check.
const COVERED: &[&[Covered]] = &[
    acknowledgements::COVERED,
    aliases::COVERED,
    connack::COVERED,
    connect::COVERED,
    connect_fields::COVERED,
    data::COVERED,
    disconnect::COVERED,
    enhanced_auth::COVERED,
    errors::COVERED,
    expiry::COVERED,
    fixed_header::COVERED,
    flow_control::COVERED,
    forwarding::COVERED,
    keep_alive::COVERED,
    ordering::COVERED,
    packet_ids::COVERED,
    packet_size::COVERED,
    ping::COVERED,
    publish::COVERED,
    qos1::COVERED,
    qos2::COVERED,
    receipt::COVERED,
    redelivery::COVERED,
    retain::COVERED,
    retain_handling::COVERED,
    scram::COVERED,
    session::COVERED,
    shared::COVERED,
    suback::COVERED,
    subscribe::COVERED,
    subscription_ids::COVERED,
    topics::COVERED,
    transport::COVERED,
    unsubscribe::COVERED,
    websocket::COVERED,
    will::COVERED,
];
