//! A reactor that finds what must not be.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use quorate_broker::{Broker, ControlPlane, Done};
use quorate_model::command::Command;
use quorate_model::view::ClusterView;
use quorate_mqtt::packet::{Connect, Packet};
use quorate_mqtt::version::Version;
use support::{Client, TestBroker};

/// Answers fewer commands than it was given.
struct Forgetful {
    /// On a thread that is not the broker's, and whose end tells nobody anything.
    on_its_own_thread: bool,
}

impl ControlPlane for Forgetful {
    fn propose(&self, _: Vec<Command>, done: Done) {
        match self.on_its_own_thread {
            true => drop(std::thread::spawn(|| done(Ok(Vec::new())))),
            false => done(Ok(Vec::new())),
        }
    }

    fn view(&self, _: &mut dyn FnMut(&ClusterView)) {}
}

#[test]
fn a_broker_that_cannot_go_on_says_so() {
    for on_its_own_thread in [false, true] {
        ends_with_a_word(Forgetful { on_its_own_thread });
    }
}

fn ends_with_a_word(plane: Forgetful) {
    let broker = Broker::start(TestBroker::config(), Arc::new(plane)).unwrap();
    assert!(broker.is_serving());
    let mut client = Client::open(broker.addresses()[0], Version::V5);
    client.send(&Packet::Connect(Connect::new(Version::V5, "client")));
    let patience = Instant::now() + Duration::from_secs(20);
    while broker.is_serving() {
        assert!(Instant::now() < patience, "the broker serves on");
        std::thread::sleep(Duration::from_millis(10));
    }
    let drained = catch_unwind(AssertUnwindSafe(|| broker.drain()));
    let panic = drained.expect_err("it ended well");
    let said = panic.downcast_ref::<String>().unwrap();
    assert!(said.contains("a reply for each command"), "{said}");
}
