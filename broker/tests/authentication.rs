//! Enhanced authentication over real sockets: SCRAM-SHA-256 of MQTT 5.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::time::Duration;

use quorate_broker::{AuthenticationConfig, ControlPlane};
use quorate_model::retained::QoS;
use quorate_mqtt::codec::encode;
use quorate_mqtt::packet::{Auth, Connect, Diagnostics, Disconnect, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;
use support::scram_client::{METHOD, ScramClient};
use support::users::UserFile;
use support::{Client, TestBroker, message};

const USERS: [(&str, &str); 2] = [("alice", "pencil"), ("bob", "rubber")];
const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";

fn guarded(test: &str) -> (TestBroker, UserFile) {
    let users = UserFile::new(test, &USERS);
    (TestBroker::guarded(users.config(false)), users)
}

fn alice() -> ScramClient<'static> {
    ScramClient::new("alice", "pencil", NONCE)
}

fn auth<'a>(reason: ReasonCode, method: &'a str, data: &'a [u8]) -> Packet<'a> {
    Packet::Auth(Auth {
        reason,
        method: Some(method),
        data: Some(data),
        diagnostics: Diagnostics::default(),
    })
}

fn connect<'a>(id: &'a str, method: &'a str, data: &'a [u8]) -> Packet<'a> {
    Packet::Connect(Connect {
        auth_method: Some(method),
        auth_data: Some(data),
        ..Connect::new(Version::V5, id)
    })
}

/// What the broker wants to be answered.
fn challenge(client: &mut Client) -> Vec<u8> {
    let received = client.receive();
    match received.packet() {
        Packet::Auth(auth) => {
            assert_eq!(auth.reason, ReasonCode::ContinueAuthentication);
            assert_eq!(auth.method, Some(METHOD));
            auth.data.unwrap().to_vec()
        }
        other => panic!("{other:?} instead of an AUTH"),
    }
}

/// Sends the CONNECT, and returns the client with what it was asked.
fn begin(broker: &TestBroker, id: &str, scram: &ScramClient<'_>) -> (Client, Vec<u8>) {
    let mut client = broker.socket(Version::V5);
    client.send(&connect(id, METHOD, &scram.first()));
    let asked = challenge(&mut client);
    (client, asked)
}

fn answer(client: &mut Client, scram: &mut ScramClient<'_>, asked: &[u8]) {
    let last = scram.last(asked);
    client.send(&auth(ReasonCode::ContinueAuthentication, METHOD, &last));
}

/// Goes all the way.
fn let_in(broker: &TestBroker, id: &str, mut scram: ScramClient<'_>) -> Client {
    let (mut client, asked) = begin(broker, id, &scram);
    answer(&mut client, &mut scram, &asked);
    let received = client.receive();
    let Packet::ConnAck(connack) = received.packet() else {
        panic!("{:?} instead of a CONNACK", received.packet());
    };
    assert_eq!(connack.reason, ReasonCode::Success);
    assert_eq!(connack.offer.auth_method, Some(METHOD));
    assert!(scram.believes(connack.offer.auth_data.unwrap()));
    client
}

fn renew(client: &mut Client, scram: &ScramClient<'_>) {
    client.send(&auth(ReasonCode::ReAuthenticate, METHOD, &scram.first()));
}

#[test]
fn who_knows_the_password_is_let_in() {
    let (broker, _users) = guarded("let_in");
    for header in ["n,,", "y,,"] {
        let mut scram = alice();
        scram.gs2_header = header;
        let mut client = let_in(&broker, "id", scram);
        client.subscribe_to("a", QoS::AtLeastOnce);
        client.send(&Packet::Publish(message("a", QoS::AtMostOnce, b"1")));
        assert_eq!(client.receive().publish().payload, b"1");
    }
}

#[test]
fn who_does_not_is_refused_and_learns_nothing() {
    let (broker, _users) = guarded("refused");
    let mut refusals = Vec::new();
    for (user, password) in [("alice", "Pencil"), ("nobody", "pencil"), ("bob", "pencil")] {
        let mut scram = ScramClient::new(user, password, NONCE);
        let (mut client, asked) = begin(&broker, "id", &scram);
        answer(&mut client, &mut scram, &asked);
        let received = client.receive();
        match received.packet() {
            Packet::ConnAck(connack) => assert_eq!(connack.reason, ReasonCode::NotAuthorized),
            other => panic!("{other:?} instead of a CONNACK"),
        }
        client.expect_closed();
        refusals.push(received.body);
    }
    assert!(refusals.iter().all(|refusal| *refusal == refusals[0]));
}

/// A proof is of one challenge, and no two are the same.
#[test]
fn no_challenge_comes_twice() {
    let (broker, _users) = guarded("fresh");
    let (_first, asked) = begin(&broker, "id", &alice());
    let (mut other, asked_other) = begin(&broker, "id", &alice());
    assert_ne!(asked, asked_other);
    answer(&mut other, &mut alice(), &asked);
    other.expect_refusal(ReasonCode::NotAuthorized);
}

#[test]
fn what_a_client_may_begin_with() {
    let (broker, _users) = guarded("begin");
    let first = alice().first();
    for (method, data, reason) in [
        ("PLAIN", &first[..], ReasonCode::BadAuthenticationMethod),
        ("scram-sha-256", &first, ReasonCode::BadAuthenticationMethod),
        ("", &first, ReasonCode::BadAuthenticationMethod),
        (METHOD, b"", ReasonCode::NotAuthorized),
        (METHOD, b"\xff\0", ReasonCode::NotAuthorized),
        (METHOD, &[b'n'; 60_000], ReasonCode::NotAuthorized),
    ] {
        let mut client = broker.socket(Version::V5);
        client.send(&connect("id", method, data));
        client.expect_refusal(reason);
    }
    let mut client = broker.socket(Version::V5);
    client.send(&Packet::Connect(Connect {
        auth_method: Some(METHOD),
        ..Connect::new(Version::V5, "id")
    }));
    client.expect_refusal(ReasonCode::NotAuthorized);
    let open = TestBroker::guarded(AuthenticationConfig::default());
    let mut client = open.socket(Version::V5);
    client.send(&connect("id", METHOD, &first));
    client.expect_refusal(ReasonCode::BadAuthenticationMethod);
}

#[test]
fn what_must_not_come_before_the_connack() {
    let (broker, _users) = guarded("before_connack");
    let first = alice().first();
    let packets = [
        connect("id", METHOD, &first),
        Packet::Connect(Connect::new(Version::V5, "id")),
        Packet::Publish(message("a", QoS::AtMostOnce, b"1")),
        Packet::PingReq,
        auth(ReasonCode::ReAuthenticate, METHOD, &first),
        auth(ReasonCode::Success, METHOD, &first),
        auth(ReasonCode::ContinueAuthentication, "PLAIN", &first),
    ];
    for packet in packets {
        let (mut client, _) = begin(&broker, "id", &alice());
        client.send(&packet);
        client.expect_refusal(ReasonCode::ProtocolError);
        // As well if it does not wait to be asked.
        let mut client = broker.socket(Version::V5);
        let mut bytes = Vec::new();
        encode(Version::V5, &connect("id", METHOD, &first), &mut bytes);
        encode(Version::V5, &packet, &mut bytes);
        client.send_bytes(&bytes);
        challenge(&mut client);
        client.expect_refusal(ReasonCode::ProtocolError);
    }
    for (bytes, reason) in [
        (&[0xf1, 0x00][..], ReasonCode::MalformedPacket),
        (&[0xf0, 0x01, 0x18], ReasonCode::MalformedPacket),
        (&[0xf0, 0x02, 0x18, 0x00], ReasonCode::ProtocolError),
        (
            &[0x30, 0x04, 0x00, 0x01, b'#', 0x00],
            ReasonCode::MalformedPacket,
        ),
        (&[0xf0, 0xff, 0xff, 0xff, 0x7f], ReasonCode::PacketTooLarge),
    ] {
        let (mut client, _) = begin(&broker, "id", &alice());
        client.send_bytes(bytes);
        client.expect_refusal(reason);
    }
    let (mut client, _) = begin(&broker, "id", &alice());
    client.send(&Packet::Disconnect(Disconnect::new(ReasonCode::Success)));
    client.expect_closed();
}

#[test]
fn who_does_not_answer_is_not_waited_for() {
    let users = UserFile::new("silent", &USERS);
    let broker = TestBroker::configured(|config| {
        config.authentication = users.config(false);
        config.listeners[0].first_packet_timeout = Duration::from_millis(300);
    });
    let (mut client, _) = begin(&broker, "id", &alice());
    client.expect_closed();
}

#[test]
fn an_auth_that_nobody_asked_for() {
    let users = UserFile::new("unasked", &USERS);
    let broker = TestBroker::guarded(users.config(true));
    let first = alice().first();
    let begins = auth(ReasonCode::ReAuthenticate, METHOD, &first);
    let goes_on = auth(ReasonCode::ContinueAuthentication, METHOD, &first);
    for packet in [&begins, &goes_on] {
        let mut client = broker.client(Version::V5, "without a method");
        client.send(packet);
        client.expect_end(ReasonCode::ProtocolError);
        let mut client = broker.socket(Version::V5);
        client.send(packet);
        client.expect_closed();
    }
    let others = [
        goes_on,
        auth(ReasonCode::Success, METHOD, &first),
        auth(ReasonCode::ReAuthenticate, "PLAIN", &first),
    ];
    for packet in &others {
        let mut client = let_in(&broker, "alice", alice());
        client.send(packet);
        client.expect_end(ReasonCode::ProtocolError);
    }
    let mut client = let_in(&broker, "alice", alice());
    renew(&mut client, &alice());
    challenge(&mut client);
    renew(&mut client, &alice());
    client.expect_end(ReasonCode::ProtocolError);
    let mut client = let_in(&broker, "alice", alice());
    renew(&mut client, &alice());
    challenge(&mut client);
    client.send(&auth(ReasonCode::ContinueAuthentication, "PLAIN", &first));
    client.expect_end(ReasonCode::ProtocolError);
    let mut client = broker.client(Version::V3_1_1, "old");
    client.send_bytes(&[0xf0, 0x00]);
    client.expect_closed();
}

#[test]
fn traffic_goes_on_while_a_client_shows_again_who_it_is() {
    let (broker, _users) = guarded("renewed");
    let mut client = let_in(&broker, "alice", alice());
    client.subscribe_to("a", QoS::AtLeastOnce);
    let mut other = let_in(&broker, "bob", ScramClient::new("bob", "rubber", NONCE));
    for _ in 0..3 {
        let mut scram = alice();
        renew(&mut client, &scram);
        let asked = challenge(&mut client);
        other.publish(&message("a", QoS::AtLeastOnce, b"1"));
        let received = client.receive();
        client.acknowledge(&received.publish());
        client.send(&Packet::Publish(message("a", QoS::AtMostOnce, b"2")));
        assert_eq!(client.receive().publish().payload, b"2");
        answer(&mut client, &mut scram, &asked);
        let received = client.receive();
        let Packet::Auth(end) = received.packet() else {
            panic!("{:?} instead of an AUTH", received.packet());
        };
        assert_eq!(
            (end.reason, end.method),
            (ReasonCode::Success, Some(METHOD))
        );
        assert!(scram.believes(end.data.unwrap()));
        client.expect_silence();
    }
}

#[test]
fn who_fails_to_is_sent_away() {
    let (broker, users) = guarded("failed");
    let mut client = let_in(&broker, "alice", alice());
    renew(
        &mut client,
        &ScramClient::new("alice,", "pencil", "bad nonce"),
    );
    client.expect_end(ReasonCode::NotAuthorized);
    for (user, password) in [("alice", "Pencil"), ("bob", "rubber"), ("nobody", "pencil")] {
        let mut client = let_in(&broker, "alice", alice());
        let mut scram = ScramClient::new(user, password, NONCE);
        renew(&mut client, &scram);
        let asked = challenge(&mut client);
        answer(&mut client, &mut scram, &asked);
        client.expect_end(ReasonCode::NotAuthorized);
    }
    // Whoever is no user any more stays until he is asked.
    let mut client = let_in(&broker, "alice", alice());
    users.write(&quorate_broker::user_line("bob", "rubber", 4096).unwrap());
    assert_eq!(broker.broker().reload_users().unwrap(), 1);
    client.expect_silence();
    let mut scram = alice();
    renew(&mut client, &scram);
    let asked = challenge(&mut client);
    answer(&mut client, &mut scram, &asked);
    client.expect_end(ReasonCode::NotAuthorized);
}

/// What one connection began, the next one cannot end.
#[test]
fn an_authentication_ends_with_its_connection() {
    let (broker, _users) = guarded("left");
    let mut scram = alice();
    let first = scram.first();
    let connect = Connect {
        session_expiry_s: Some(60),
        clean_start: false,
        auth_method: Some(METHOD),
        auth_data: Some(&first),
        ..Connect::new(Version::V5, "alice")
    };
    let mut asked = Vec::new();
    for _ in 0..2 {
        let mut client = broker.socket(Version::V5);
        client.send(&Packet::Connect(connect.clone()));
        let of_connect = challenge(&mut client);
        answer(&mut client, &mut scram, &of_connect);
        client.receive();
        if !asked.is_empty() {
            answer(&mut client, &mut scram, &asked);
            return client.expect_end(ReasonCode::ProtocolError);
        }
        renew(&mut client, &alice());
        asked = challenge(&mut client);
    }
}

/// Both ask for the same free id in the same turn: whoever loses the claim must not take
/// over from who has won it.
#[test]
fn of_two_users_at_once_one_gets_the_id() {
    let users = UserFile::new("race", &USERS);
    let broker = TestBroker::guarded(users.config(true));
    let mut bystander = broker.client(Version::V5, "bystander");
    for id in ["1", "2", "3", "4"] {
        let mut scram = alice();
        let (mut named, asked) = begin(&broker, id, &scram);
        let mut nameless = broker.socket(Version::V5);
        let connect = Packet::Connect(Connect::new(Version::V5, id));
        // The reactor stands still at its next proposal for as long as that is looked at.
        broker.plane.view(&mut |_| {
            bystander.send_bytes(&[0x82, 0x07, 0, 1, 0, 0, 1, id.as_bytes()[0], 0]);
            std::thread::sleep(Duration::from_millis(50));
            answer(&mut named, &mut scram, &asked);
            nameless.send(&connect);
            std::thread::sleep(Duration::from_millis(50));
        });
        let mut codes = [&mut named, &mut nameless].map(|client| client.receive().body[1]);
        codes.sort_unstable();
        assert_eq!(codes, [0, ReasonCode::NotAuthorized.byte()]);
        bystander.receive();
    }
}
