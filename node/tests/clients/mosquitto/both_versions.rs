//! What MQTT 3.1.1 and 5.0 have in common.

use super::Way;
use crate::matrix::Version;

fn payloads() -> [Vec<u8>; 4] {
    let every_byte: Vec<u8> = (0..=255).collect();
    let long = b"0123456789".repeat(90_000);
    [Vec::new(), b"x".to_vec(), every_byte, long]
}

pub(super) fn round_trip(way: &Way, name: &str, qos: u8) {
    let (topic, filter) = (format!("{name}/a"), format!("{name}/+"));
    let with_qos = ["-q", &qos.to_string()];
    let subscriber = way.subscribe(&format!("{name}-subscriber"), &[&filter], &with_qos);
    let lower = way.subscribe(&format!("{name}-lower"), &[&filter], &["-q", "0"]);
    for payload in payloads() {
        way.publish_with(&format!("{name}-publisher"), &topic, &payload, &with_qos);
    }
    for (mut receiver, granted) in [(subscriber, qos), (lower, 0)] {
        assert_eq!(receiver.granted, granted);
        for payload in payloads() {
            let message = receiver.receive();
            assert_eq!((&message.topic, message.qos), (&topic, granted));
            assert!(!message.retain);
            let bytes = message.payload.len();
            assert!(message.payload == payload, "{bytes} bytes");
        }
    }
}

pub(super) fn burst(way: &Way, name: &str) {
    let mut subscriber = way.subscribe(
        &format!("{name}-subscriber"),
        &[&format!("{name}/#")],
        &["-q", "2"],
    );
    let sent: Vec<String> = (0..300).map(|number| number.to_string()).collect();
    for qos in [0, 1, 2] {
        let topic = format!("{name}/{qos}");
        way.publish_lines(&format!("{name}-publisher"), &topic, &sent, qos);
        for payload in &sent {
            let message = subscriber.receive();
            assert_eq!(message.payload, payload.as_bytes());
            assert_eq!((&message.topic, message.qos), (&topic, qos));
        }
    }
    way.publish(&format!("{name}-publisher"), &format!("{name}/2"), "end");
    assert!(subscriber.receive_until("end").is_empty());
}

pub(super) fn retained(way: &Way, name: &str) {
    let (topic, filter) = (format!("{name}/a"), format!("{name}/+"));
    let publisher = format!("{name}-publisher");
    let with_qos = ["-q", "1"];
    let mut witness = way.subscribe(&format!("{name}-witness"), &[&filter], &with_qos);
    let retaining = ["-q", "1", "-r"];
    for payload in [b"old".as_slice(), b"kept"] {
        way.publish_with(&publisher, &topic, payload, &retaining);
        let seen = witness.receive();
        assert_eq!((&seen.payload[..], seen.retain), (payload, false));
    }
    let mut late = way.subscribe(&format!("{name}-late"), &[&filter], &with_qos);
    let kept = late.receive();
    assert_eq!((&kept.topic, &kept.payload[..]), (&topic, &b"kept"[..]));
    assert_eq!((kept.qos, kept.retain), (1, true));
    way.publish_with(&publisher, &topic, b"", &retaining);
    for subscriber in [&mut witness, &mut late] {
        assert!(subscriber.receive().payload.is_empty());
    }
    let mut later = way.subscribe(&format!("{name}-later"), &[&filter], &with_qos);
    way.publish(&publisher, &topic, "end");
    assert!(later.receive_until("end").is_empty());
}

pub(super) fn will(way: &Way, name: &str) {
    let topic = format!("{name}/will");
    let with_qos = ["-q", "1"];
    let mut witness = way.subscribe(&format!("{name}-witness"), &[&topic], &with_qos);
    let mut dying = vec!["--will-topic", &topic, "--will-payload", "gone"];
    dying.extend(["--will-qos", "1", "--will-retain"]);
    let other = format!("{name}/other");
    let mortal = way.subscribe(&format!("{name}-mortal"), &[&other], &dying);
    mortal.kill();
    let came = witness.receive();
    assert_eq!(came.payload, b"gone");
    assert_eq!((came.qos, came.retain), (1, false));
    let mut late = way.subscribe(&format!("{name}-late"), &[&topic], &with_qos);
    assert!(late.receive().retain);
    way.publish_with(
        &format!("{name}-publisher"),
        &topic,
        b"",
        &["-q", "1", "-r"],
    );
}

pub(super) fn no_will_after_disconnect(way: &Way, name: &str) {
    let filter = format!("{name}/#");
    let mut witness = way.subscribe(&format!("{name}-witness"), &[&filter], &["-q", "1"]);
    let (will, last) = (format!("{name}/will"), format!("{name}/last"));
    let mut dying = vec!["--will-topic", &will, "--will-payload", "gone"];
    // It leaves after the first message.
    dying.extend(["--will-qos", "1", "-C", "1"]);
    let id = format!("{name}-mortal");
    let mortal = way.subscribe(&id, &[&last], &dying);
    way.publish(&format!("{name}-publisher"), &last, "go");
    mortal.wait_left();
    // The broker answers this one when it is through with the one before.
    way.publish(&id, &format!("{name}/end"), "end");
    assert_eq!(witness.receive_until("end"), ["go"]);
}

pub(super) fn session_resume(way: &Way, name: &str) {
    let id = format!("{name}-lasting");
    let topics = [1, 2].map(|qos| format!("{name}/{qos}"));
    let filters = topics.each_ref().map(String::as_str);
    let mut lasting = vec!["-q", "2", "-c"];
    if way.version == Version::V5 {
        lasting.extend(["-x", "600"]);
    }
    let mut leaving = lasting.clone();
    // It leaves when it has subscribed.
    leaving.push("-E");
    way.subscribe(&id, &filters, &leaving).wait_left();
    for is_killed in [false, true] {
        if is_killed {
            way.subscribe(&id, &filters, &lasting).kill();
        }
        let sent = ["one", "two", "three"];
        for payload in sent {
            for (topic, qos) in topics.iter().zip(["1", "2"]) {
                let publisher = format!("{name}-publisher");
                way.publish_with(&publisher, topic, payload.as_bytes(), &["-q", qos]);
            }
        }
        let mut client = way.subscribe(&id, &filters, &lasting);
        let mut came = Vec::new();
        while came.len() < 2 * sent.len() {
            came.push(client.receive());
        }
        for (topic, qos) in topics.iter().zip([1, 2]) {
            let of_qos = came.iter().filter(|one| one.topic == *topic);
            let (payloads, given): (Vec<_>, Vec<_>) =
                of_qos.map(|one| (&one.payload[..], one.qos)).unzip();
            assert_eq!(payloads, sent.map(str::as_bytes));
            assert_eq!(given, [qos; 3]);
        }
    }
    let end = format!("{name}/end");
    let mut anew = way.subscribe(&id, &[&end], &["-q", "1"]);
    way.publish(&format!("{name}-publisher"), &topics[0], "to nobody");
    way.publish(&format!("{name}-publisher"), &end, "end");
    assert!(anew.receive_until("end").is_empty());
}

pub(super) fn shared_subscription(way: &Way, name: &str) {
    let (topic, end) = (format!("{name}/t"), format!("{name}/end"));
    let shared = format!("$share/{name}/{topic}");
    let filters = [shared.as_str(), &end];
    let publisher = format!("{name}-publisher");
    let members = [1, 2].map(|number| {
        let id = format!("{name}-{number}");
        way.subscribe(&id, &filters, &["-q", "1"])
    });
    let [mut first, mut second] = members;
    assert_eq!((first.granted, second.granted), (1, 1));
    let sent: Vec<String> = (10..20).map(|number| number.to_string()).collect();
    for payload in &sent {
        way.publish(&publisher, &topic, payload);
    }
    way.publish(&publisher, &end, "end");
    let came = [first.receive_until("end"), second.receive_until("end")];
    assert!(!came.iter().any(Vec::is_empty), "one had nothing: {came:?}");
    let mut all = came.concat();
    all.sort();
    assert_eq!(all, sent);
    // The one that stays has all of it.
    first.kill();
    way.publish(&format!("{name}-1"), &end, "alone");
    for payload in &sent {
        way.publish(&publisher, &topic, payload);
    }
    way.publish(&publisher, &end, "end");
    assert!(second.receive_until("alone").is_empty());
    assert_eq!(second.receive_until("end"), sent);
}
