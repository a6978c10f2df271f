use crate::given::given;

const FILE: &str = "\
[node]
name = \"core1@127.0.0.1\"

[transport]
bind = \"127.0.0.1:4371\"
dial = { \"core2@127.0.0.1\" = \"127.0.0.1:9999\" }

[mqtt]
max_inflight = 0x10
server_keepalive = \"1m\"

[listeners.ws.default]
";

#[test]
fn every_line_names_its_origin() {
    let given = given()
        .touch("cert")
        .touch("key")
        .file(FILE)
        .env("QUORATE_NODE__COOKIE", "0123456789abcdef")
        .set("log.level=debug")
        .set("transport.dial.\"core3@127.0.0.1\"=localhost:9998")
        .set("listeners.tcp.default.enabled=false")
        .env("QUORATE_LISTENERS__TLS__A__MAX_CONNECT_RATE", "500")
        .set_in_dir("listeners.tls.a.cert=DIR/cert")
        .set_in_dir("listeners.tls.a.key=DIR/key");
    let path = given.path().display().to_string();
    let folder = given.in_dir("").display().to_string();
    let shown = given.load().unwrap().show(true);
    let shown = shown.replace(&path, "FILE").replace(&folder, "DIR/");
    assert_eq!(shown, EXPECTED);
}

const EXPECTED: &str = r#"[node]
name = "core1@127.0.0.1"  # FILE:2
roles = ["core", "replicant"]  # default
data_dir = "quorate-data"  # default
cookie = "<redacted>"  # env QUORATE_NODE__COOKIE

[cluster]
name = "quorate"  # default
discovery_strategy = "manual"  # default

[transport]
bind = "127.0.0.1:4371"  # FILE:5
advertise = "127.0.0.1:4371"  # from node.name and transport.bind
dial."core2@127.0.0.1" = "127.0.0.1:9999"  # FILE:6
dial."core3@127.0.0.1" = "localhost:9998"  # --set transport.dial."core3@127.0.0.1"

[broker]
threads = "auto"  # default

[listeners.tls.a]
bind = "0.0.0.0:8883"  # default
enabled = true  # default
max_connections = 1000000  # default
max_connect_rate = 500  # env QUORATE_LISTENERS__TLS__A__MAX_CONNECT_RATE
first_packet_timeout = "15s"  # default
max_bytes_rate = "off"  # default
max_messages_rate = "off"  # default
proxy_protocol = false  # default
cert = "DIR/cert"  # --set listeners.tls.a.cert
key = "DIR/key"  # --set listeners.tls.a.key
verify = "none"  # default
min_tls_version = "1.2"  # default

[listeners.ws.default]
bind = "0.0.0.0:8083"  # default
enabled = true  # default
max_connections = 1000000  # default
max_connect_rate = "off"  # default
first_packet_timeout = "15s"  # default
max_bytes_rate = "off"  # default
max_messages_rate = "off"  # default
proxy_protocol = false  # default
path = "/mqtt"  # default
max_message_size = "1088KB"  # from mqtt.max_packet_size

[listeners.tcp.default]
enabled = false  # --set listeners.tcp.default.enabled

[mqtt]
max_packet_size = "1MB"  # default
max_unfinished_bytes = "1GB"  # default
max_sessions = 1000000  # default
max_inflight = 16  # FILE:9
receive_maximum = 1024  # default
max_queue_bytes = "1MB"  # default
max_queue_messages = 10000  # default
session_expiry_max = "7d"  # default
session_expiry_v3 = "7d"  # from mqtt.session_expiry_max
keepalive_multiplier = 1.5  # default
server_keepalive = "60s"  # FILE:10
max_client_id_bytes = 1024  # default
max_topic_levels = 128  # default
max_topic_alias = 64  # default
max_subscriptions = 100000  # default
max_subscription_bytes = "16MB"  # default
max_retained_messages = 1000000  # default
max_retained_bytes = "1GB"  # default
drain_timeout = "10s"  # default
max_qos = 2  # default
retain_available = true  # default
wildcard_subscription = true  # default
shared_subscription = true  # default
shared_subscription_strategy = "round_robin"  # default

[subscribe]
visibility_wait = "250ms"  # default

[auth]
allow_anonymous = true  # default

[admin]
bind = "127.0.0.1:18083"  # default

[log]
level = "debug"  # --set log.level
format = "text"  # default
"#;

#[test]
fn what_is_shown_loads_as_the_same() {
    let files = ["ca", "cert", "key", "users"];
    let given = files
        .into_iter()
        .fold(given(), |given, name| given.touch(name));
    let mut first = given
        .set("node.data_dir=C:\\odd \"path\" # é")
        .set("transport.dial.\"a@::1\"=[::1]:9")
        .set("listeners.tcp.default.enabled=false")
        .set("listeners.tcp.lan.max_bytes_rate=3MB")
        .set("listeners.tcp.lan.max_messages_rate=3")
        .set("listeners.tcp.lan.proxy_protocol=true")
        .set("listeners.tls.a.min_tls_version=1.3")
        .set("listeners.tls.a.verify=optional")
        .set("mqtt.keepalive_multiplier=2")
        .set("mqtt.server_keepalive=90s")
        .set("mqtt.response_prefix=r/")
        .set("mqtt.server_reference=a \"b\"")
        .set("broker.threads=3")
        .set("auth.allow_anonymous=false")
        .set_in_dir("auth.scram_users=DIR/users");
    for file in ["ca", "cert", "key"] {
        first = first.set_in_dir(&format!("transport.{file}=DIR/{file}"));
    }
    for kind in ["tls", "wss", "quic"] {
        let section = format!("listeners.{kind}.a");
        first = first
            .set_in_dir(&format!("{section}.cert=DIR/cert"))
            .set_in_dir(&format!("{section}.key=DIR/key"))
            .set_in_dir(&format!("{section}.client_ca=DIR/ca"));
    }
    let shown = first.load().unwrap().show(false);
    let again = crate::given::given().file(&shown).load().unwrap();
    assert_eq!(again.show(false), shown);
    assert!(!shown.contains('#') || shown.contains("# é"));
}
