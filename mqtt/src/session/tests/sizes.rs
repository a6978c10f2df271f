//! Messages that are too large for one client, and topic aliases towards it.

use quorate_model::retained::QoS;

use super::harness::{Client, id, parcel, v3, v5};
use crate::packet::{
    FilterRequest, FilterTexts, Packet, Subscribe, SubscribeRequests, SubscriptionOptions,
    Unsubscribe,
};
use crate::version::Version;

/// The size of a QoS 0 message of one character's topic without a payload.
const EMPTY: usize = 6;

fn with_maximum(bytes: usize) -> Client {
    v5().with(|connect| connect.maximum_packet_size = (bytes as u32).try_into().ok())
        .open()
}

fn with_aliases(aliases: u16) -> Client {
    v5().with(|connect| connect.topic_alias_maximum = aliases)
        .open()
}

#[test]
fn a_message_may_be_as_large_as_the_client_takes() {
    let mut client = with_maximum(EMPTY + 10);
    assert_eq!(client.deliver(&parcel("a", 0).payload(10)), "PUBLISH a q0");
    assert_eq!(client.wire.sizes, [EMPTY + 10]);
    let larger = parcel("a", 0).payload(11);
    assert_eq!(client.deliver(&larger), "dropped, TooLarge");
    let with_id = parcel("a", 1).payload(10);
    assert_eq!(client.deliver(&with_id), "dropped, TooLarge");
    assert_eq!(
        client.deliver(&parcel("a", 1).payload(8)),
        "PUBLISH a q1 #2"
    );
}

#[test]
fn all_that_goes_with_it_counts() {
    let mut client = with_maximum(EMPTY + 4);
    let with_id = parcel("a", 0).ids(&[5]).payload(3);
    assert_eq!(client.deliver(&with_id), "dropped, TooLarge");
    let with_expiry = parcel("a", 0).expires(client.in_s(9));
    assert_eq!(client.deliver(&with_expiry), "dropped, TooLarge");
    let with_id = parcel("a", 0).ids(&[5]).payload(2);
    assert_eq!(client.deliver(&with_id), "PUBLISH a q0 ids [5]");
    assert_eq!(client.wire.sizes, [EMPTY + 4]);
}

#[test]
fn what_is_too_large_takes_no_place_and_stops_nothing() {
    let mut client = v5()
        .with(|connect| {
            connect.maximum_packet_size = 20.try_into().ok();
            connect.receive_maximum = 1.try_into().ok();
        })
        .open();
    client.deliver(&parcel("a", 2).payload(100));
    assert_eq!(client.session().inflight_messages(), 0);
    client.deliver(&parcel("b", 1));
    client.deliver(&parcel("c", 1).payload(100));
    client.deliver(&parcel("d", 1));
    let sent = client.puback(2);
    assert!(sent.starts_with("PUBLISH d q1"), "{sent}");
}

#[test]
fn what_has_become_too_large_is_not_sent_again() {
    let mut client = v5().open();
    client.deliver(&parcel("a", 1).payload(100));
    client.deliver(&parcel("b", 1));
    client.close();
    let sent = client.reconnect_as(|connect| connect.maximum_packet_size = 50.try_into().ok());
    assert_eq!(sent, "PUBLISH b q1 #2 dup");
    assert_eq!(client.session().inflight_messages(), 1);
}

#[test]
fn the_first_topics_get_aliases() {
    let mut client = with_aliases(2);
    assert_eq!(
        client.deliver_all(&["a", "b", "c", "a", "b", "c"], 0),
        "PUBLISH a q0 alias 1; PUBLISH b q0 alias 2; PUBLISH c q0; \
         PUBLISH  q0 alias 1; PUBLISH  q0 alias 2; PUBLISH c q0"
    );
}

#[test]
fn aliases_serve_every_qos() {
    let mut client = with_aliases(1);
    assert_eq!(
        (0..3)
            .map(|qos| client.deliver(&parcel("a", qos)))
            .collect::<Vec<_>>()
            .join("; "),
        "PUBLISH a q0 alias 1; PUBLISH  q1 #1 alias 1; PUBLISH  q2 #2 alias 1"
    );
}

#[test]
fn no_more_aliases_than_the_broker_keeps() {
    let mut client = v5()
        .with(|connect| connect.topic_alias_maximum = 100)
        .limits(|limits| limits.topic_aliases_to_client = 1)
        .open();
    assert_eq!(
        client.deliver_all(&["a", "b"], 0),
        "PUBLISH a q0 alias 1; PUBLISH b q0"
    );
}

#[test]
fn aliases_end_with_their_connection() {
    let mut client = with_aliases(2);
    client.deliver_all(&["a", "b"], 1);
    client.close();
    assert_eq!(
        client.reconnect(),
        "PUBLISH a q1 #1 dup alias 1; PUBLISH b q1 #2 dup alias 2"
    );
    client.close();
    let sent = client.reconnect_as(|connect| connect.topic_alias_maximum = 0);
    assert_eq!(sent, "PUBLISH a q1 #1 dup; PUBLISH b q1 #2 dup");
}

#[test]
fn an_alias_that_does_not_fit_is_not_set() {
    let mut client = v5()
        .with(|connect| {
            connect.topic_alias_maximum = 2;
            connect.maximum_packet_size = (EMPTY as u32 + 4).try_into().ok();
        })
        .open();
    let large = parcel("a", 0).payload(4);
    assert_eq!(client.deliver(&large), "PUBLISH a q0");
    assert_eq!(client.deliver(&parcel("b", 0)), "PUBLISH b q0 alias 1");
    assert_eq!(client.deliver(&parcel("a", 0)), "PUBLISH a q0 alias 2");
    assert_eq!(client.deliver(&parcel("a", 0)), "PUBLISH  q0 alias 2");
    // With its alias this one would be larger than with its topic.
    assert_eq!(client.deliver(&large), "PUBLISH a q0");
}

#[test]
fn a_message_that_is_dropped_sets_no_alias() {
    let mut client = v5()
        .with(|connect| {
            connect.topic_alias_maximum = 2;
            connect.maximum_packet_size = 20.try_into().ok();
        })
        .open();
    client.deliver(&parcel("a", 0).payload(100));
    client.deliver(&parcel("b", 0).expires(client.now));
    assert_eq!(client.deliver(&parcel("c", 0)), "PUBLISH c q0 alias 1");
}

#[test]
fn there_are_no_more_aliases_than_numbers() {
    let mut aliases = crate::session::aliases::AliasesToClient::default();
    for number in 1..=u16::MAX {
        let (alias, is_known) = aliases.of(&number.to_string(), u16::MAX).unwrap();
        assert_eq!((alias.get(), is_known), (number, false));
    }
    assert_eq!(aliases.of("one more", u16::MAX), None);
}

#[test]
fn a_client_of_version_3_gets_the_message_alone() {
    let mut client = v3().open();
    let rich = parcel("a", 0).ids(&[1, 2]).expires(client.in_s(9));
    client.deliver(&rich);
    assert_eq!(client.wire.sizes, [5]);
}

fn subscribe(client: &mut Client, filters: usize) -> String {
    let request = FilterRequest {
        filter: "a",
        options: SubscriptionOptions::of_qos(QoS::AtMostOnce),
    };
    let mut bytes = Vec::new();
    SubscribeRequests::write(
        std::iter::repeat_n(request, filters),
        Version::V5,
        &mut bytes,
    );
    client.send(Packet::Subscribe(Subscribe {
        packet_id: id(1),
        subscription_id: None,
        user_properties: Default::default(),
        requests: SubscribeRequests { bytes: &bytes },
    }))
}

fn unsubscribe(client: &mut Client, filters: usize) -> String {
    let mut bytes = Vec::new();
    FilterTexts::write(std::iter::repeat_n("a", filters), &mut bytes);
    client.send(Packet::Unsubscribe(Unsubscribe {
        packet_id: id(1),
        user_properties: Default::default(),
        filters: FilterTexts { bytes: &bytes },
    }))
}

/// The length takes two bytes from 128 on.
#[test]
fn who_asks_for_more_than_fits_into_the_answer_is_sent_away() {
    const REFUSED: &str = "DISCONNECT (packet too large); close (packet too large)";
    for (maximum, most) in [(20, 15), (129, 124), (130, 124), (131, 125)] {
        for ask in [subscribe, unsubscribe] {
            let mut client = with_maximum(maximum);
            let taken = ask(&mut client, most);
            assert!(!taken.contains("close"), "{taken}");
            assert_eq!(ask(&mut client, most + 1), REFUSED);
        }
    }
    for mut client in [v3().open(), v5().open()] {
        let taken = subscribe(&mut client, 1_000);
        assert!(!taken.contains("close"), "{taken}");
    }
}
