//! What MQTT 3.1.1 and 5.0 have in common.

use bytes::Bytes;

use super::client::{Asked, Way, Will};

fn payloads() -> [Bytes; 4] {
    let every_byte: Vec<u8> = (0..=255).collect();
    [
        Bytes::new(),
        Bytes::from_static(b"x"),
        every_byte.into(),
        b"0123456789".repeat(90_000).into(),
    ]
}

pub(super) fn lasting() -> Asked {
    Asked {
        expiry_s: Some(600),
        ..Asked::default()
    }
}

pub(super) async fn round_trip(way: &Way, name: &str, qos: u8) {
    let mut subscriber = way.connect(&format!("{name}-subscriber")).await;
    let mut lower = way.connect(&format!("{name}-lower")).await;
    let mut publisher = way.connect(&format!("{name}-publisher")).await;
    let (topic, filter) = (format!("{name}/a"), format!("{name}/+"));
    assert_eq!(subscriber.subscribe(&filter, qos).await, qos);
    assert_eq!(lower.subscribe(&filter, 0).await, 0);
    for payload in payloads() {
        let published = publisher.publish_with(&topic, qos, false, payload, None);
        assert_eq!(published.await, 0);
    }
    for (receiver, granted) in [(&mut subscriber, qos), (&mut lower, 0)] {
        for payload in payloads() {
            let message = receiver.receive().await;
            assert_eq!((&message.topic, message.qos), (&topic, granted));
            assert_eq!((message.retain, message.duplicate), (false, false));
            let bytes = message.payload.len();
            assert!(message.payload == payload, "{bytes} bytes");
        }
    }
    for client in [subscriber, lower, publisher] {
        client.disconnect().await;
    }
}

pub(super) async fn burst(way: &Way, name: &str) {
    let mut subscriber = way.connect(&format!("{name}-subscriber")).await;
    let mut publisher = way.connect(&format!("{name}-publisher")).await;
    let sent: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    for qos in [0, 1, 2] {
        let topic = format!("{name}/{qos}");
        subscriber.subscribe(&topic, qos).await;
        publisher.publish_all(&topic, &sent, qos).await;
        for payload in &sent {
            let message = subscriber.receive().await;
            assert_eq!(message.payload, payload);
            assert_eq!((&message.topic, message.qos), (&topic, qos));
        }
    }
    publisher.publish(&format!("{name}/2"), "end").await;
    assert!(subscriber.receive_until("end").await.is_empty());
    for client in [subscriber, publisher] {
        client.disconnect().await;
    }
}

pub(super) async fn retained(way: &Way, name: &str) {
    let mut publisher = way.connect(&format!("{name}-publisher")).await;
    let mut witness = way.connect(&format!("{name}-witness")).await;
    let (topic, filter) = (format!("{name}/a"), format!("{name}/+"));
    witness.subscribe(&filter, 1).await;
    for payload in ["old", "kept"] {
        publisher.retain(&topic, payload).await;
        let seen = witness.receive().await;
        assert_eq!((seen.payload, seen.retain), (payload.into(), false));
    }
    let mut late = way.connect(&format!("{name}-late")).await;
    late.subscribe(&filter, 1).await;
    let kept = late.receive().await;
    assert_eq!((&kept.topic, kept.payload), (&topic, "kept".into()));
    assert_eq!((kept.qos, kept.retain), (1, true));
    publisher.retain(&topic, "").await;
    for client in [&mut witness, &mut late] {
        assert_eq!(client.receive().await.payload, "");
    }
    let mut later = way.connect(&format!("{name}-later")).await;
    later.subscribe(&filter, 1).await;
    publisher.publish(&topic, "end").await;
    assert!(later.receive_until("end").await.is_empty());
    for client in [publisher, witness, late, later] {
        client.disconnect().await;
    }
}

fn mortal(name: &str, retain: bool) -> Asked {
    Asked {
        will: Some(Will {
            topic: format!("{name}/will"),
            retain,
            properties: None,
        }),
        ..Asked::default()
    }
}

pub(super) async fn will(way: &Way, name: &str) {
    let topic = format!("{name}/will");
    let mut witness = way.connect(&format!("{name}-witness")).await;
    witness.subscribe(&topic, 1).await;
    let id = format!("{name}-mortal");
    way.connect_with(&id, mortal(name, true)).await.kill().await;
    let came = witness.receive().await;
    assert_eq!(came.payload, Will::PAYLOAD);
    assert_eq!((came.qos, came.retain), (1, false));
    let mut late = way.connect(&format!("{name}-late")).await;
    late.subscribe(&topic, 1).await;
    assert!(late.receive().await.retain);
    late.retain(&topic, "").await;
    for client in [witness, late] {
        client.disconnect().await;
    }
}

pub(super) async fn no_will_after_disconnect(way: &Way, name: &str) {
    let mut witness = way.connect(&format!("{name}-witness")).await;
    witness.subscribe(&format!("{name}/#"), 1).await;
    let id = format!("{name}-mortal");
    let first = way.connect_with(&id, mortal(name, false)).await;
    first.disconnect().await;
    // The broker answers this one when it is through with the one before.
    let mut second = way.connect(&id).await;
    second.publish(&format!("{name}/end"), "end").await;
    assert!(witness.receive_until("end").await.is_empty());
    for client in [witness, second] {
        client.disconnect().await;
    }
}

pub(super) async fn session_resume(way: &Way, name: &str) {
    let id = format!("{name}-lasting");
    let topic = |qos: u8| format!("{name}/{qos}");
    let mut publisher = way.connect(&format!("{name}-publisher")).await;
    let mut client = way.connect_with(&id, lasting()).await;
    assert!(!client.session_present);
    for qos in [1, 2] {
        assert_eq!(client.subscribe(&topic(qos), qos).await, qos);
    }
    for is_killed in [false, true] {
        if is_killed {
            client.kill().await;
        } else {
            client.disconnect().await;
        }
        let sent = ["one", "two", "three"];
        for payload in sent {
            for qos in [1, 2] {
                let topic = topic(qos);
                let published = publisher.publish_with(&topic, qos, false, payload.into(), None);
                assert_eq!(published.await, 0);
            }
        }
        client = way.connect_with(&id, lasting()).await;
        assert!(client.session_present);
        let mut came = Vec::new();
        while came.len() < 2 * sent.len() {
            came.push(client.receive().await);
        }
        // Without its memory, rumqttc fails at the PUBREL of a message that it had half.
        // This comes after those.
        client.publish(&format!("{name}/settled"), "").await;
        for qos in [1, 2] {
            let of_qos = came.iter().filter(|one| one.topic == topic(qos));
            let (payloads, given): (Vec<_>, Vec<_>) =
                of_qos.map(|one| (&one.payload[..], one.qos)).unzip();
            assert_eq!(payloads, sent.map(str::as_bytes));
            assert_eq!(given, [qos; 3]);
        }
    }
    client.disconnect().await;
    let mut anew = way.connect(&id).await;
    assert!(!anew.session_present);
    publisher.publish(&topic(1), "to nobody").await;
    anew.subscribe(&format!("{name}/end"), 1).await;
    publisher.publish(&format!("{name}/end"), "end").await;
    assert!(anew.receive_until("end").await.is_empty());
    for client in [publisher, anew] {
        client.disconnect().await;
    }
}

pub(super) async fn shared_subscription(way: &Way, name: &str) {
    let (topic, end) = (format!("{name}/t"), format!("{name}/end"));
    let mut publisher = way.connect(&format!("{name}-publisher")).await;
    let mut first = way.connect(&format!("{name}-1")).await;
    let mut second = way.connect(&format!("{name}-2")).await;
    for member in [&mut first, &mut second] {
        let filter = format!("$share/{name}/{topic}");
        assert_eq!(member.subscribe(&filter, 1).await, 1);
        member.subscribe(&end, 1).await;
    }
    let sent: Vec<String> = (10..30).map(|number| number.to_string()).collect();
    for payload in &sent {
        publisher.publish(&topic, payload).await;
    }
    publisher.publish(&end, "end").await;
    let came = [
        first.receive_until("end").await,
        second.receive_until("end").await,
    ];
    assert!(!came.iter().any(Vec::is_empty), "one had nothing: {came:?}");
    let mut all = came.concat();
    all.sort();
    assert_eq!(all, sent);
    // The one that stays has all of it.
    first.disconnect().await;
    way.connect(&format!("{name}-1")).await.disconnect().await;
    for payload in &sent {
        publisher.publish(&topic, payload).await;
    }
    publisher.publish(&end, "end").await;
    assert_eq!(second.receive_until("end").await, sent);
    for client in [second, publisher] {
        client.disconnect().await;
    }
}

pub(super) async fn take_over(way: &Way, name: &str) {
    let topic = format!("{name}/a");
    let first = way.connect(name).await;
    let mut second = way.connect(name).await;
    first.ended().await;
    second.subscribe(&topic, 1).await;
    second.publish(&topic, "here").await;
    assert_eq!(second.receive().await.payload, "here");
    second.disconnect().await;
}
