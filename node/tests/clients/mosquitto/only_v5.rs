//! What only MQTT 5.0 has.

use std::time::{Duration, Instant};

use super::Way;

pub(super) fn message_properties(way: &Way, name: &str) {
    let (question, answer) = (format!("{name}/question"), format!("{name}/answer"));
    let mut subscriber = way.subscribe(&format!("{name}-subscriber"), &[&question], &["-q", "1"]);
    let mut options = vec!["-q", "1"];
    for pair in [["a", "1"], ["b", "2"], ["a", "3"]] {
        options.extend(["-D", "publish", "user-property"]);
        options.extend(pair);
    }
    for property in [
        ["content-type", "text/plain"],
        ["payload-format-indicator", "1"],
        ["response-topic", &answer],
        ["correlation-data", "number 7"],
    ] {
        options.extend(["-D", "publish"]);
        options.extend(property);
    }
    let publisher = format!("{name}-publisher");
    way.publish_with(&publisher, &question, "wie spät?".as_bytes(), &options);
    let message = subscriber.receive();
    assert_eq!(message.payload, "wie spät?".as_bytes());
    assert_eq!(message.user_properties, "a:1 b:2 a:3");
    assert_eq!(message.content_type, "text/plain");
    assert_eq!(message.payload_format, "1");
    assert_eq!(message.response_topic, answer);
    assert_eq!(message.correlation_data, "number 7");
}

pub(super) fn message_expiry(way: &Way, name: &str) {
    let topic = format!("{name}/a");
    let id = format!("{name}-away");
    let lasting = ["-q", "1", "-c", "-x", "600"];
    let mut leaving = lasting.to_vec();
    leaving.push("-E");
    way.subscribe(&id, &[&topic], &leaving).wait_left();
    let publisher = format!("{name}-publisher");
    for (payload, expiry_s) in [("brief", "1"), ("long", "500")] {
        let mut options = vec!["-q", "1"];
        options.extend(["-D", "publish", "message-expiry-interval", expiry_s]);
        way.publish_with(&publisher, &topic, payload.as_bytes(), &options);
    }
    std::thread::sleep(Duration::from_millis(2_500));
    let mut back = way.subscribe(&id, &[&topic], &lasting);
    let message = back.receive();
    assert_eq!(message.payload, b"long");
    let left: u32 = message.expiry_s.parse().unwrap();
    assert!((1..=498).contains(&left), "{left}");
    way.publish(&publisher, &topic, "end");
    assert!(back.receive_until("end").is_empty());
}

pub(super) fn subscription_identifiers(way: &Way, name: &str) {
    let topic = format!("{name}/a");
    let identified = ["-D", "subscribe", "subscription-identifier", "268435455"];
    let mut subscriber = way.subscribe(&format!("{name}-subscriber"), &[&topic], &identified);
    way.publish(&format!("{name}-publisher"), &topic, "x");
    assert_eq!(subscriber.receive().identifiers, "268435455");
}

pub(super) fn retain_as_published(way: &Way, name: &str) {
    let topic = format!("{name}/a");
    let publisher = format!("{name}-publisher");
    let keeping = ["-q", "1", "--retain-as-published"];
    let mut subscriber = way.subscribe(&format!("{name}-subscriber"), &[&topic], &keeping);
    let retaining = ["-q", "1", "-r"];
    way.publish_with(&publisher, &topic, b"kept", &retaining);
    way.publish(&publisher, &topic, "passing");
    assert!(subscriber.receive().retain);
    assert!(!subscriber.receive().retain);
    way.publish_with(&publisher, &topic, b"", &retaining);
}

pub(super) fn topic_alias_to_broker(way: &Way, name: &str) {
    let topic = format!("{name}/a");
    let mut subscriber = way.subscribe(&format!("{name}-subscriber"), &[&topic], &["-q", "1"]);
    let mut options = vec!["-q", "1", "-D", "publish", "topic-alias", "1"];
    options.extend(["--repeat", "3", "-m", "x"]);
    // `-s` and `--repeat` exclude each other.
    let mut command = way.command("mosquitto_pub", &format!("{name}-publisher"));
    command.args(["-t", &topic]).args(&options);
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("'(null)'").count(), 2, "{said}");
    for _ in 0..3 {
        assert_eq!(subscriber.receive().topic, topic);
    }
}

pub(super) fn reason_codes(way: &Way, name: &str) {
    let topic = format!("{name}/a");
    let publisher = format!("{name}-publisher");
    let said = way.publish(&publisher, &topic, "x");
    assert!(said.contains("received PUBACK (Mid: 1, RC:16)"), "{said}");
    let subscriber = way.subscribe(&format!("{name}-subscriber"), &[&topic], &["-q", "2"]);
    assert_eq!(subscriber.granted, 2);
    let said = way.publish(&publisher, &topic, "x");
    assert!(said.contains("received PUBACK (Mid: 1, RC:0)"), "{said}");
}

pub(super) fn will_properties(way: &Way, name: &str) {
    let filter = format!("{name}/#");
    let mut witness = way.subscribe(&format!("{name}-witness"), &[&filter], &["-q", "1"]);
    let topic = format!("{name}/will");
    let mut dying = vec!["-c", "-x", "600"];
    dying.extend(["--will-topic", &topic, "--will-payload", "gone"]);
    dying.extend(["--will-qos", "1", "-D", "will", "will-delay-interval", "3"]);
    dying.extend(["-D", "will", "user-property", "why", "killed"]);
    let other = format!("{name}-other");
    let mortal = way.subscribe(&format!("{name}-mortal"), &[&other], &dying);
    let killed = Instant::now();
    mortal.kill();
    let message = witness.receive();
    let waited = killed.elapsed();
    assert_eq!(message.payload, b"gone");
    assert_eq!(message.user_properties, "why:killed");
    assert!(waited > Duration::from_secs(2), "{waited:?}");
}

pub(super) fn assigned_client_id(way: &Way, name: &str) {
    let filter = format!("{name}/#");
    let first = way.subscribe("", &[&filter], &[]);
    let second = way.subscribe("", &[&filter], &[]);
    // What it was called before there was an answer.
    assert!(!first.id.contains("null"), "{}", first.id);
    assert_ne!(first.id, second.id);
}
