//! Which retained messages a subscriber of version 5 wants.

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{RetainHandling, SubscriptionOptions};
use quorate_mqtt::version::Version;

use crate::connect::lasting;
use crate::support::{Client, TestBroker, message};

conformance! {
    always_means_with_every_subscribe: v5 ["3.3.1-9", "3.8.4-4"];
    if_new_means_with_the_first_subscribe: v5 ["3.3.1-10"];
    never_means_with_no_subscribe: v5 ["3.3.1-11"];
    a_subscription_is_not_new_when_its_session_is_resumed: v5 ["3.3.1-10"];
}

fn broker_with_retained() -> TestBroker {
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    for topic in ["a/1", "a/2", "b/1"] {
        let mut publish = message(topic, QoS::AtLeastOnce, topic.as_bytes());
        publish.retain = true;
        publisher.publish(&publish);
    }
    broker
}

fn options(retain_handling: RetainHandling) -> SubscriptionOptions {
    SubscriptionOptions {
        retain_handling,
        ..SubscriptionOptions::of_qos(QoS::AtLeastOnce)
    }
}

/// Subscribes to `a/+`, and expects both retained messages of it or none.
fn expect_after_subscribe(client: &mut Client, handling: RetainHandling, comes: bool) {
    client.subscribe(&[("a/+", options(handling))]);
    if comes {
        for topic in ["a/1", "a/2"] {
            let received = client.take_message(topic, topic.as_bytes());
            assert!(received.publish().retain);
        }
    }
    client.expect_silence();
}

fn always_means_with_every_subscribe() {
    let broker = broker_with_retained();
    let mut client = broker.client(Version::V5, "client");
    for _ in 0..3 {
        expect_after_subscribe(&mut client, RetainHandling::Always, true);
    }
    // Also after it did not want any.
    expect_after_subscribe(&mut client, RetainHandling::Never, false);
    expect_after_subscribe(&mut client, RetainHandling::Always, true);
}

fn if_new_means_with_the_first_subscribe() {
    let broker = broker_with_retained();
    let mut client = broker.client(Version::V5, "client");
    expect_after_subscribe(&mut client, RetainHandling::IfNew, true);
    expect_after_subscribe(&mut client, RetainHandling::IfNew, false);
    client.unsubscribe(&["a/+"]);
    expect_after_subscribe(&mut client, RetainHandling::IfNew, true);
    // Another filter of the same topics is another subscription.
    client.subscribe(&[("a/1", options(RetainHandling::IfNew))]);
    client.take_message("a/1", b"a/1");
    client.expect_silence();
    // The second filter of this packet is not new any more.
    let twice = [("b/1", options(RetainHandling::IfNew)); 2];
    client.subscribe(&twice);
    client.take_message("b/1", b"b/1");
    client.expect_silence();
}

fn never_means_with_no_subscribe() {
    let broker = broker_with_retained();
    let mut client = broker.client(Version::V5, "client");
    for _ in 0..2 {
        expect_after_subscribe(&mut client, RetainHandling::Never, false);
    }
    // New messages come.
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("a/1", QoS::AtLeastOnce, b"new"));
    client.take_message("a/1", b"new");
}

fn a_subscription_is_not_new_when_its_session_is_resumed() {
    let broker = broker_with_retained();
    let mut client = broker.connect(&lasting(Version::V5, "client", false));
    expect_after_subscribe(&mut client, RetainHandling::IfNew, true);
    client.leave();
    let mut client = broker.connect(&lasting(Version::V5, "client", false));
    client.expect_silence();
    expect_after_subscribe(&mut client, RetainHandling::IfNew, false);
    client.leave();
    let mut client = broker.connect(&lasting(Version::V5, "client", true));
    expect_after_subscribe(&mut client, RetainHandling::IfNew, true);
}
