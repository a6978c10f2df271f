use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use crate::given::{Given, given};

/// A listener with TLS on port 1, whose files are there.
fn with_tls(section: &str) -> Given {
    let given = given().touch("cert").touch("key");
    let given = given.set_in_dir(&format!("{section}.cert=DIR/cert"));
    let given = given.set_in_dir(&format!("{section}.key=DIR/key"));
    given.set(&format!("{section}.bind=127.0.0.1:1"))
}

const OFF: &str = "listeners.tcp.default.enabled=false";

#[test]
fn a_core_serves_no_clients() {
    let core = || given().set("node.roles=core");
    for (set, section) in [
        (
            "listeners.tcp.default.bind=127.0.0.1:1",
            "listeners.tcp.default",
        ),
        ("listeners.ws.a.path=/a", "listeners.ws.a"),
    ] {
        let key = set.split('=').next().unwrap();
        let expected = format!(
            "{section}: a node with the role core alone serves no clients (--set {key}); \
             add replicant to node.roles, or set {section}.enabled to false"
        );
        assert_eq!(core().set(set).problems(), [expected]);
    }
    assert_eq!(core().set(OFF).warnings(), [""; 0]);
    assert_eq!(core().set("mqtt.max_inflight=1").warnings(), [""; 0]);
}

#[test]
fn tls_needs_a_certificate_and_its_key() {
    let missing = |kind: &str, name: &str, origin: &str| {
        format!(
            "listeners.{kind}.a: `{name}` is missing ({origin}); \
             set listeners.{kind}.a.{name} to a PEM file"
        )
    };
    for kind in ["tls", "wss", "quic"] {
        let neither = given().file(&format!("[listeners.{kind}.a]\n"));
        let expected = ["cert", "key"].map(|name| missing(kind, name, "FILE:1"));
        assert_eq!(neither.problems(), expected);
        let one = given().touch("cert");
        let one = one.set_in_dir(&format!("listeners.{kind}.a.cert=DIR/cert"));
        let origin = format!("--set listeners.{kind}.a.cert");
        assert_eq!(one.problems(), [missing(kind, "key", &origin)]);
    }
}

#[test]
fn files_can_be_read() {
    let given = with_tls("listeners.tls.a")
        .set_in_dir("listeners.tls.a.cert=DIR/none")
        .set_in_dir("listeners.tls.a.client_ca=DIR/none")
        .set_in_dir("auth.scram_users=DIR/none");
    let expected = [
        "listeners.tls.a.cert",
        "listeners.tls.a.client_ca",
        "auth.scram_users",
    ]
    .map(|key| {
        format!("{key}: cannot read DIR/none: No such file or directory (os error 2) (--set {key})")
    });
    assert_eq!(given.problems(), expected);
}

#[test]
fn clients_are_verified_with_something() {
    for verify in ["optional", "required"] {
        let given = with_tls("listeners.tls.a").set(&format!("listeners.tls.a.verify={verify}"));
        assert_eq!(
            given.problems(),
            [format!(
                "listeners.tls.a.verify: `{verify}` needs client_ca as well \
                 (--set listeners.tls.a.verify); set listeners.tls.a.client_ca to the PEM \
                 file of who signs clients' certificates"
            )]
        );
    }
}

#[test]
fn secrets_open_to_others_are_warned_of() {
    let given = with_tls("listeners.tls.a")
        .touch("users")
        .set(OFF)
        .set_in_dir("auth.scram_users=DIR/users");
    assert_eq!(given.warnings(), [""; 0]);
    for name in ["cert", "key", "users"] {
        fs::set_permissions(given.in_dir(name), Permissions::from_mode(0o644)).unwrap();
    }
    let expected = ["key", "users"].map(|name| {
        format!(
            "DIR/{name} holds a secret, and others may read it (mode 0644); chmod 600 DIR/{name}"
        )
    });
    assert_eq!(given.warnings(), expected);
}

#[test]
fn two_listeners_want_one_port() {
    let hint = "give one of them another port or another address";
    for (sets, expected) in [
        (
            &["listeners.tcp.a.max_connections=1"][..],
            "listeners.tcp.a.bind and listeners.tcp.default.bind both want TCP port 1883 \
             (0.0.0.0:1883 and 0.0.0.0:1883)",
        ),
        (
            &["listeners.ws.a.bind=127.0.0.1:18083"],
            "admin.bind and listeners.ws.a.bind both want TCP port 18083 \
             (127.0.0.1:18083 and 127.0.0.1:18083)",
        ),
        (
            &["listeners.ws.a.bind=[::]:1883"],
            "listeners.tcp.default.bind and listeners.ws.a.bind both want TCP port 1883 \
             (0.0.0.0:1883 and [::]:1883)",
        ),
    ] {
        let given = sets.iter().fold(given(), |given, set| given.set(set));
        assert_eq!(given.problems(), [format!("{expected}; {hint}")]);
    }
    let quic = with_tls("listeners.quic.a").set("listeners.quic.a.bind=127.0.0.1:4370");
    assert_eq!(
        quic.problems(),
        [format!(
            "transport.bind and listeners.quic.a.bind both want UDP port 4370 \
             (0.0.0.0:4370 and 127.0.0.1:4370); {hint}"
        )]
    );
    for fine in [
        "listeners.tcp.a.bind=127.0.0.1:4370",
        "listeners.tcp.a.bind=127.0.0.1:0",
    ] {
        assert!(given().set(fine).load().is_ok(), "{fine}");
    }
}

#[test]
fn version_3_gets_no_more_than_the_most() {
    let given = given()
        .set("mqtt.session_expiry_max=1d")
        .set("mqtt.session_expiry_v3=25h");
    assert_eq!(
        given.problems(),
        [
            "mqtt.session_expiry_v3: 25h is more than mqtt.session_expiry_max, which is 1d \
             (--set mqtt.session_expiry_v3); raise mqtt.session_expiry_max, or leave \
             mqtt.session_expiry_v3 out"
        ]
    );
}

#[test]
fn somebody_can_connect() {
    let closed = given().set("auth.allow_anonymous=false");
    assert_eq!(
        closed.problems(),
        [
            "auth.allow_anonymous: no client could connect: there are no users \
             (--set auth.allow_anonymous); set auth.scram_users, or `verify = \"required\"` \
             of a listener with TLS"
        ]
    );
    for fine in [
        given()
            .touch("users")
            .set_in_dir("auth.scram_users=DIR/users"),
        given().set("node.roles=core"),
        with_tls("listeners.tls.a").set_in_dir("listeners.tls.a.client_ca=DIR/cert"),
    ] {
        assert!(fine.set("auth.allow_anonymous=false").load().is_ok());
    }
}

#[test]
fn warnings() {
    for (sets, expected) in [
        (
            &["mqtt.max_queue_bytes=64KB"][..],
            "mqtt.max_queue_bytes: 64KB is less than mqtt.max_packet_size, which is 1MB: \
             a large message fits no queue (--set mqtt.max_queue_bytes); set it to 1MB or more",
        ),
        (
            &["mqtt.max_unfinished_bytes=64KB"],
            "mqtt.max_unfinished_bytes: 64KB is less than mqtt.max_packet_size, which is 1MB: \
             a client is sent away for a large packet that comes slowly \
             (--set mqtt.max_unfinished_bytes); set it to 1MB or more",
        ),
        (
            &["listeners.ws.a.max_message_size=64KB"],
            "listeners.ws.a.max_message_size: 64KB is less than mqtt.max_packet_size, which \
             is 1MB, and most clients send a packet as one message \
             (--set listeners.ws.a.max_message_size); \
             leave listeners.ws.a.max_message_size out",
        ),
    ] {
        let given = sets.iter().fold(given(), |given, set| given.set(set));
        assert_eq!(given.warnings(), [expected]);
    }
    let equal = given().set("mqtt.max_queue_bytes=1048576");
    assert_eq!(equal.warnings(), [""; 0]);
}

#[test]
fn a_plain_listener_beside_tls_is_meant() {
    for section in ["listeners.tls.a", "listeners.wss.a", "listeners.quic.a"] {
        assert_eq!(
            with_tls(section).warnings(),
            [
                "listeners.tcp.default takes connections without TLS at 0.0.0.0:1883, as nothing \
                 says otherwise; set listeners.tcp.default.enabled to false, or to true to keep it"
            ]
        );
        for said in [OFF, "listeners.tcp.default.enabled=true"] {
            assert_eq!(with_tls(section).set(said).warnings(), [""; 0]);
        }
    }
}
