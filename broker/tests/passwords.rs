//! User names and passwords over real sockets, and whose a session is.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use quorate_broker::{Broker, BrokerConfig, StartError, UserFileError, user_line};
use quorate_model::retained::QoS;
use quorate_mqtt::codec::encode;
use quorate_mqtt::packet::{
    Connect, Disconnect, FilterRequest, Packet, Subscribe, SubscribeRequests, SubscriptionOptions,
};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;
use support::users::{ITERATIONS, UserFile};
use support::{TestBroker, VERSIONS, message};

const USERS: [(&str, &str); 2] = [("alice", "pencil"), ("bob", "rubber")];
/// A password takes the better part of a second.
const SLOW: u32 = 2_000_000;

fn connect<'a>(version: Version, id: &'a str, user: &'a str, password: &'a str) -> Connect<'a> {
    Connect {
        user_name: Some(user),
        password: Some(password.as_bytes()),
        ..Connect::new(version, id)
    }
}

fn lasting<'a>(id: &'a str, user: &'a str, password: &'a str) -> Connect<'a> {
    Connect {
        clean_start: false,
        session_expiry_s: Some(60),
        ..connect(Version::V5, id, user, password)
    }
}

fn refused(broker: &TestBroker, connect: &Connect<'_>, reason: ReasonCode) {
    let mut client = broker.socket(connect.version);
    client.send(&Packet::Connect(connect.clone()));
    client.expect_refusal(reason);
}

#[test]
fn a_password_lets_its_user_in() {
    let users = UserFile::new("passwords", &USERS);
    for allow_anonymous in [true, false] {
        let broker = TestBroker::guarded(users.config(allow_anonymous));
        for version in VERSIONS {
            let mut client = broker.connect(&connect(version, "id", "alice", "pencil"));
            client.expect_silence();
            for (user, password) in [
                ("alice", "Pencil"),
                ("alice", ""),
                ("Alice", "pencil"),
                ("bob", "pencil"),
                ("", "pencil"),
                ("nobody", "pencil"),
            ] {
                let wrong = connect(version, "other", user, password);
                refused(&broker, &wrong, ReasonCode::BadUserNameOrPassword);
            }
            let nameless = Connect::new(version, "nobody");
            match allow_anonymous {
                true => broker.connect(&nameless).expect_silence(),
                false => refused(&broker, &nameless, ReasonCode::NotAuthorized),
            }
            client.expect_silence();
        }
    }
}

#[test]
fn without_users_a_name_means_nothing() {
    let open = TestBroker::start();
    let closed = TestBroker::configured(|config| config.authentication.allow_anonymous = false);
    for version in VERSIONS {
        let named = connect(version, "id", "alice", "anything");
        open.connect(&named).expect_silence();
        refused(&closed, &named, ReasonCode::BadUserNameOrPassword);
        let nameless = Connect::new(version, "id");
        open.connect(&nameless).expect_silence();
        refused(&closed, &nameless, ReasonCode::NotAuthorized);
    }
}

/// In one piece with the CONNECT.
fn subscribe_and_publish(version: Version, bytes: &mut Vec<u8>) {
    let mut requests = Vec::new();
    let request = FilterRequest {
        filter: "a",
        options: SubscriptionOptions::of_qos(QoS::AtMostOnce),
    };
    SubscribeRequests::write([request], version, &mut requests);
    let subscribe = Packet::Subscribe(Subscribe {
        packet_id: quorate_mqtt::packet_id::PacketId::new(1).unwrap(),
        subscription_id: None,
        user_properties: Default::default(),
        requests: SubscribeRequests::of(&requests),
    });
    encode(version, &subscribe, bytes);
    let publish = Packet::Publish(message("a", QoS::AtMostOnce, b"1"));
    encode(version, &publish, bytes);
}

#[test]
fn what_follows_the_connect_waits_for_the_password() {
    let users = UserFile::slow("waits", &USERS, 100_000);
    let broker = TestBroker::guarded(users.config(false));
    for version in VERSIONS {
        let mut client = broker.socket(version);
        let mut bytes = Vec::new();
        let connect = connect(version, "id", "alice", "pencil");
        encode(version, &Packet::Connect(connect), &mut bytes);
        subscribe_and_publish(version, &mut bytes);
        client.send_bytes(&bytes);
        // More than is read at once, after the password has begun to be looked at.
        std::thread::sleep(Duration::from_millis(5));
        let large = vec![7; 200_000];
        client.send(&Packet::Publish(message("a", QoS::AtMostOnce, &large)));
        assert!(matches!(client.receive().packet(), Packet::ConnAck(_)));
        // The subscription takes effect before the cluster has agreed.
        let mut received = [(); 3].map(|()| client.receive());
        received.sort_by_key(|received| !matches!(received.packet(), Packet::SubAck(_)));
        assert!(matches!(received[0].packet(), Packet::SubAck(_)));
        assert_eq!(received[1].publish().payload, b"1");
        assert!(received[2].publish().payload == large);
        client.expect_silence();
    }
    // Nothing of it is heard of who is refused.
    let mut watcher = broker.connect(&connect(Version::V5, "watcher", "bob", "rubber"));
    watcher.subscribe_to("a", QoS::AtMostOnce);
    let mut client = broker.socket(Version::V5);
    let mut bytes = Vec::new();
    let connect = connect(Version::V5, "id", "alice", "wrong");
    encode(Version::V5, &Packet::Connect(connect), &mut bytes);
    subscribe_and_publish(Version::V5, &mut bytes);
    client.send_bytes(&bytes);
    client.expect_refusal(ReasonCode::BadUserNameOrPassword);
    watcher.expect_silence();
}

#[test]
fn a_session_is_its_users_alone() {
    let users = UserFile::new("takeover", &USERS);
    let broker = TestBroker::guarded(users.config(true));
    let mut owner = broker.connect(&lasting("id", "alice", "pencil"));
    let everybody_else = || {
        for version in VERSIONS {
            for clean_start in [true, false] {
                let mut bob = connect(version, "id", "bob", "rubber");
                bob.clean_start = clean_start;
                refused(&broker, &bob, ReasonCode::NotAuthorized);
                let mut nobody = Connect::new(version, "id");
                nobody.clean_start = clean_start;
                refused(&broker, &nobody, ReasonCode::NotAuthorized);
            }
        }
    };
    everybody_else();
    owner.expect_silence();
    let mut again = broker.connect(&lasting("id", "alice", "pencil"));
    owner.expect_end(ReasonCode::SessionTakenOver);
    again.send(&Packet::Disconnect(Disconnect::new(ReasonCode::Success)));
    again.expect_closed();
    // It waits for its user, and for nobody else.
    everybody_else();
    let mut again = broker.socket(Version::V5);
    let connack = again.connect(&lasting("id", "alice", "pencil"));
    assert_eq!(connack.body[0], 1, "the session is present");
    drop(again);
    // An id is free once its session is over.
    let mut clean = broker.connect(&connect(Version::V5, "id", "alice", "pencil"));
    clean.send(&Packet::Disconnect(Disconnect::new(ReasonCode::Success)));
    clean.expect_closed();
    let mut nobody = broker.connect(&Connect::new(Version::V5, "id"));
    let bob = connect(Version::V5, "id", "bob", "rubber");
    refused(&broker, &bob, ReasonCode::NotAuthorized);
    nobody.expect_silence();
}

#[test]
fn passwords_stall_nobody_and_too_many_are_turned_away() {
    let users = UserFile::slow("busy", &[("alice", "pencil")], SLOW);
    let broker = TestBroker::configured(|config| {
        config.authentication = users.config(true);
        // They wait in the order in which they came.
        config.threads = 1;
        config.listeners[0].first_packet_timeout = Duration::from_secs(60);
    });
    let mut bystander = broker.client(Version::V5, "bystander");
    let connect_in = |version| connect(version, "late", "alice", "pencil");
    // The queue takes 256, and the helper thread has one or two.
    let mut waiting = Vec::new();
    for number in 0..270 {
        let mut client = broker.socket(Version::V5);
        let id = format!("waits-{number}");
        client.send(&Packet::Connect(connect(
            Version::V5,
            &id,
            "alice",
            "pencil",
        )));
        waiting.push(client);
    }
    bystander.expect_silence();
    for version in VERSIONS {
        refused(&broker, &connect_in(version), ReasonCode::ServerBusy);
    }
    bystander.expect_silence();
    // Who was there in time is let in, however long it takes.
    assert_eq!(waiting[0].receive().body[1], 0);
}

#[test]
fn nobody_waits_for_a_password_for_ever() {
    let users = UserFile::slow("late", &[("alice", "pencil")], SLOW);
    let broker = TestBroker::configured(|config| {
        config.authentication = users.config(true);
        config.listeners[0].first_packet_timeout = Duration::from_millis(150);
    });
    for version in VERSIONS {
        let late = connect(version, "late", "alice", "pencil");
        refused(&broker, &late, ReasonCode::ServerBusy);
    }
}

#[test]
fn who_goes_before_the_answer_leaves_nothing_behind() {
    let users = UserFile::slow("gone", &USERS, 100_000);
    let broker = TestBroker::guarded(users.config(false));
    for _ in 0..3 {
        let mut gone = broker.socket(Version::V5);
        gone.send(&Packet::Connect(lasting("id", "alice", "pencil")));
    }
    let mut client = broker.connect(&connect(Version::V5, "other", "bob", "rubber"));
    client.expect_silence();
    // The broker ends while passwords wait.
    let mut last = broker.socket(Version::V5);
    last.send(&Packet::Connect(lasting("id", "alice", "pencil")));
}

#[test]
fn users_come_and_go_with_their_file() {
    let users = UserFile::new("reload", &USERS);
    let broker = TestBroker::guarded(users.config(false));
    let reload = || broker.broker().reload_users();
    let alice = connect(Version::V3_1_1, "alice", "alice", "pencil");
    let carol = connect(Version::V5, "carol", "carol", "brush");
    let mut client = broker.connect(&alice);
    refused(&broker, &carol, ReasonCode::BadUserNameOrPassword);
    users.write(&user_line("carol", "brush", ITERATIONS).unwrap());
    refused(&broker, &carol, ReasonCode::BadUserNameOrPassword);
    assert_eq!(reload().unwrap(), 1);
    broker.connect(&carol).expect_silence();
    refused(&broker, &alice, ReasonCode::BadUserNameOrPassword);
    client.expect_silence();
    for broken in ["", "carol:brush\n"] {
        users.write(broken);
        reload().unwrap_err();
        broker.connect(&carol).expect_silence();
        refused(&broker, &alice, ReasonCode::BadUserNameOrPassword);
    }
    assert_eq!(TestBroker::start().broker().reload_users().unwrap(), 0);
}

#[test]
fn a_broker_does_not_start_with_users_that_it_cannot_read() {
    let users = UserFile::new("broken", &USERS);
    users.write("# nothing\nalice:pencil\n");
    let config = BrokerConfig {
        authentication: users.config(true),
        ..TestBroker::config()
    };
    let started = Broker::start(config, Arc::new(support::LocalPlane::new()));
    let error = started.err().unwrap();
    let is_of_line_2 = matches!(
        &error,
        StartError::Users(UserFileError::Line { line: 2, .. })
    );
    assert!(is_of_line_2, "{error:?}");
    let told = error.to_string();
    assert!(
        told.contains("line 2: it has 2 fields") && !told.contains("pencil"),
        "{told}"
    );
}
