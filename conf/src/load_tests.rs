use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use quorate_model::member::Roles;

use crate::given::given;
use crate::schema::{paths, variable};
use crate::{LogFormat, Sources, load};

#[test]
fn without_sources_there_are_defaults() {
    let loaded = given().load().unwrap();
    let config = &loaded.config;
    assert_eq!(config.node.name.as_str(), "quorate@127.0.0.1");
    assert_eq!(config.node.roles, Roles::Both);
    assert_eq!(config.node.data_dir, PathBuf::from("quorate-data"));
    assert!(config.node.cookie.is_none());
    assert_eq!(config.cluster.name.as_str(), "quorate");
    assert_eq!(config.transport.bind.to_string(), "0.0.0.0:4370");
    assert_eq!(config.transport.advertise.to_string(), "127.0.0.1:4370");
    assert!(config.transport.pki.is_none() && config.transport.dial.is_empty());
    assert_eq!(config.admin.bind.to_string(), "127.0.0.1:18083");
    assert_eq!(config.log.level.as_str(), "info");
    assert_eq!(config.log.format, LogFormat::Text);
    assert!(loaded.warnings.is_empty());
}

#[test]
fn later_layers_win() {
    let file = given().file("node.name = \"file@h\"\nlog.level = \"warn\"");
    assert_eq!(file.load().unwrap().config.node.name.as_str(), "file@h");
    let env = file.env("QUORATE_NODE__NAME", "env@h");
    assert_eq!(env.load().unwrap().config.node.name.as_str(), "env@h");
    let flag = env.set("node.name=flag@h").set("node.name=last@h");
    let loaded = flag.load().unwrap();
    assert_eq!(loaded.config.node.name.as_str(), "last@h");
    assert_eq!(loaded.config.log.level.as_str(), "warn");
    let origins = loaded.origins;
    assert_eq!(origins.of("node.name").to_string(), "--set node.name");
    let file_line = format!("{}:2", flag.path().display());
    assert_eq!(origins.of("log.level").to_string(), file_line);
    assert_eq!(origins.of("log.format").to_string(), "default");
}

#[test]
fn what_to_advertise_follows_name_and_bind() {
    for (name, bind, advertise) in [
        ("a@10.0.0.1", "0.0.0.0:1", "10.0.0.1:1"),
        ("a@2001:db8::1", "[::]:2", "[2001:db8::1]:2"),
        ("a@core.example", "0.0.0.0:3", "core.example:3"),
    ] {
        let given = given()
            .set(&format!("node.name={name}"))
            .set(&format!("transport.bind={bind}"));
        let loaded = given.load().unwrap();
        assert_eq!(loaded.config.transport.advertise.to_string(), advertise);
    }
}

#[test]
fn roles_in_every_spelling() {
    for (text, roles) in [
        ("[\"core\"]", Roles::Core),
        ("core", Roles::Core),
        ("\"core\"", Roles::Core),
        ("core,replicant", Roles::Both),
        (" replicant , core ,", Roles::Both),
        ("[\"replicant\", \"core\"]", Roles::Both),
    ] {
        let env = given().env("QUORATE_NODE__ROLES", text);
        assert_eq!(env.load().unwrap().config.node.roles, roles, "{text}");
        let flag = given().set(&format!("node.roles={text}"));
        assert_eq!(flag.load().unwrap().config.node.roles, roles, "{text}");
    }
    let file = given().file("[node]\nroles = [\"core\", \"replicant\"]");
    assert_eq!(file.load().unwrap().config.node.roles, Roles::Both);
    assert_eq!(
        given().env("QUORATE_NODE__ROLES", "cor").problems(),
        ["node.roles: unknown value `cor` (env QUORATE_NODE__ROLES); did you mean `core`?"]
    );
}

#[test]
fn text_that_looks_like_something_else_stays_text() {
    for (given_text, expected) in [
        ("0123", "0123"),
        ("1e3", "1e3"),
        ("true", "true"),
        ("\"quoted\"", "quoted"),
        ("'literal'", "literal"),
        ("1979-05-27", "1979-05-27"),
    ] {
        let flag = given().set(&format!("cluster.name={given_text}"));
        assert_eq!(flag.load().unwrap().config.cluster.name.as_str(), expected);
        let env = given().env("QUORATE_CLUSTER__NAME", given_text);
        assert_eq!(env.load().unwrap().config.cluster.name.as_str(), expected);
    }
    let what = "a node name is name@host, like core1@10.0.0.1; the @ is missing";
    assert_eq!(
        given().set("node.name=123").problems(),
        [format!("node.name: {what} (--set node.name)")]
    );
    let equals = given().set("node.cookie=abcdefghijklmnop=q==");
    let cookie = equals.load().unwrap().config.node.cookie.unwrap();
    assert_eq!(cookie.reveal(), "abcdefghijklmnop=q==");
}

#[test]
fn dial_is_merged_entry_by_entry() {
    let given = given()
        .file("[transport.dial]\n\"a@h\" = \"h:1\"\n\"b@h\" = \"h:2\"")
        .env("QUORATE_TRANSPORT__DIAL", "{ \"b@h\" = \"h:3\" }")
        .set("transport.dial.\"c@10.0.0.1\"=h:4");
    let dial = given.load().unwrap().config.transport.dial;
    let dial: Vec<_> = dial
        .iter()
        .map(|(name, target)| format!("{name} {target}"))
        .collect();
    assert_eq!(dial, ["a@h h:1", "b@h h:3", "c@10.0.0.1 h:4"]);
}

#[test]
fn unknown_keys_in_a_file() {
    let given = given().file(
        "[node]\nnmae = \"x\"\nlevel = \"info\"\nwhatever = 1\n\
         [transprot]\nbind = \"\"\n[webhook]\nmax_inflight = 1\n[log]\nformat = 1\n",
    );
    let mut problems = given.problems();
    problems.sort();
    assert_eq!(
        problems,
        [
            "log.format: expected a string, found integer (FILE:10)",
            "unknown key `node.level` (FILE:3); did you mean `log.level`?",
            "unknown key `node.nmae` (FILE:2); did you mean `node.name`?",
            "unknown key `node.whatever` (FILE:4); the keys of [node] are \
             name, roles, data_dir, cookie",
            "unknown section `transprot` (FILE:5); did you mean the section `transport`?",
            "unknown section `webhook` (FILE:7); the sections are node, cluster, transport, \
             broker, listeners, mqtt, subscribe, auth, admin, log",
        ]
    );
}

#[test]
fn unknown_keys_of_flags() {
    for (set, expected) in [
        (
            "node.nmae=x",
            "unknown key `node.nmae` (--set node.nmae); did you mean `node.name`?",
        ),
        (
            "nod.name=x",
            "unknown key `nod.name` (--set nod.name); did you mean `node.name`?",
        ),
        (
            "roles=core",
            "unknown section `roles` (--set roles); did you mean `node.roles`?",
        ),
        (
            "log.level.x=debug",
            "unknown key `log.level.x` (--set log.level.x); did you mean `log.level`?",
        ),
        (
            "node=x",
            "`node` is a section, not a key (--set node); \
             set one of its keys: name, roles, data_dir, cookie",
        ),
        (
            "node..name=x",
            "`node..name` is no key (--set node..name); \
             write --set key=value, like --set node.name=core1@10.0.0.1",
        ),
        (
            "[node]\nname=x",
            "`[node]\nname` is no key (--set [node]\nname); \
             write --set key=value, like --set node.name=core1@10.0.0.1",
        ),
        (
            "node.name hunter2",
            "--set node.name: the `=` is missing; \
             write --set key=value, like --set node.name=core1@10.0.0.1",
        ),
    ] {
        assert_eq!(given().set(set).problems(), [expected]);
    }
}

#[test]
fn values_that_are_wrong() {
    let given = given()
        .file("[node]\nname = 1\nroles = [1]\n[transport.dial]\n\"a@h\" = \"h\"\nb = \"h:1\"\n\"c@h\" = 1")
        .env("QUORATE_LOG__FORMAT", "jsno")
        .env("QUORATE_CLUSTER__DISCOVERY_STRATEGY", "manaul")
        .set("transport.bind=localhost:1")
        .set("log.level=inof")
        .set("cluster.name=a b")
        .set("transport.dial=5");
    let mut problems = given.problems();
    problems.sort();
    assert_eq!(
        problems,
        [
            "cluster.discovery_strategy: unknown value `manaul` \
             (env QUORATE_CLUSTER__DISCOVERY_STRATEGY); did you mean `manual`?",
            "cluster.name: a cluster name has 1 to 64 letters, digits, `_`, `-` or `.` \
             (--set cluster.name)",
            "log.format: unknown value `jsno` (env QUORATE_LOG__FORMAT); did you mean `json`?",
            "log.level: unknown level `inof` (--set log.level); did you mean `info`?",
            "node.name: expected a string, found integer (FILE:2)",
            "node.roles: expected an array of strings, found integer (FILE:3)",
            "transport.bind: `localhost:1` is not an IP address and a port \
             (--set transport.bind); write address and port, like 0.0.0.0:1883 or [::]:1883",
            "transport.dial.\"a@h\": an address is host:port, like 10.0.0.1:4370 or \
             [::1]:4370; the port is missing (FILE:5)",
            "transport.dial.\"b\": a node name is name@host, like core1@10.0.0.1; \
             the @ is missing (FILE:6)",
            "transport.dial.\"c@h\": expected a string, found integer (FILE:7)",
            "transport.dial: expected a table of strings, like \
             { \"core2@10.0.0.2\" = \"10.0.0.9:4370\" }, found string (--set transport.dial)",
        ]
    );
}

#[test]
fn strategies_of_later_builds_are_told_apart() {
    for strategy in ["static", "dns", "mcast", "etcd", "k8s"] {
        let set = format!("cluster.discovery_strategy={strategy}");
        let expected = format!(
            "cluster.discovery_strategy: this build knows `manual` only, not `{strategy}` \
             (--set cluster.discovery_strategy)"
        );
        assert_eq!(given().set(&set).problems(), [expected]);
    }
}

#[test]
fn files_that_cannot_be_read() {
    let missing = Sources {
        file: Some("/no/such/quorate.toml".into()),
        ..Sources::default()
    };
    assert_eq!(
        load(&missing).unwrap_err().to_string(),
        "cannot read the configuration file /no/such/quorate.toml: \
         No such file or directory (os error 2)\n\
         hint: `quorate config example core` prints one to start from"
    );
    let broken = given().file("[node]\ncookie = \"hunter2\n");
    let [problem] = &broken.problems()[..] else {
        panic!("one problem");
    };
    assert!(problem.starts_with("not valid TOML: "), "{problem}");
    assert!(problem.ends_with(" (FILE:2)"), "{problem}");
    assert!(!problem.contains("hunter2"));
    let more = broken.set("node.nmae=x").set("admin.bind=0.0.0.0:1");
    let more = more.problems();
    assert_eq!(more.len(), 2, "names are checked, values are not: {more:?}");
}

#[test]
fn no_text_of_a_cookie_is_shown() {
    for given in [
        given().env("QUORATE_NODE__COOKIE", "hunter2"),
        given().set("node.cookie=hunter2"),
        given().file("node.cookie = [\"hunter2\"]"),
        given().set("node.cookie=file:hunter2"),
    ] {
        assert!(!given.problems().concat().contains("hunter2"));
    }
    let loaded = given().set("node.cookie=hunter2-hunter2-hunter2").load();
    let loaded = loaded.unwrap();
    assert!(!format!("{loaded:?}{}", loaded.show(true)).contains("hunter2"));
}

#[test]
fn a_cookie_from_a_file() {
    let given = given();
    let path = given.in_dir("cookie");
    fs::write(&path, "0123456789abcdef\n").unwrap();
    let given = given.set(&format!("node.cookie=file://{}", path.display()));
    let loaded = given.load().unwrap();
    assert_eq!(
        loaded.config.node.cookie.unwrap().reveal(),
        "0123456789abcdef"
    );
}

#[test]
fn secrets_open_to_others_are_warned_of() {
    let mode = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode));
    let given = given();
    let pki = ["ca", "cert", "key"].map(|name| {
        let path = given.in_dir(name);
        fs::write(&path, "").unwrap();
        mode(&path, 0o644).unwrap();
        format!("{name} = \"{}\"\n", path.display())
    });
    let key = given.in_dir("key");
    let given = given.file(&format!(
        "node.cookie = \"0123456789abcdef\"\n[transport]\n{}",
        pki.concat()
    ));
    mode(&given.path(), 0o604).unwrap();
    let warnings = given.load().unwrap().warnings;
    let warnings: Vec<_> = warnings.iter().map(|warning| warning.what()).collect();
    let expected = [(given.path(), "0604"), (key.clone(), "0644")].map(|(path, mode)| {
        let path = path.display();
        format!("{path} holds a secret, and others may read it (mode {mode})")
    });
    assert_eq!(warnings, expected);
    mode(&given.path(), 0o600).unwrap();
    mode(&key, 0o600).unwrap();
    assert_eq!(given.load().unwrap().warnings, []);
}

#[test]
fn every_key_has_a_variable_and_a_flag() {
    for (path, key) in paths("extra") {
        let default = key.default.unwrap_or("{}");
        let env = given().env(&variable(&path), default);
        let flag = given().set(&format!("{path}={default}"));
        for given in [env, flag] {
            if let Err(error) = given.load() {
                let unknown = ["unknown key", "unknown section", "unknown environment"];
                let error = error.to_string();
                assert!(!unknown.iter().any(|what| error.contains(what)), "{error}");
            }
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(
        set in "(node|listeners|log|transport|x)(\\.(name|level|dial|tcp|ws|path|y)){0,3}[^a]{0,2}=.{0,12}",
        key in 0..paths("a").len(),
        text in "[\\[{\"']?.{0,12}[\\]}\"']?",
        file in "(\\[node\\]\n)?(name|roles|transport\\.dial|x) ?= ?.{0,12}\n",
    ) {
        let any = given().file(&file).set(&set).env(&variable(&paths("a")[key].0), &text);
        if let Ok(loaded) = any.load() {
            let again = given().file(&loaded.show(true)).load();
            if loaded.config.node.cookie.is_none() {
                prop_assert_eq!(again.unwrap().show(false), loaded.show(false));
            }
        }
    }
}
