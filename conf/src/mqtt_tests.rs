use std::num::NonZeroU16;

use crate::given::given;
use crate::{MqttConfig, SharedStrategy};

fn mqtt(sets: &[&str]) -> MqttConfig {
    let given = sets
        .iter()
        .fold(given(), |given, set| given.set(&format!("mqtt.{set}")));
    given.load().unwrap().config.mqtt
}

#[test]
fn defaults() {
    let config = given().load().unwrap().config;
    let size = |text: &str| text.parse().unwrap();
    let duration = |text: &str| text.parse().unwrap();
    let expected = MqttConfig {
        max_packet_size: size("1MB"),
        max_unfinished_bytes: size("1GB"),
        max_sessions: 1_000_000,
        max_inflight: 32,
        receive_maximum: 1024,
        max_queue_bytes: size("1MB"),
        max_queue_messages: 10_000,
        session_expiry_max: duration("7d"),
        session_expiry_v3: duration("7d"),
        keepalive_multiplier: 1.5,
        server_keepalive: None,
        max_client_id_bytes: 1024,
        max_topic_levels: 128,
        max_topic_alias: 64,
        max_subscriptions: 100_000,
        max_subscription_bytes: size("16MB"),
        max_retained_messages: 1_000_000,
        max_retained_bytes: size("1GB"),
        max_qos: 2,
        retain_available: true,
        wildcard_subscription: true,
        shared_subscription: true,
        shared_subscription_strategy: SharedStrategy::RoundRobin,
        response_prefix: None,
        server_reference: None,
        drain_timeout: duration("10s"),
    };
    assert_eq!(config.mqtt, expected);
    assert_eq!(config.broker.threads, None);
    assert_eq!(config.subscribe.visibility_wait, duration("250ms"));
    assert!(config.auth.allow_anonymous && config.auth.scram_users.is_none());
}

#[test]
fn numbers_in_every_spelling() {
    for spelling in ["7", "\"7\"", "0x7", "+7"] {
        let file = given().file(&format!("mqtt.max_inflight = {spelling}"));
        assert_eq!(file.load().unwrap().config.mqtt.max_inflight, 7);
        let env = given().env("QUORATE_MQTT__MAX_INFLIGHT", spelling);
        assert_eq!(env.load().unwrap().config.mqtt.max_inflight, 7);
        let set = format!("max_inflight={spelling}");
        assert_eq!(mqtt(&[&set]).max_inflight, 7);
    }
    for spelling in ["1_000_000", "\"1000000\"", "\"1000000B\""] {
        let file = given().file(&format!("mqtt.max_packet_size = {spelling}"));
        let size = file.load().unwrap().config.mqtt.max_packet_size;
        assert_eq!(size.bytes(), 1_000_000);
    }
    for (spelling, expected) in [("2", 2.0), ("2.0", 2.0), ("\"2.5\"", 2.5)] {
        let file = given().file(&format!("mqtt.keepalive_multiplier = {spelling}"));
        let found = file.load().unwrap().config.mqtt.keepalive_multiplier;
        assert_eq!(found, expected);
    }
    for (spelling, expected) in [("true", true), ("false", false), ("\"false\"", false)] {
        let file = given().file(&format!("mqtt.retain_available = {spelling}"));
        assert_eq!(file.load().unwrap().config.mqtt.retain_available, expected);
    }
}

#[test]
fn bounds() {
    let whole = |text: &str, range: &str| format!("`{text}` is no whole number from {range}");
    for (key, good, bad) in [
        (
            "max_packet_size",
            &["20B", "268435460"][..],
            &[
                ("19B", "19 is not between 20 and 268435460".to_owned()),
                ("256.1MB", "a size is a whole number and a unit of B, KB, MB or GB, like `64KB` or `1MB`".to_owned()),
                ("268435461", "268435461 is not between 20 and 268435460".to_owned()),
            ][..],
        ),
        (
            "max_inflight",
            &["1", "65535"],
            &[
                ("0", whole("0", "1 to 65535")),
                ("65536", whole("65536", "1 to 65535")),
                ("-1", whole("-1", "1 to 65535")),
                ("1.5", whole("1.5", "1 to 65535")),
            ],
        ),
        ("receive_maximum", &["1", "65535"], &[("0", whole("0", "1 to 65535"))]),
        ("max_topic_alias", &["0", "65535"], &[("x", whole("x", "0 to 65535"))]),
        ("max_client_id_bytes", &["23"], &[("22", whole("22", "23 to 65535"))]),
        ("max_qos", &["0", "1", "2"], &[("3", whole("3", "0 to 2"))]),
        (
            "keepalive_multiplier",
            &["1", "1.0", "10"],
            &[
                ("0.9", "`0.9` is no number from 1 to 10".to_owned()),
                ("nan", "`nan` is no number from 1 to 10".to_owned()),
            ],
        ),
        (
            "server_keepalive",
            &["off", "1s", "65535s"],
            &[
                ("65536s", "65536s is more than 65535s, the most that a client can be told; `off` is allowed as well".to_owned()),
                ("1500ms", "1500ms is no number of whole seconds; `off` is allowed as well".to_owned()),
            ],
        ),
        (
            "session_expiry_max",
            &["1s", "36500d"],
            &[("1ms", "1ms is no number of whole seconds".to_owned())],
        ),
        (
            "response_prefix",
            &["r/", "a b/c"],
            &[("r/+", "a prefix is the beginning of a topic, of 1 to 1024 bytes and without `+` and `#`; set it to something like \"response/\": the client's id follows it".to_owned())],
        ),
        (
            "server_reference",
            &["a b:1883"],
            &[("", "a reference is a line of 1 to 65535 bytes; name other servers, like \"broker2.example.org:1883\"".to_owned())],
        ),
        (
            "shared_subscription_strategy",
            &["random", "round_robin", "sticky", "local", "hash_clientid", "hash_topic"],
            &[("round-robin", "unknown value `round-robin`; did you mean `round_robin`?".to_owned())],
        ),
    ] {
        for text in good {
            let given = given().set(&format!("mqtt.{key}={text}"));
            assert!(given.load().is_ok(), "{key}={text}");
        }
        for (text, expected) in bad {
            let (what, hint) = expected.split_once("; ").unwrap_or((expected, ""));
            let what = format!("mqtt.{key}: {what} (--set mqtt.{key})");
            let hint = if hint.is_empty() { String::new() } else { format!("; {hint}") };
            let given = given().set(&format!("mqtt.{key}={text}"));
            assert_eq!(given.problems(), [what + &hint]);
        }
    }
}

#[test]
fn values_of_the_wrong_type() {
    let given = given().file(
        "[mqtt]\nmax_inflight = true\nmax_packet_size = 1.5\nretain_available = 1\n\
         session_expiry_max = 60\nkeepalive_multiplier = [1]\n",
    );
    let mut problems = given.problems();
    problems.sort();
    assert_eq!(
        problems,
        [
            "mqtt.keepalive_multiplier: expected a number, found array (FILE:6)",
            "mqtt.max_inflight: expected a number, found boolean (FILE:2)",
            "mqtt.max_packet_size: expected a size like \"1MB\", found float (FILE:3)",
            "mqtt.retain_available: expected true or false, found integer (FILE:4)",
            "mqtt.session_expiry_max: expected a string, found integer (FILE:5)",
        ]
    );
}

#[test]
fn clients_of_version_3_have_the_most_there_is() {
    let derived = mqtt(&["session_expiry_max=3d"]);
    assert_eq!(derived.session_expiry_v3.to_string(), "3d");
    let own = mqtt(&["session_expiry_v3=1h"]);
    assert_eq!(own.session_expiry_v3.to_string(), "1h");
    let origins = given().load().unwrap().origins;
    let origin = origins.of("mqtt.session_expiry_v3").to_string();
    assert_eq!(origin, "from mqtt.session_expiry_max");
}

#[test]
fn threads() {
    for (text, expected) in [("auto", None), ("0", None), ("3", NonZeroU16::new(3))] {
        let given = given().set(&format!("broker.threads={text}"));
        assert_eq!(given.load().unwrap().config.broker.threads, expected);
    }
    assert_eq!(
        given().set("broker.threads=many").problems(),
        [
            "broker.threads: `many` is no whole number from 0 to 64 (--set broker.threads); \
             `auto` takes all of the machine's"
        ]
    );
}
