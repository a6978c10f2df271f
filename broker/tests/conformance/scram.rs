//! Authentication in several steps, with the method that there is.

use std::num::NonZeroU32;

use quorate_mqtt::packet::{Auth, Connect, Diagnostics, Packet};
use quorate_mqtt::reason::ReasonCode;
use quorate_mqtt::version::Version;

use crate::support::scram_client::{METHOD, ScramClient};
use crate::support::users::UserFile;
use crate::support::{Client, Received, TestBroker};

conformance! {
    an_unknown_method_is_refused: v5 ["4.12.0-1"];
    a_step_of_the_broker_says_that_it_goes_on: v5 ["4.12.0-2"];
    a_step_of_the_client_says_that_it_goes_on: v5 ["4.12.0-3"];
    a_wrong_proof_is_refused_at_any_step: v5 ["4.12.0-4"];
    every_step_names_the_method: v5 ["4.12.0-5"];
    a_failed_renewal_ends_the_connection: v5 ["4.12.1-2"];
    an_auth_leaves_out_what_makes_it_too_large: v5 ["3.15.2-2", "3.15.2-3", "3.1.2-24"];
    who_takes_no_challenge_is_refused: v5 ["3.1.2-24"];
    who_takes_no_challenge_of_a_renewal_is_sent_away: v5 ["3.1.2-24"];
}

const NONCE: &str = "fyko+d2lbbFgONRv9qkx";

fn guarded(test: &str) -> (TestBroker, UserFile) {
    let users = UserFile::new(&format!("conformance-{test}"), &[("alice", "pencil")]);
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

/// Sends a CONNECT with the client's first step.
fn begin(broker: &TestBroker, scram: &ScramClient<'_>, size: Option<u32>) -> (Client, Received) {
    let mut client = ask(broker, scram, size);
    let received = client.receive();
    (client, received)
}

fn ask(broker: &TestBroker, scram: &ScramClient<'_>, size: Option<u32>) -> Client {
    let mut client = broker.socket(Version::V5);
    client.send(&Packet::Connect(Connect {
        auth_method: Some(METHOD),
        auth_data: Some(&scram.first()),
        maximum_packet_size: size.and_then(NonZeroU32::new),
        ..Connect::new(Version::V5, "client")
    }));
    client
}

/// The size of the challenge that it gets, without what could be left out.
fn least(broker: &TestBroker, scram: &ScramClient<'_>) -> u32 {
    let (_client, asked) = begin(broker, scram, Some(10_000));
    // The code, the length of the properties, the method and the data.
    let body = 1 + 1 + 3 + METHOD.len() + 3 + challenge(&asked).len();
    (2 + body + usize::from(body > 127)) as u32
}

fn challenge(received: &Received) -> Vec<u8> {
    match received.packet() {
        Packet::Auth(auth) => auth.data.unwrap().to_vec(),
        other => panic!("{other:?} instead of an AUTH"),
    }
}

fn let_in(broker: &TestBroker) -> Client {
    let mut scram = alice();
    let (mut client, asked) = begin(broker, &scram, None);
    let last = scram.last(&challenge(&asked));
    client.send(&auth(ReasonCode::ContinueAuthentication, METHOD, &last));
    let received = client.receive();
    assert_eq!((received.first, received.body[1]), (0x20, 0));
    client
}

fn an_unknown_method_is_refused() {
    let (broker, _users) = guarded("unknown");
    let open = TestBroker::start();
    for broker in [&broker, &open] {
        for method in ["PLAIN", "scram-sha-256", ""] {
            let mut client = broker.socket(Version::V5);
            client.send(&Packet::Connect(Connect {
                auth_method: Some(method),
                auth_data: Some(b"data"),
                ..Connect::new(Version::V5, "client")
            }));
            assert_eq!(client.expect_refused(), Some(0x8c), "{method}");
        }
    }
}

fn a_step_of_the_broker_says_that_it_goes_on() {
    let (broker, _users) = guarded("goes-on");
    let (_client, asked) = begin(&broker, &alice(), None);
    assert_eq!((asked.first, asked.body[0]), (0xf0, 0x18));
}

fn a_step_of_the_client_says_that_it_goes_on() {
    let (broker, _users) = guarded("client-goes-on");
    for reason in [ReasonCode::Success, ReasonCode::ReAuthenticate] {
        let mut scram = alice();
        let (mut client, asked) = begin(&broker, &scram, None);
        let last = scram.last(&challenge(&asked));
        client.send(&auth(reason, METHOD, &last));
        client.expect_refused();
    }
    // Nor anything else than a step.
    let (mut client, _) = begin(&broker, &alice(), None);
    client.send(&Packet::PingReq);
    client.expect_refused();
    let_in(&broker).leave();
}

fn a_wrong_proof_is_refused_at_any_step() {
    let (broker, _users) = guarded("wrong");
    let mut client = broker.socket(Version::V5);
    client.send(&Packet::Connect(Connect {
        auth_method: Some(METHOD),
        auth_data: Some(b"no first step"),
        ..Connect::new(Version::V5, "client")
    }));
    assert!(client.expect_refused().unwrap() >= 0x80);
    let mut scram = ScramClient::new("alice", "Pencil", NONCE);
    let (mut client, asked) = begin(&broker, &scram, None);
    let last = scram.last(&challenge(&asked));
    client.send(&auth(ReasonCode::ContinueAuthentication, METHOD, &last));
    assert!(client.expect_refused().unwrap() >= 0x80);
}

fn every_step_names_the_method() {
    let (broker, _users) = guarded("names");
    let mut scram = alice();
    let (mut client, asked) = begin(&broker, &scram, None);
    let Packet::Auth(step) = asked.packet() else {
        panic!("{asked:?} instead of an AUTH");
    };
    assert_eq!(step.method, Some(METHOD));
    let last = scram.last(&challenge(&asked));
    client.send(&auth(ReasonCode::ContinueAuthentication, METHOD, &last));
    let received = client.receive();
    let Packet::ConnAck(connack) = received.packet() else {
        panic!("{received:?} instead of a CONNACK");
    };
    assert_eq!(connack.reason, ReasonCode::Success);
    assert_eq!(connack.offer.auth_method, Some(METHOD));
    // A renewal as well, to its end.
    let mut scram = alice();
    client.send(&auth(ReasonCode::ReAuthenticate, METHOD, &scram.first()));
    let asked = client.receive();
    let last = scram.last(&challenge(&asked));
    client.send(&auth(ReasonCode::ContinueAuthentication, METHOD, &last));
    for (received, code) in [(asked, 0x18), (client.receive(), 0x00)] {
        let Packet::Auth(step) = received.packet() else {
            panic!("{received:?} instead of an AUTH");
        };
        assert_eq!((step.reason.byte(), step.method), (code, Some(METHOD)));
    }
    client.expect_silence();
    // A client that changes the method on its way is refused.
    let mut scram = alice();
    let (mut client, asked) = begin(&broker, &scram, None);
    let last = scram.last(&challenge(&asked));
    client.send(&auth(
        ReasonCode::ContinueAuthentication,
        "SCRAM-SHA-1",
        &last,
    ));
    client.expect_refused();
    let mut client = let_in(&broker);
    client.send(&auth(
        ReasonCode::ReAuthenticate,
        "SCRAM-SHA-1",
        b"n,,n=alice,r=x",
    ));
    client.expect_end(ReasonCode::ProtocolError);
}

fn a_failed_renewal_ends_the_connection() {
    let (broker, _users) = guarded("renewal");
    let mut client = let_in(&broker);
    let mut scram = ScramClient::new("alice", "Pencil", NONCE);
    client.send(&auth(ReasonCode::ReAuthenticate, METHOD, &scram.first()));
    let asked = client.receive();
    let last = scram.last(&challenge(&asked));
    client.send(&auth(ReasonCode::ContinueAuthentication, METHOD, &last));
    let received = client.receive();
    let Packet::Disconnect(disconnect) = received.packet() else {
        panic!("{received:?} instead of a DISCONNECT");
    };
    assert!(disconnect.reason.is_error());
    client.expect_closed();
}

fn an_auth_leaves_out_what_makes_it_too_large() {
    let (broker, _users) = guarded("large");
    let least = least(&broker, &alice());
    let (_client, narrow) = begin(&broker, &alice(), Some(least));
    assert!(narrow.body.len() as u32 + 2 <= least);
    challenge(&narrow);
}

fn who_takes_no_challenge_is_refused() {
    let (broker, _users) = guarded("narrow");
    let least = least(&broker, &alice());
    let mut client = ask(&broker, &alice(), Some(least - 1));
    assert_eq!(client.expect_refused(), Some(0x83));
}

/// It got a shorter one when it came.
fn who_takes_no_challenge_of_a_renewal_is_sent_away() {
    let (broker, _users) = guarded("narrow-renewal");
    let mut scram = alice();
    let least = least(&broker, &scram);
    let (mut client, asked) = begin(&broker, &scram, Some(least));
    let last = scram.last(&challenge(&asked));
    client.send(&auth(ReasonCode::ContinueAuthentication, METHOD, &last));
    assert_eq!(client.receive().first, 0x20);
    let longer = format!("{NONCE}{NONCE}");
    let scram = ScramClient::new("alice", "pencil", &longer);
    client.send(&auth(ReasonCode::ReAuthenticate, METHOD, &scram.first()));
    client.expect_end(ReasonCode::PacketTooLarge);
}
