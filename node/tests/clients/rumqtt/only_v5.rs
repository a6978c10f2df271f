//! What only MQTT 5.0 has.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5::{
    Filter, LastWillProperties, PublishProperties, RetainForwardRule,
};

use super::both_versions::lasting;
use super::client::{Asked, Client, Way, Will};
use super::v5::{NO_MATCHING_SUBSCRIBERS, NO_SUBSCRIPTION_EXISTED, qos};

async fn publish(client: &mut Client, topic: &str, payload: &str, properties: PublishProperties) {
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    let published = client.publish_with(topic, 1, false, payload, Some(properties));
    published.await;
}

pub(super) async fn message_properties(way: &Way, name: &str) {
    let (question, answer) = (format!("{name}/question"), format!("{name}/answer"));
    let mut answering = way.connect(&format!("{name}-answering")).await;
    answering.subscribe(&question, 1).await;
    let mut asking = way.connect(&format!("{name}-asking")).await;
    asking.subscribe(&answer, 1).await;
    let every_byte: Vec<u8> = (0..=255).collect();
    let pairs = [("a", "1"), ("b", ""), ("a", "2"), ("ключ", "значение")];
    let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let given = PublishProperties {
        payload_format_indicator: Some(1),
        response_topic: Some(answer.clone()),
        correlation_data: Some(every_byte.clone().into()),
        user_properties: pairs.to_vec(),
        content_type: Some("text/plain".to_owned()),
        ..PublishProperties::default()
    };
    publish(&mut asking, &question, "wie spät?", given.clone()).await;
    let came = answering.receive().await;
    assert_eq!(came.properties, given);
    let correlated = PublishProperties {
        correlation_data: came.properties.correlation_data,
        ..PublishProperties::default()
    };
    let to = came.properties.response_topic.unwrap();
    publish(&mut answering, &to, "12", correlated.clone()).await;
    let came = asking.receive().await;
    assert_eq!((came.topic, came.payload), (answer, "12".into()));
    assert_eq!(came.properties, correlated);
    for client in [answering, asking] {
        client.disconnect().await;
    }
}

pub(super) async fn message_expiry(way: &Way, name: &str) {
    let (topic, filter) = (format!("{name}/a"), format!("{name}/#"));
    let expiring = |expiry_s| PublishProperties {
        message_expiry_interval: Some(expiry_s),
        ..PublishProperties::default()
    };
    let mut publisher = way.connect(&format!("{name}-publisher")).await;
    let id = format!("{name}-away");
    let mut away = way.connect_with(&id, lasting()).await;
    away.subscribe(&filter, 1).await;
    away.disconnect().await;
    publish(&mut publisher, &topic, "brief", expiring(1)).await;
    publish(&mut publisher, &topic, "long", expiring(500)).await;
    let retained = format!("{name}/r");
    let retained = publisher.publish_with(&retained, 1, true, "brief".into(), Some(expiring(1)));
    retained.await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let mut back = way.connect_with(&id, lasting()).await;
    let message = back.receive().await;
    assert_eq!(message.payload, "long");
    let left = message.properties.message_expiry_interval.unwrap();
    assert!((1..=498).contains(&left), "{left}");
    let mut late = way.connect(&format!("{name}-late")).await;
    late.subscribe(&filter, 1).await;
    publisher.publish(&topic, "end").await;
    for client in [&mut back, &mut late] {
        assert!(client.receive_until("end").await.is_empty());
    }
    for client in [publisher, back, late] {
        client.disconnect().await;
    }
}

pub(super) async fn subscription_identifiers(way: &Way, name: &str) {
    const LARGEST: usize = 268_435_455;
    let mut client = way.connect(name).await;
    let (a, b) = (format!("{name}/a"), format!("{name}/b"));
    let all = Filter::new(format!("{name}/#"), qos(0));
    client.subscribe_with(all, Some(7)).await;
    let one = Filter::new(a.as_str(), qos(1));
    client.subscribe_with(one, Some(LARGEST)).await;
    client.publish(&a, "x").await;
    let both = client.receive().await;
    let identifiers = BTreeSet::from_iter(both.properties.subscription_identifiers);
    assert_eq!(identifiers, BTreeSet::from([7, LARGEST]));
    assert_eq!(both.qos, 1);
    client.publish(&b, "x").await;
    let one = client.receive().await;
    assert_eq!(one.properties.subscription_identifiers, [7]);
    client.disconnect().await;
}

pub(super) async fn no_local(way: &Way, name: &str) {
    let topic = format!("{name}/a");
    let mut client = way.connect(name).await;
    let mut other = way.connect(&format!("{name}-other")).await;
    let mut filter = Filter::new(topic.as_str(), qos(1));
    filter.nolocal = true;
    assert_eq!(client.subscribe_with(filter, None).await, 1);
    client.publish(&topic, "own").await;
    other.publish(&topic, "other's").await;
    assert_eq!(client.receive().await.payload, "other's");
    for client in [client, other] {
        client.disconnect().await;
    }
}

pub(super) async fn retain_handling(way: &Way, name: &str) {
    use RetainForwardRule::{Never, OnEverySubscribe, OnNewSubscribe};
    let wildcard = format!("{name}/+");
    let mut client = way.connect(name).await;
    client.retain(&format!("{name}/a"), "kept").await;
    let steps: [(_, &[&str]); 5] = [
        (Never, &[]),
        (OnNewSubscribe, &[]),
        (OnEverySubscribe, &["kept"]),
        (OnEverySubscribe, &["kept"]),
        (OnNewSubscribe, &["kept"]),
    ];
    for (at, (rule, expected)) in steps.into_iter().enumerate() {
        if at == 4 {
            // From here on the subscription is new again.
            assert_eq!(client.unsubscribe(&wildcard).await, [0]);
        }
        let mut filter = Filter::new(wildcard.as_str(), qos(1));
        filter.retain_forward_rule = rule;
        assert_eq!(client.subscribe_with(filter, None).await, 1);
        client.publish(&format!("{name}/b"), "end").await;
        assert_eq!(client.receive_until("end").await, expected, "step {at}");
    }
    client.retain(&format!("{name}/a"), "").await;
    client.disconnect().await;
}

pub(super) async fn retain_as_published(way: &Way, name: &str) {
    let topic = format!("{name}/a");
    let mut client = way.connect(name).await;
    let mut filter = Filter::new(topic.as_str(), qos(1));
    filter.preserve_retain = true;
    client.subscribe_with(filter, None).await;
    client.retain(&topic, "kept").await;
    client.publish(&topic, "passing").await;
    assert!(client.receive().await.retain);
    assert!(!client.receive().await.retain);
    client.retain(&topic, "").await;
    client.disconnect().await;
}

pub(super) async fn topic_alias_to_broker(way: &Way, name: &str) {
    let mut subscriber = way.connect(&format!("{name}-subscriber")).await;
    subscriber.subscribe(&format!("{name}/#"), 1).await;
    let mut publisher = way.connect(&format!("{name}-publisher")).await;
    let connack = publisher.connack.as_ref().unwrap();
    assert!(connack.topic_alias_max.unwrap() >= 2);
    let steps = [("a", 1), ("", 1), ("b", 2), ("", 2), ("c", 1), ("", 1)];
    for (level, alias) in steps {
        let aliased = PublishProperties {
            topic_alias: Some(alias),
            ..PublishProperties::default()
        };
        let topic = if level.is_empty() {
            String::new()
        } else {
            format!("{name}/{level}")
        };
        publish(&mut publisher, &topic, "x", aliased).await;
    }
    for level in ["a", "a", "b", "b", "c", "c"] {
        assert_eq!(subscriber.receive().await.topic, format!("{name}/{level}"));
    }
    for client in [subscriber, publisher] {
        client.disconnect().await;
    }
}

pub(super) async fn topic_alias_to_client(way: &Way, name: &str) {
    let asked = Asked {
        topic_alias_maximum: Some(2),
        ..Asked::default()
    };
    let id = format!("{name}-subscriber");
    let mut subscriber = way.connect_with(&id, asked).await;
    subscriber.subscribe(&format!("{name}/#"), 1).await;
    let mut publisher = way.connect(&format!("{name}-publisher")).await;
    let topics = ["a", "b", "c", "a", "b", "c"].map(|level| format!("{name}/{level}"));
    for topic in &topics {
        publisher.publish(topic, "x").await;
    }
    // What rumqttc shows of a message is from before it has looked the alias up.
    let mut known = BTreeMap::new();
    for topic in &topics {
        let message = subscriber.receive().await;
        let named = match message.properties.topic_alias {
            Some(alias) if message.topic.is_empty() => known[&alias],
            Some(alias) => {
                assert_eq!(known.insert(alias, topic), None);
                topic
            }
            None => topic,
        };
        if !message.topic.is_empty() {
            assert_eq!(&message.topic, topic);
        }
        assert_eq!(named, topic);
    }
    assert!(known.keys().eq([&1, &2]), "{known:?}");
    for client in [subscriber, publisher] {
        client.disconnect().await;
    }
}

pub(super) async fn reason_codes(way: &Way, name: &str) {
    let topic = format!("{name}/a");
    let mut client = way.connect(name).await;
    for qos in [1, 2] {
        let published = client.publish_with(&topic, qos, false, "x".into(), None);
        assert_eq!(published.await, NO_MATCHING_SUBSCRIBERS);
    }
    let codes = client.unsubscribe(&topic).await;
    assert_eq!(codes, [NO_SUBSCRIPTION_EXISTED]);
    assert_eq!(client.subscribe(&topic, 2).await, 2);
    for qos in [1, 2] {
        let published = client.publish_with(&topic, qos, false, "x".into(), None);
        assert_eq!(published.await, 0);
        assert_eq!(client.receive().await.qos, qos);
    }
    assert_eq!(client.unsubscribe(&topic).await, [0]);
    client.disconnect().await;
}

fn mortal(name: &str, number: u8, delay_s: u32) -> Asked {
    let properties = LastWillProperties {
        delay_interval: Some(delay_s),
        payload_format_indicator: None,
        message_expiry_interval: None,
        content_type: Some("text/plain".to_owned()),
        response_topic: None,
        correlation_data: None,
        user_properties: vec![("why".to_owned(), "killed".to_owned())],
    };
    let will = Will {
        topic: format!("{name}/will-{number}"),
        retain: false,
        properties: Some(properties),
    };
    Asked {
        will: Some(will),
        ..lasting()
    }
}

pub(super) async fn will_properties(way: &Way, name: &str) {
    let mut witness = way.connect(&format!("{name}-witness")).await;
    witness.subscribe(&format!("{name}/#"), 1).await;
    // Whose delay is not over has not died, and comes back to its session.
    let id = format!("{name}-lucky");
    let lucky = way.connect_with(&id, mortal(name, 1, 600)).await;
    lucky.kill().await;
    let lucky = way.connect_with(&id, mortal(name, 1, 600)).await;
    assert!(lucky.session_present);
    let id = format!("{name}-unlucky");
    let unlucky = way.connect_with(&id, mortal(name, 2, 3)).await;
    let killed = Instant::now();
    unlucky.kill().await;
    let message = witness.receive().await;
    let waited = killed.elapsed();
    assert_eq!(message.topic, format!("{name}/will-2"));
    assert_eq!(message.payload, Will::PAYLOAD);
    assert_eq!(message.properties.content_type.unwrap(), "text/plain");
    let pair = ("why".to_owned(), "killed".to_owned());
    assert_eq!(message.properties.user_properties, [pair]);
    assert!(waited > Duration::from_secs(2), "{waited:?}");
    for client in [witness, lucky] {
        client.disconnect().await;
    }
}

pub(super) async fn assigned_client_id(way: &Way) {
    let clients = [way.connect("").await, way.connect("").await];
    let ids = clients.each_ref().map(|client| {
        let connack = client.connack.as_ref().unwrap();
        connack.assigned_client_identifier.clone().unwrap()
    });
    assert!(ids.iter().all(|id| !id.is_empty()));
    assert_ne!(ids[0], ids[1]);
    for client in clients {
        client.disconnect().await;
    }
}
