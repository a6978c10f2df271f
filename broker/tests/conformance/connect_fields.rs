//! The connect flags, and the fields that they announce.

use quorate_model::retained::QoS;
use quorate_mqtt::version::Version;

use crate::bytes::{ConnectBytes, counted, join};
use crate::support::{Client, TestBroker, VERSIONS};

conformance! {
    the_reserved_flag_is_checked: v5 ["3.1.2-3"], v3 ["3.1.2-3"];
    the_fields_of_a_will_are_there: v5 ["3.1.2-9"], v3 ["3.1.2-9"];
    without_a_will_there_is_no_qos_of_one: v5 ["3.1.2-11"], v3 ["3.1.2-11", "3.1.2-13"];
    without_a_will_none_is_to_be_retained: v5 ["3.1.2-13"], v3 ["3.1.2-11", "3.1.2-15"];
    without_a_will_there_are_no_fields_of_one: v3 ["3.1.2-11"];
    the_qos_of_a_will_is_not_3: v5 ["3.1.2-12"], v3 ["3.1.2-14"];
    each_qos_of_a_will_is_taken: v5 ["3.1.2-12", "3.1.2-9"], v3 ["3.1.2-14", "3.1.2-9"];
    a_user_name_is_there_exactly_if_it_is_announced:
        v5 ["3.1.2-16", "3.1.2-17"], v3 ["3.1.2-18", "3.1.2-19"];
    a_password_is_there_exactly_if_it_is_announced:
        v5 ["3.1.2-18", "3.1.2-19"], v3 ["3.1.2-20", "3.1.2-21"];
    a_password_without_a_user_name_is_of_version_5_alone: v5 ["3.1.2-19"], v3 ["3.1.2-22"];
    the_fields_have_one_order: v5 ["3.1.3-3", "3.1.3-12"], v3 ["3.1.3-1", "3.1.3-3"];
    a_connect_without_a_client_id_is_refused: v5 ["3.1.3-3"], v3 ["3.1.3-3"];
}

const CLEAN: u8 = 0b0000_0010;
const WILL: u8 = 0b0000_0110;
const WILL_RETAIN: u8 = 0b0010_0000;
const PASSWORD: u8 = 0b0100_0000;
const USER_NAME: u8 = 0b1000_0000;
/// The editions in which a flag without its field is wrong.
const STRICT: [Version; 2] = [Version::V3_1_1, Version::V5];

fn connect(version: Version, flags: u8) -> ConnectBytes {
    ConnectBytes::new(version, "client").flags(flags)
}

fn with_will(version: Version, flags: u8) -> ConnectBytes {
    let connect = connect(version, flags).will_properties(&[]);
    connect.field(&join(&[&counted("will"), &counted("bye")]))
}

fn expect_malformed(broker: &TestBroker, connect: &ConnectBytes) {
    let mut client = broker.socket(connect.version);
    client.send_bytes(&connect.bytes());
    client.expect_refused_as_malformed();
}

fn expect_let_in(broker: &TestBroker, connect: &ConnectBytes) -> Client {
    let mut client = broker.socket(connect.version);
    client.send_bytes(&connect.bytes());
    assert_eq!(client.receive().body[..2], [0, 0]);
    client
}

fn the_reserved_flag_is_checked() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        expect_let_in(&broker, &connect(version, CLEAN));
        expect_malformed(&broker, &connect(version, CLEAN | 1));
        expect_let_in(&broker, &with_will(version, WILL));
        expect_malformed(&broker, &with_will(version, WILL | 1));
    }
}

fn the_fields_of_a_will_are_there() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        expect_malformed(&broker, &connect(version, WILL));
        let no_fields = connect(version, WILL).will_properties(&[]);
        if version.is_5() {
            expect_malformed(&broker, &no_fields);
        }
        expect_malformed(&broker, &no_fields.clone().field(&counted("will")));
        let payload_cut = join(&[&counted("will"), &[0, 4], b"bye"]);
        expect_malformed(&broker, &no_fields.field(&payload_cut));
    }
    // In version 5 its properties are one of them.
    let fields = join(&[&counted("will"), &counted("bye")]);
    let no_properties = connect(Version::V5, WILL).field(&fields);
    expect_malformed(&broker, &no_properties);
}

fn without_a_will_there_is_no_qos_of_one() {
    let broker = TestBroker::start();
    for version in STRICT {
        for qos in [0b0000_1000, 0b0001_0000, 0b0001_1000] {
            expect_malformed(&broker, &connect(version, CLEAN | qos));
        }
    }
}

fn without_a_will_none_is_to_be_retained() {
    let broker = TestBroker::start();
    for version in STRICT {
        expect_malformed(&broker, &connect(version, CLEAN | WILL_RETAIN));
    }
}

fn without_a_will_there_are_no_fields_of_one() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        expect_malformed(&broker, &with_will(version, CLEAN));
    }
}

fn the_qos_of_a_will_is_not_3() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        expect_malformed(&broker, &with_will(version, WILL | 0b0001_1000));
        expect_malformed(&broker, &with_will(version, WILL | 0b0011_1000));
    }
}

fn each_qos_of_a_will_is_taken() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut watcher = broker.client(Version::V5, "watcher");
        watcher.subscribe_to("will", QoS::ExactlyOnce);
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            let connect = with_will(version, WILL | (qos as u8) << 3);
            expect_let_in(&broker, &connect).vanish();
            let received = watcher.take_message("will", b"bye");
            assert_eq!(received.publish().qos, qos);
        }
    }
}

fn a_user_name_is_there_exactly_if_it_is_announced() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let name = counted("user");
        expect_let_in(&broker, &connect(version, CLEAN | USER_NAME).field(&name));
        expect_malformed(&broker, &connect(version, CLEAN).field(&name));
        // An empty one is there.
        let empty = connect(version, CLEAN | USER_NAME).field(&counted(""));
        expect_let_in(&broker, &empty);
        // With a password alone where both are announced, one is missing.
        let both = CLEAN | USER_NAME | PASSWORD;
        if version != Version::V3_1 {
            expect_malformed(&broker, &connect(version, CLEAN | USER_NAME));
            expect_malformed(&broker, &connect(version, both).field(&counted("secret")));
        }
    }
}

fn a_password_is_there_exactly_if_it_is_announced() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let both = CLEAN | USER_NAME | PASSWORD;
        // A password is no text.
        let fields = join(&[&counted("user"), &counted(b"\xff\0")]);
        expect_let_in(&broker, &connect(version, both).field(&fields));
        let not_announced = connect(version, CLEAN | USER_NAME).field(&fields);
        expect_malformed(&broker, &not_announced);
        let cut = connect(version, both).field(&fields[..fields.len() - 1]);
        expect_malformed(&broker, &cut);
        if version != Version::V3_1 {
            let missing = connect(version, both).field(&counted("user"));
            expect_malformed(&broker, &missing);
        }
    }
}

fn a_password_without_a_user_name_is_of_version_5_alone() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let connect = connect(version, CLEAN | PASSWORD).field(&counted("secret"));
        match version {
            Version::V5 => drop(expect_let_in(&broker, &connect)),
            _ => expect_malformed(&broker, &connect),
        }
    }
    let nothing = connect(Version::V5, CLEAN | PASSWORD);
    expect_malformed(&broker, &nothing);
}

fn the_fields_have_one_order() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut watcher = broker.client(Version::V5, "watcher");
        watcher.subscribe_to("of-will/#", QoS::AtMostOnce);
        let all = WILL | USER_NAME | PASSWORD;
        let fields = ["of-will/topic", "of-will/payload", "of-user/name", "secret"];
        let connect = connect(version, all).will_properties(&[]);
        let connect = connect.field(&fields.map(counted).concat());
        let client = expect_let_in(&broker, &connect);
        // The first of all was the client id.
        let later = broker.client(version, "client");
        client.vanish();
        watcher.expect_message("of-will/topic", b"of-will/payload");
        drop(later);
    }
}

fn a_connect_without_a_client_id_is_refused() {
    let broker = TestBroker::start();
    for version in VERSIONS {
        let mut connect = ConnectBytes::new(version, "");
        connect.payload.clear();
        expect_malformed(&broker, &connect);
        connect.payload = vec![0];
        expect_malformed(&broker, &connect);
        connect.payload = vec![0, 5, b'i', b'd'];
        expect_malformed(&broker, &connect);
    }
}
