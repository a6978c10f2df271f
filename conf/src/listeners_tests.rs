use crate::given::{Given, given};
use crate::{Carrier, ClientCertificates, ListenerConfig, TlsVersion};

fn enabled(given: &Given) -> Vec<ListenerConfig> {
    given.load().unwrap().config.listeners.enabled
}

/// `tcp.default 0.0.0.0:1883` of each.
fn shown(given: &Given) -> Vec<String> {
    let shown = enabled(given);
    let shown = shown.iter().map(|one| format!("{} {}", one.id, one.bind));
    shown.collect()
}

/// A listener with TLS of this kind, and the files that it needs.
fn with_tls(kind: &str) -> Given {
    let given = given().touch("cert").touch("key").touch("ca");
    let given = given.set_in_dir(&format!("listeners.{kind}.a.cert=DIR/cert"));
    given
        .set_in_dir(&format!("listeners.{kind}.a.key=DIR/key"))
        .set("listeners.tcp.default.enabled=false")
}

#[test]
fn there_is_one_without_configuration() {
    for (roles, expected) in [
        ("core,replicant", &["tcp.default 0.0.0.0:1883"][..]),
        ("core", &[]),
    ] {
        let given = given().set(&format!("node.roles={roles}"));
        assert_eq!(shown(&given), expected);
    }
    let [listener] = &enabled(&given())[..] else {
        panic!("one listener");
    };
    assert_eq!(listener.max_connections.get(), 1_000_000);
    assert_eq!(listener.max_connect_rate, None);
    assert_eq!(listener.first_packet_timeout.to_string(), "15s");
    assert_eq!(listener.max_bytes_rate, None);
    assert_eq!(listener.max_messages_rate, None);
    let plain = Carrier::Stream {
        proxy_protocol: false,
        tls: None,
        websocket: None,
    };
    assert_eq!(listener.carrier, plain);
}

#[test]
fn each_name_is_a_listener() {
    let given = given()
        .file(
            "[listeners.ws.default]\n[listeners.ws.b]\nbind = \"[::1]:2\"\n\
             [listeners]\ntcp.lan.bind = \"127.0.0.1:3\"\n",
        )
        .env("QUORATE_LISTENERS__TCP__BEHIND_PROXY__BIND", "127.0.0.1:4")
        .env(
            "QUORATE_LISTENERS__TCP__BEHIND_PROXY__PROXY_PROTOCOL",
            "true",
        )
        .set("listeners.tcp.default.bind=127.0.0.1:5");
    assert_eq!(
        shown(&given),
        [
            "tcp.behind_proxy 127.0.0.1:4",
            "tcp.default 127.0.0.1:5",
            "tcp.lan 127.0.0.1:3",
            "ws.b [::1]:2",
            "ws.default 0.0.0.0:8083",
        ]
    );
}

#[test]
fn layers_of_one_listener() {
    let given = given()
        .file(
            "[listeners.tcp.default]\nbind = \"127.0.0.1:1\"\nmax_connections = 5\n\
             max_connect_rate = 7\nmax_bytes_rate = \"64KB\"\nproxy_protocol = true\n",
        )
        .env("QUORATE_LISTENERS__TCP__DEFAULT__MAX_CONNECTIONS", "1_000")
        .env("QUORATE_LISTENERS__TCP__DEFAULT__MAX_MESSAGES_RATE", "9")
        .set("listeners.tcp.default.max_connect_rate=off")
        .set("listeners.tcp.default.first_packet_timeout=3s");
    let [listener] = &enabled(&given)[..] else {
        panic!("one listener");
    };
    assert_eq!(listener.max_connections.get(), 1_000);
    assert_eq!(listener.max_connect_rate, None);
    assert_eq!(listener.max_messages_rate.unwrap().get(), 9);
    assert_eq!(listener.max_bytes_rate.unwrap().bytes(), 64 << 10);
    assert_eq!(listener.first_packet_timeout.to_string(), "3s");
    let origins = given.load().unwrap().origins;
    for (key, expected) in [
        ("bind", format!("{}:2", given.path().display())),
        ("proxy_protocol", format!("{}:6", given.path().display())),
        (
            "max_connections",
            "env QUORATE_LISTENERS__TCP__DEFAULT__MAX_CONNECTIONS".to_owned(),
        ),
        (
            "max_connect_rate",
            "--set listeners.tcp.default.max_connect_rate".to_owned(),
        ),
        ("enabled", "default".to_owned()),
    ] {
        let key = format!("listeners.tcp.default.{key}");
        assert_eq!(origins.of(&key).to_string(), expected, "{key}");
    }
}

#[test]
fn a_disabled_one_is_not_read() {
    let given = given()
        .file("[listeners.tls.a]\nenabled = false\nverify = \"x\"\n")
        .set("listeners.tcp.default.enabled=false")
        .set("listeners.tcp.default.bind=x");
    let listeners = given.load().unwrap().config.listeners;
    assert_eq!(listeners.enabled, []);
    let disabled: Vec<String> = listeners.disabled.iter().map(ToString::to_string).collect();
    assert_eq!(disabled, ["tcp.default", "tls.a"]);
}

#[test]
fn tls_of_each_kind() {
    for (kind, version) in [
        ("tls", TlsVersion::V1_2),
        ("wss", TlsVersion::V1_2),
        ("quic", TlsVersion::V1_3),
    ] {
        let given = with_tls(kind);
        let [listener] = &enabled(&given)[..] else {
            panic!("one listener");
        };
        let tls = listener.tls().unwrap();
        assert_eq!(tls.cert, given.in_dir("cert"));
        assert_eq!(tls.key, given.in_dir("key"));
        assert_eq!(tls.min_version, version);
        assert_eq!(tls.client_certificates, ClientCertificates::NotAsked);
        assert_eq!(listener.websocket().is_some(), kind == "wss");
        let is_quic = matches!(listener.carrier, Carrier::Quic { .. });
        assert_eq!(is_quic, kind == "quic");
    }
    let newest = with_tls("tls").set("listeners.tls.a.min_tls_version=1.3");
    let newest = enabled(&newest)[0].tls().unwrap().min_version;
    assert_eq!(newest, TlsVersion::V1_3);
}

#[test]
fn whether_clients_are_asked_for_certificates() {
    for (ca, verify, expected, origin) in [
        (false, None, "none", "default"),
        (false, Some("none"), "none", "--set listeners.tls.a.verify"),
        (true, None, "required", "from listeners.tls.a.client_ca"),
        (
            true,
            Some("required"),
            "required",
            "--set listeners.tls.a.verify",
        ),
        (
            true,
            Some("optional"),
            "optional",
            "--set listeners.tls.a.verify",
        ),
        (true, Some("none"), "none", "--set listeners.tls.a.verify"),
    ] {
        let mut given = with_tls("tls");
        if ca {
            given = given.set_in_dir("listeners.tls.a.client_ca=DIR/ca");
        }
        if let Some(verify) = verify {
            given = given.set(&format!("listeners.tls.a.verify={verify}"));
        }
        let loaded = given.load().unwrap();
        let tls = loaded.config.listeners.enabled[0].tls().unwrap();
        let clients = &tls.client_certificates;
        assert_eq!(clients.as_str(), expected, "{ca} {verify:?}");
        assert_eq!(clients.ca().is_some(), expected != "none");
        let found = loaded.origins.of("listeners.tls.a.verify").to_string();
        assert_eq!(found, origin, "{ca} {verify:?}");
    }
}

#[test]
fn the_size_of_a_websocket_message() {
    let size = |given: Given| {
        let listeners = enabled(&given);
        let websocket = listeners
            .iter()
            .find_map(ListenerConfig::websocket)
            .unwrap();
        (
            websocket.path.clone(),
            websocket.max_message_size.to_string(),
        )
    };
    let ws = || given().file("[listeners.ws.a]");
    assert_eq!(size(ws()), ("/mqtt".to_owned(), "1088KB".to_owned()));
    let larger = ws().set("mqtt.max_packet_size=2MB");
    assert_eq!(size(larger).1, "2112KB");
    let own = ws()
        .set("listeners.ws.a.max_message_size=3MB")
        .set("listeners.ws.a.path=/a/b");
    assert_eq!(size(own), ("/a/b".to_owned(), "3MB".to_owned()));
}

#[test]
fn values_that_are_wrong() {
    for (set, expected) in [
        (
            "tcp.a.bind=1883",
            "`1883` is not an IP address and a port (--set listeners.tcp.a.bind); \
             write address and port, like 0.0.0.0:1883 or [::]:1883",
        ),
        (
            "tcp.a.max_connections=0",
            "`0` is no whole number from 1 to 4294967295 \
             (--set listeners.tcp.a.max_connections)",
        ),
        (
            "tcp.a.max_connect_rate=none",
            "`none` is no whole number from 1 to 4294967295 \
             (--set listeners.tcp.a.max_connect_rate); `off` is allowed as well",
        ),
        (
            "tcp.a.max_bytes_rate=1MB/s",
            "a size is a whole number and a unit of B, KB, MB or GB, like `64KB` or `1MB` \
             (--set listeners.tcp.a.max_bytes_rate); `off` is allowed as well",
        ),
        (
            "tcp.a.proxy_protocol=yes",
            "unknown value `yes` (--set listeners.tcp.a.proxy_protocol); \
             the known values are true, false",
        ),
        (
            "ws.a.path=mqtt",
            "`mqtt` is no path of a URL (--set listeners.ws.a.path); \
             write it like /mqtt, without `?` and `#`",
        ),
    ] {
        let key = set.split('=').next().unwrap();
        let given = given().set(&format!("listeners.{set}"));
        let given = match key {
            "tcp.a.bind" => given,
            _ => given.set("listeners.tcp.a.bind=127.0.0.1:1"),
        };
        assert_eq!(given.problems(), [format!("listeners.{key}: {expected}")]);
    }
}

#[test]
fn unknown_keys() {
    for (set, expected) in [
        (
            "listeners.tcp.a.bnid=x",
            "unknown key `listeners.tcp.a.bnid` (--set listeners.tcp.a.bnid); \
             did you mean `listeners.tcp.a.bind`?",
        ),
        (
            "listeners.tpc.a.bind=x",
            "unknown key `listeners.tpc.a.bind` (--set listeners.tpc.a.bind); \
             did you mean `listeners.tcp.a.bind`?",
        ),
        (
            "listener.tcp.a.bind=x",
            "unknown key `listener.tcp.a.bind` (--set listener.tcp.a.bind); \
             did you mean `listeners.tcp.a.bind`?",
        ),
        (
            "listeners.tcp.a.path=x",
            "unknown key `listeners.tcp.a.path` (--set listeners.tcp.a.path); \
             did you mean `listeners.ws.a.path` or `listeners.wss.a.path`?",
        ),
        (
            "listeners.quic.a.proxy_protocol=true",
            "unknown key `listeners.quic.a.proxy_protocol` \
             (--set listeners.quic.a.proxy_protocol); did you mean \
             `listeners.tcp.a.proxy_protocol` or `listeners.tls.a.proxy_protocol` or \
             `listeners.ws.a.proxy_protocol` or `listeners.wss.a.proxy_protocol`?",
        ),
        (
            "listeners.tcp.A.bind=x",
            "unknown key `listeners.tcp.A.bind` (--set listeners.tcp.A.bind); \
             a listener's name is up to 32 lower-case letters, digits and single `_`, \
             with a letter in front",
        ),
        (
            "listeners.tcp.bind=x",
            "`listeners.tcp.bind` is a section, not a key (--set listeners.tcp.bind); \
             a listener has a name: did you mean `listeners.tcp.default.bind`?",
        ),
        (
            "listeners.ws.a=x",
            "`listeners.ws.a` is a section, not a key (--set listeners.ws.a); \
             set one of its keys: bind, enabled, max_connections, max_connect_rate, \
             first_packet_timeout, max_bytes_rate, max_messages_rate, proxy_protocol, \
             path, max_message_size",
        ),
        (
            "listeners=x",
            "`listeners` is a section, not a key (--set listeners); below it are \
             listeners.tcp.default, listeners.tls.default, listeners.ws.default, \
             listeners.wss.default, listeners.quic.default",
        ),
        (
            "node.max_connections=1",
            "unknown key `node.max_connections` (--set node.max_connections); \
             did you mean `listeners.tcp.default.max_connections`?",
        ),
        (
            "mqtt.max_inflght=1",
            "unknown key `mqtt.max_inflght` (--set mqtt.max_inflght); \
             did you mean `mqtt.max_inflight`?",
        ),
    ] {
        assert_eq!(given().set(set).problems(), [expected]);
    }
    let file = given().file("[listeners.tcp.default]\nmax_conections = 1\n[listeners.http.a]\n");
    let mut problems = file.problems();
    problems.sort();
    assert_eq!(
        problems,
        [
            "unknown key `listeners.http` (FILE:3); \
             the keys of [listeners] are tcp, tls, ws, wss, quic",
            "unknown key `listeners.tcp.default.max_conections` (FILE:2); \
             did you mean `listeners.tcp.default.max_connections`?",
        ]
    );
}
