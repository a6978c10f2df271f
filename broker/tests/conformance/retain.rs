//! Messages that are kept for those who subscribe later.

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{Publish, SubscriptionOptions};
use quorate_mqtt::version::Version;

use crate::support::{Client, TestBroker, VERSIONS, message};

conformance! {
    a_retained_message_replaces_the_one_before: v5 ["3.3.1-5"], v3 ["3.3.1-5"];
    a_new_subscription_gets_the_last_retained_message_of_each_topic:
        v5 ["3.3.1-5", "3.3.1-9"], v3 ["3.3.1-6"];
    each_of_many_retained_messages_comes_once: v5 ["3.3.1-9"], v3 ["3.3.1-6"];
    a_retained_message_of_qos_0_replaces_any_other: v5 ["3.3.1-5"], v3 ["3.3.1-7"];
    an_empty_payload_removes_the_retained_message: v5 ["3.3.1-6"], v3 ["3.3.1-10"];
    an_empty_payload_is_not_retained: v5 ["3.3.1-7"], v3 ["3.3.1-11"];
    a_message_without_the_flag_changes_nothing_that_is_retained:
        v5 ["3.3.1-8"], v3 ["3.3.1-12"];
    the_flag_is_set_for_a_new_subscription: v3 ["3.3.1-8"];
    the_flag_is_not_set_for_an_established_subscription: v5 ["3.3.1-12"], v3 ["3.3.1-9"];
    the_flag_is_kept_for_who_wants_it_as_published: v5 ["3.3.1-13"];
    a_retained_message_outlives_its_publisher_and_its_sessions: v5 ["3.3.1-5"], v3 ["3.3.1-5"];
}

const EVERY_QOS: [QoS; 3] = [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce];

fn retained<'a>(topic: &'a str, qos: QoS, payload: &'a [u8]) -> Publish<'a> {
    let mut publish = message(topic, qos, payload);
    publish.retain = true;
    publish
}

/// Publishes, and waits until it is known to be retained.
fn settle(publisher: &mut Client, publish: &Publish<'_>) {
    publisher.publish(publish);
    // With QoS 0 nobody says so; what is proposed later is decided later.
    let last = retained("settled", QoS::AtLeastOnce, b"");
    publisher.publish(&last);
}

/// What a client that subscribes now gets, with its QoS.
fn expect_retained(broker: &TestBroker, topic: &str, expected: Option<(&[u8], QoS)>) {
    for version in VERSIONS {
        let mut late = broker.client(version, "late");
        late.subscribe_to(topic, QoS::ExactlyOnce);
        if let Some((payload, qos)) = expected {
            let received = late.take_message(topic, payload);
            let publish = received.publish();
            assert_eq!((publish.qos, publish.retain), (qos, true));
        }
        late.expect_silence();
    }
}

fn a_retained_message_replaces_the_one_before() {
    for version in VERSIONS {
        let broker = TestBroker::start();
        let mut publisher = broker.client(version, "publisher");
        for (before, after) in EVERY_QOS
            .into_iter()
            .flat_map(|before| EVERY_QOS.map(|after| (before, after)))
        {
            settle(&mut publisher, &retained("t", before, b"before"));
            expect_retained(&broker, "t", Some((b"before", before)));
            settle(&mut publisher, &retained("t", after, b"after"));
            expect_retained(&broker, "t", Some((b"after", after)));
        }
    }
}

fn a_new_subscription_gets_the_last_retained_message_of_each_topic() {
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    for round in [b"1", b"2"] {
        for topic in ["a/x", "a/y", "a/x/deep", "b/x", "a", "$hidden/a"] {
            publisher.publish(&retained(topic, QoS::AtLeastOnce, round));
        }
    }
    for version in VERSIONS {
        for (filter, topics) in [
            ("a/x", &["a/x"][..]),
            ("a/+", &["a/x", "a/y"]),
            ("a/#", &["a", "a/x", "a/x/deep", "a/y"]),
            ("+/x", &["a/x", "b/x"]),
            ("#", &["a", "a/x", "a/x/deep", "a/y", "b/x"]),
            ("$hidden/+", &["$hidden/a"]),
            ("c/#", &[]),
        ] {
            let mut late = broker.client(version, "late");
            late.subscribe_to(filter, QoS::AtLeastOnce);
            let mut found: Vec<String> = topics
                .iter()
                .map(|_| {
                    let received = late.receive();
                    late.acknowledge(&received.publish());
                    assert_eq!(received.publish().payload, b"2");
                    received.publish().topic.to_owned()
                })
                .collect();
            found.sort_unstable();
            assert_eq!(found, topics, "{filter}");
            late.expect_silence();
        }
    }
}

/// More than may be under way at a time, and than one look at the cluster's state gives.
fn each_of_many_retained_messages_comes_once() {
    const TOPICS: usize = 200;
    let broker = TestBroker::start();
    for qos in EVERY_QOS {
        let mut publisher = broker.client(Version::V5, "publisher");
        let prefix = qos as u8;
        let topics: Vec<String> = (0..TOPICS)
            .map(|number| format!("{prefix}/{number:03}"))
            .collect();
        for topic in &topics {
            publisher.publish(&retained(topic, qos, topic.as_bytes()));
        }
        settle(&mut publisher, &retained("other", QoS::AtLeastOnce, b"x"));
        for version in VERSIONS {
            let mut late = broker.client(version, "late");
            // As often as it subscribes.
            for _ in 0..2 {
                late.subscribe_to(&format!("{prefix}/+"), QoS::ExactlyOnce);
                let mut found: Vec<String> = topics
                    .iter()
                    .map(|_| {
                        let received = late.receive();
                        let publish = received.publish();
                        late.acknowledge(&publish);
                        assert_eq!((publish.qos, publish.retain), (qos, true));
                        assert_eq!(publish.payload, publish.topic.as_bytes());
                        publish.topic.to_owned()
                    })
                    .collect();
                late.expect_silence();
                found.sort_unstable();
                assert_eq!(found, topics, "{version}");
            }
        }
    }
}

fn a_retained_message_of_qos_0_replaces_any_other() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&retained("t", QoS::ExactlyOnce, b"before"));
        settle(&mut publisher, &retained("t", QoS::AtMostOnce, b"after"));
        expect_retained(&broker, "t", Some((b"after", QoS::AtMostOnce)));
    }
}

fn an_empty_payload_removes_the_retained_message() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for qos in EVERY_QOS {
            let mut publisher = broker.client(version, "publisher");
            publisher.publish(&retained("t", QoS::AtLeastOnce, b"kept"));
            publisher.publish(&retained("t/other", QoS::AtLeastOnce, b"kept"));
            let mut present = broker.client(version, "present");
            present.subscribe_to("t", QoS::ExactlyOnce);
            present.take_message("t", b"kept");
            settle(&mut publisher, &retained("t", qos, b""));
            // It is a message like any other for who is there.
            let received = present.take_message("t", b"");
            assert_eq!(
                (received.publish().qos, received.publish().retain),
                (qos, false)
            );
            expect_retained(&broker, "t", None);
            expect_retained(&broker, "t/other", Some((b"kept", QoS::AtLeastOnce)));
        }
    }
}

fn an_empty_payload_is_not_retained() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for qos in EVERY_QOS {
            let mut publisher = broker.client(version, "publisher");
            settle(&mut publisher, &retained("never", qos, b""));
            expect_retained(&broker, "never", None);
        }
    }
}

fn a_message_without_the_flag_changes_nothing_that_is_retained() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for qos in EVERY_QOS {
            let mut publisher = broker.client(version, "publisher");
            publisher.publish(&retained("t", QoS::AtLeastOnce, b"kept"));
            settle(&mut publisher, &message("t", qos, b"passes"));
            expect_retained(&broker, "t", Some((b"kept", QoS::AtLeastOnce)));
            settle(&mut publisher, &message("t", qos, b""));
            expect_retained(&broker, "t", Some((b"kept", QoS::AtLeastOnce)));
            settle(&mut publisher, &message("other", qos, b"passes"));
            expect_retained(&broker, "other", None);
        }
    }
}

fn the_flag_is_set_for_a_new_subscription() {
    let broker = TestBroker::start();
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&retained("t", QoS::AtLeastOnce, b"kept"));
    for version in VERSIONS {
        let mut client = broker.client(version, "client");
        // In bytes, for each QoS; subscribing again makes it new again.
        for (qos, first) in EVERY_QOS.into_iter().zip([0x31, 0x33, 0x33]) {
            client.subscribe_to("t", qos);
            let received = client.take_message("t", b"kept");
            assert_eq!(received.first, first);
        }
    }
}

fn the_flag_is_not_set_for_an_established_subscription() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for qos in EVERY_QOS {
            let topic = format!("{version}/{}", qos as u8);
            let mut client = broker.client(version, "client");
            client.subscribe_to(&topic, QoS::ExactlyOnce);
            let mut publisher = broker.client(version, "publisher");
            for retain in [true, false] {
                let mut publish = message(&topic, qos, b"x");
                publish.retain = retain;
                publisher.publish(&publish);
                let received = client.take_message(&topic, b"x");
                assert_eq!(received.first, 0x30 | (qos as u8) << 1);
            }
        }
    }
}

fn the_flag_is_kept_for_who_wants_it_as_published() {
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    let mut options = SubscriptionOptions::of_qos(QoS::ExactlyOnce);
    options.retain_as_published = true;
    client.subscribe(&[("t", options)]);
    let mut publisher = broker.client(Version::V3_1_1, "publisher");
    for qos in EVERY_QOS {
        for retain in [true, false] {
            let mut publish = message("t", qos, b"x");
            publish.retain = retain;
            publisher.publish(&publish);
            let received = client.take_message("t", b"x");
            assert_eq!(received.first, 0x30 | (qos as u8) << 1 | u8::from(retain));
        }
    }
    // Back to how it is without the option.
    client.subscribe(&[("t", SubscriptionOptions::of_qos(QoS::AtMostOnce))]);
    client.take_message("t", b"x");
    publisher.publish(&retained("t", QoS::AtLeastOnce, b"y"));
    assert_eq!(client.take_message("t", b"y").first, 0x30);
}

fn a_retained_message_outlives_its_publisher_and_its_sessions() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut publisher = broker.client(version, "publisher");
        publisher.publish(&retained(
            "t",
            QoS::AtLeastOnce,
            version.to_string().as_bytes(),
        ));
        publisher.leave();
        // The session is discarded, and begins anew.
        broker.client(version, "publisher").vanish();
        let expected = version.to_string();
        expect_retained(&broker, "t", Some((expected.as_bytes(), QoS::AtLeastOnce)));
    }
}
