//! Topics of as many levels as their bytes allow. A text has 65,535 bytes at most, so
//! nobody can say more than 65,536 levels.

use quorate_model::retained::QoS;
use quorate_mqtt::packet::{
    Connect, FilterRequest, LastWill, Packet, Publish, Subscribe, SubscribeRequests,
    SubscriptionOptions,
};
use quorate_mqtt::version::Version;

use crate::besieged::{BASE_MB, Besieged};
use crate::client::{Client, id, message};

const VERSIONS: [Version; 2] = [Version::V3_1_1, Version::V5];
const TURNS: usize = 50;

fn topic() -> String {
    "/".repeat(65_535)
}

#[test]
fn of_a_message() {
    let mut besieged = Besieged::start(&[]);
    let topic = topic();
    for _ in 0..TURNS {
        for qos in [QoS::AtMostOnce, QoS::AtLeastOnce, QoS::ExactlyOnce] {
            for retain in [false, true] {
                let publish = Publish {
                    retain,
                    ..message(&topic, qos, b"x")
                };
                let mut old = Client::let_in(besieged.mqtt, Version::V3_1_1, "old");
                old.send(&Packet::Publish(publish.clone()));
                assert_eq!(old.expect_end(), None);
                let mut client = Client::let_in(besieged.mqtt, Version::V5, "client");
                client.send(&Packet::Publish(publish));
                if qos == QoS::AtMostOnce {
                    assert_eq!(client.expect_end(), Some(0x90));
                } else {
                    assert_eq!(client.expect().body[2], 0x90);
                }
            }
        }
    }
    besieged.assert_serves();
    besieged.assert_within("messages of 65,536 levels", BASE_MB);
}

#[test]
fn of_a_filter() {
    let mut besieged = Besieged::start(&[]);
    let plus = "+/".repeat(32_767);
    let filters = [
        topic(),
        format!("{plus}#"),
        plus,
        format!("$share/g/{}", "/".repeat(60_000)),
    ];
    for filter in (0..TURNS).flat_map(|_| &filters) {
        for version in VERSIONS {
            let mut client = Client::let_in(besieged.mqtt, version, "client");
            let mut bytes = Vec::new();
            let options = SubscriptionOptions::of_qos(QoS::AtLeastOnce);
            let requests = [filter, "good"].map(|filter| FilterRequest { filter, options });
            SubscribeRequests::write(requests, version, &mut bytes);
            client.send(&Packet::Subscribe(Subscribe {
                packet_id: id(1),
                subscription_id: None,
                user_properties: Default::default(),
                requests: SubscribeRequests::of(&bytes),
            }));
            let suback = client.expect();
            let refused = if version.is_5() { 0x8f } else { 0x80 };
            assert_eq!(
                (suback.first, suback.body.ends_with(&[refused, 1])),
                (0x90, true)
            );
        }
    }
    besieged.assert_serves();
    besieged.assert_within("filters of 65,536 levels", BASE_MB);
}

#[test]
fn of_a_will() {
    let mut besieged = Besieged::start(&[]);
    let topic = topic();
    for version in (0..TURNS).flat_map(|_| VERSIONS) {
        let connect = Connect {
            will: Some(LastWill {
                topic: &topic,
                payload: b"x",
                qos: QoS::AtLeastOnce,
                retain: true,
                delay_s: 0,
                properties: Default::default(),
            }),
            ..Connect::new(version, "client")
        };
        let mut client = Client::open(besieged.mqtt, version);
        client.send(&Packet::Connect(connect));
        // Version 3 has no word for it.
        let refused = version.is_5().then_some(0x90);
        assert_eq!(client.expect_end(), refused);
    }
    besieged.assert_serves();
    besieged.assert_within("wills of 65,536 levels", BASE_MB);
}
