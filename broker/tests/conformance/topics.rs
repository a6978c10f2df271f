//! Topic names and topic filters.

use quorate_model::retained::QoS;
use quorate_mqtt::packet::SubscriptionOptions;
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::bytes::{ConnectBytes, counted, join, publish, subscribe, unsubscribe};
use crate::support::{TestBroker, VERSIONS, message};

conformance! {
    a_hash_is_the_whole_last_level: v5 ["4.7.1-1"], v3 ["4.7.1-2"];
    a_plus_is_a_whole_level: v5 ["4.7.1-2"], v3 ["4.7.1-3"];
    wildcards_are_for_filters_alone: v5 ["4.7.0-1"], v3 ["4.7.1-1"];
    a_leading_wildcard_does_not_see_topics_of_the_server: v5 ["4.7.2-1"], v3 ["4.7.2-1"];
    an_empty_filter_ends_the_connection: v5 ["4.7.3-1"], v3 ["4.7.3-1"];
    an_empty_topic_ends_the_connection: v5 ["4.7.3-1"], v3 ["4.7.3-1"];
    the_longest_topics_and_filters_are_taken: v5 ["4.7.3-3"], v3 ["4.7.3-3"];
    no_topic_is_cut_or_joined_at_its_length: v5 ["4.7.3-3"], v3 ["4.7.3-3"];
    topics_are_compared_character_by_character: v5 ["4.7.3-4"], v3 ["4.7.3-4"];
    the_name_of_a_group_is_there: v5 ["4.8.2-1"];
    the_name_of_a_group_has_no_wildcards_and_is_followed_by_a_filter: v5 ["4.8.2-2"];
}

fn expect_filters_refused(filters: &[&str], reason: ReasonCode, versions: &[Version]) {
    let broker = TestBroker::start();
    for version in versions {
        for filter in filters {
            let filters: [(&[u8], u8); 2] = [(b"fine", 0), (filter.as_bytes(), 0)];
            let mut client = broker.client(*version, "hostile");
            client.send_bytes(&subscribe(*version, 1, &[], &filters));
            client.expect_end(reason);
            let mut client = broker.client(*version, "hostile");
            client.send_bytes(&unsubscribe(*version, 1, &[filter.as_bytes()]));
            client.expect_end(reason);
        }
    }
}

fn expect_filters_taken(filters: &[&str]) {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for filter in filters {
            let mut client = broker.client(version, "client");
            client.subscribe_to(filter, QoS::AtMostOnce);
            client.unsubscribe(&[filter]);
        }
    }
}

fn a_hash_is_the_whole_last_level() {
    expect_filters_taken(&["#", "a/#", "/#", "a//#", "+/#"]);
    let wrong = [
        "a#", "#a", "a/#b", "a/b#", "#/a", "a/#/b", "#/", "##", "a/#/#", "#/+",
    ];
    expect_filters_refused(&wrong, ReasonCode::TopicFilterInvalid, &VERSIONS);
}

fn a_plus_is_a_whole_level() {
    expect_filters_taken(&["+", "+/+", "/+", "+/", "a/+/b", "+/a/+", "a/+/#"]);
    let wrong = ["a+", "+a", "a/+b", "a/b+", "++", "a/++/b", "+#", "#+"];
    expect_filters_refused(&wrong, ReasonCode::TopicFilterInvalid, &VERSIONS);
}

/// In the topic of a will too.
fn wildcards_are_for_filters_alone() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for topic in ["#", "+", "a/+", "a/#", "a+b"] {
            let connect = ConnectBytes::new(version, "hostile").flags(0b0000_0110);
            let connect = connect.will_properties(&[]);
            let connect = connect.field(&join(&[&counted(topic), &counted("bye")]));
            let mut client = broker.socket(version);
            client.send_bytes(&connect.bytes());
            client.expect_refused_as_malformed();
            let mut client = broker.client(version, "hostile");
            client.send_bytes(&publish(version, 0b0010, topic, Some(1), &[], b"x"));
            client.expect_end(ReasonCode::TopicNameInvalid);
        }
    }
}

fn a_leading_wildcard_does_not_see_topics_of_the_server() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut sees = broker.client(version, "sees");
        for filter in ["$own/x", "$own/+", "$own/#"] {
            sees.subscribe_to(filter, QoS::AtMostOnce);
        }
        let mut does_not = broker.client(version, "does not");
        for filter in ["#", "+/x", "+/#", "+/+", "$share/g/#", "$share/g/+/x"] {
            does_not.subscribe_to(filter, QoS::AtMostOnce);
        }
        let mut publisher = broker.client(version, "publisher");
        // Once retained, so that those who subscribe later do not see it either.
        let mut publish = message("$own/x", QoS::AtLeastOnce, b"x");
        publish.retain = true;
        publisher.publish(&publish);
        sees.expect_message("$own/x", b"x");
        sees.expect_silence();
        does_not.expect_silence();
        does_not.subscribe_to("#", QoS::AtMostOnce);
        does_not.subscribe_to("+/x", QoS::AtMostOnce);
        does_not.expect_silence();
        // A $ anywhere else is a character.
        does_not.unsubscribe(&["$share/g/#", "$share/g/+/x", "+/x", "+/#", "+/+"]);
        publisher.publish(&message("a/$own", QoS::AtLeastOnce, b"x"));
        does_not.expect_message("a/$own", b"x");
        publish.payload = b"";
        publisher.publish(&publish);
    }
}

fn an_empty_filter_ends_the_connection() {
    expect_filters_refused(&[""], ReasonCode::TopicFilterInvalid, &VERSIONS);
}

fn an_empty_topic_ends_the_connection() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        for (flags, id) in [(0, None), (0b0010, Some(1))] {
            let mut client = broker.client(version, "hostile");
            client.send_bytes(&publish(version, flags, "", id, &[], b"x"));
            client.expect_end(ReasonCode::ProtocolError);
        }
        let connect = ConnectBytes::new(version, "hostile").flags(0b0000_0110);
        let connect = connect.will_properties(&[]);
        let connect = connect.field(&join(&[&counted(""), &counted("bye")]));
        let mut client = broker.socket(version);
        client.send_bytes(&connect.bytes());
        client.expect_refused_as_malformed();
    }
    let mut client = broker.client(Version::V5, "hostile");
    let response_topic = [0x08, 0, 0];
    client.send_bytes(&publish(Version::V5, 0, "t", None, &response_topic, b"x"));
    client.expect_end(ReasonCode::TopicNameInvalid);
}

fn the_longest_topics_and_filters_are_taken() {
    let broker = TestBroker::start();
    // Characters of three bytes, and of one.
    let longest = ["✓".repeat(21_845), "x".repeat(65_535)];
    for version in VERSIONS {
        for topic in &longest {
            assert_eq!(topic.len(), 65_535);
            let mut client = broker.client(version, "client");
            let options = SubscriptionOptions::of_qos(QoS::AtMostOnce);
            client.subscribe(&[(topic, options)]);
            let mut publisher = broker.client(version, "publisher");
            publisher.publish(&message(topic, QoS::AtLeastOnce, b"x"));
            client.expect_message(topic, b"x");
        }
    }
}

/// A length of 65,536 does not fit into its two bytes: what they say counts.
fn no_topic_is_cut_or_joined_at_its_length() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut watcher = broker.client(version, "watcher");
        watcher.subscribe_to("#", QoS::AtMostOnce);
        let mut hostile = broker.client(version, "hostile");
        let mut bytes = publish(version, 0, "x".repeat(65_535), None, &[], b"xx");
        // The two bytes of the length, behind the first byte and a length of three.
        bytes[4..6].copy_from_slice(&[0, 0]);
        hostile.send_bytes(&bytes);
        hostile.expect_end(match version.is_5() {
            // What follows the empty topic are properties that make no sense.
            true => ReasonCode::MalformedPacket,
            false => ReasonCode::ProtocolError,
        });
        watcher.expect_silence();
    }
}

fn topics_are_compared_character_by_character() {
    let broker = TestBroker::start();
    let topics = [
        "a/b",
        "A/b",
        "a/B",
        "/a/b",
        "a/b/",
        "a//b",
        "a/b ",
        " a/b",
        "a/./b",
        "a/%62",
        "a\\b",
        "caf\u{e9}",
        "cafe\u{301}",
        "\u{212b}",
        "\u{c5}",
        "\u{fffd}",
        "\u{1f600}",
        "a/*",
        "a\u{200b}",
    ];
    for version in VERSIONS {
        let mut clients: Vec<_> = (0..topics.len())
            .map(|at| {
                let mut client = broker.client(version, &format!("client{at}"));
                client.subscribe_to(topics[at], QoS::AtMostOnce);
                client
            })
            .collect();
        let mut publisher = broker.client(version, "publisher");
        for topic in topics {
            publisher.publish(&message(topic, QoS::AtLeastOnce, topic.as_bytes()));
        }
        // Each got its own and no other, as it was sent.
        for (client, topic) in clients.iter_mut().zip(topics) {
            client.expect_message(topic, topic.as_bytes());
            client.expect_silence();
        }
    }
}

fn the_name_of_a_group_is_there() {
    let wrong = ["$share//t", "$share//#", "$share/", "$share"];
    expect_filters_refused(&wrong, ReasonCode::TopicFilterInvalid, &[Version::V5]);
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    client.subscribe_to("$share/g/t", QoS::AtMostOnce);
    // Only that beginning makes a group of it.
    client.subscribe_to("$shared/g/t", QoS::AtMostOnce);
    client.subscribe_to("$SHARE/g/t", QoS::AtMostOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    for topic in ["t", "$shared/g/t", "$SHARE/g/t"] {
        publisher.publish(&message(topic, QoS::AtLeastOnce, b"x"));
        client.expect_message(topic, b"x");
    }
    client.expect_silence();
}

fn the_name_of_a_group_has_no_wildcards_and_is_followed_by_a_filter() {
    let wrong = [
        "$share/+/t",
        "$share/#/t",
        "$share/g+/t",
        "$share/#",
        "$share/g",
        "$share/g/",
        "$share/g/a#",
        "$share/g/a/#/b",
        "$share/g/+a",
    ];
    expect_filters_refused(&wrong, ReasonCode::TopicFilterInvalid, &[Version::V5]);
    // The filter begins behind the first / and may begin with one.
    let broker = TestBroker::start();
    let mut client = broker.client(Version::V5, "client");
    client.subscribe_to("$share/g//t", QoS::AtMostOnce);
    let mut publisher = broker.client(Version::V5, "publisher");
    publisher.publish(&message("t", QoS::AtLeastOnce, b"x"));
    client.expect_silence();
    publisher.publish(&message("/t", QoS::AtLeastOnce, b"x"));
    client.expect_message("/t", b"x");
}
