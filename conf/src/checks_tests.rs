use std::fs;

use quorate_model::node_name::NodeName;

use crate::{ConfigError, Loaded, Sources, load};

fn set(sets: &[&str]) -> Result<Loaded, ConfigError> {
    load(&Sources {
        sets: sets.iter().map(|set| (*set).to_owned()).collect(),
        ..Sources::default()
    })
}

/// The one problem of these settings, as `what` and `hint`.
fn refused(sets: &[&str]) -> (String, String) {
    let error = set(sets).unwrap_err();
    let [problem] = error.problems() else {
        panic!("{error}");
    };
    let hint = problem.hint().unwrap_or_default();
    (problem.what().to_owned(), hint.to_owned())
}

fn assert_refused(sets: &[&str], what: &str, hint: &str) {
    assert_eq!(refused(sets), (what.to_owned(), hint.to_owned()));
}

#[test]
fn a_replicant_needs_discovery() {
    assert_refused(
        &["node.roles=replicant"],
        "cluster.discovery_strategy: a replicant finds its cores by discovery; \
         `manual` is for cores alone (default)",
        "set cluster.discovery_strategy; this build knows `manual` only, so a node \
         needs the role core too",
    );
    assert!(set(&["node.roles=core"]).is_ok());
}

#[test]
fn a_node_has_a_role() {
    for none in ["node.roles=[]", "node.roles="] {
        assert_refused(
            &[none],
            "node.roles: a node without a role does nothing (--set node.roles)",
            "set node.roles to [\"core\"], or leave it out for both roles",
        );
    }
}

#[test]
fn a_wildcard_is_not_advertised() {
    for wildcard in ["0.0.0.0:4370", "[::]:4370"] {
        assert_refused(
            &[&format!("transport.advertise={wildcard}")],
            &format!(
                "transport.advertise: nobody can connect to {wildcard} \
                 (--set transport.advertise)"
            ),
            "set an address of this machine, like 10.0.0.1:4370",
        );
    }
    assert_refused(
        &["node.name=a@::"],
        "node.name: nobody can connect to ::, which transport.advertise takes from here \
         (--set node.name)",
        "set transport.advertise, or name the node by an address of its own",
    );
    assert!(set(&["node.name=a@::", "transport.advertise=[::1]:1"]).is_ok());
}

#[test]
fn port_0_is_not_advertised() {
    assert_refused(
        &["transport.bind=127.0.0.1:0"],
        "transport.bind: port 0 is any free port, and others would not know which \
         (--set transport.bind)",
        "set a port, or transport.advertise to where others reach it",
    );
    assert_refused(
        &["transport.advertise=10.0.0.1:0"],
        "transport.advertise: nobody can connect to port 0 (--set transport.advertise)",
        "set the port at which others reach this node",
    );
    let behind_a_proxy = ["transport.bind=127.0.0.1:0", "transport.advertise=h:1"];
    assert!(set(&behind_a_proxy).is_ok());
}

#[test]
fn a_peer_is_dialled_somewhere() {
    for target in ["0.0.0.0:1", "127.0.0.1:0"] {
        assert_refused(
            &[&format!("transport.dial.\"a@h\"={target}")],
            &format!(
                "transport.dial.\"a@h\": nobody can connect to {target} \
                 (--set transport.dial.\"a@h\")"
            ),
            "",
        );
    }
}

#[test]
fn transport_and_admin_share_a_port_number() {
    assert!(set(&["admin.bind=127.0.0.1:4370"]).is_ok());
}

#[test]
fn the_admin_api_stays_on_loopback() {
    assert_refused(
        &["admin.bind=0.0.0.0:18083"],
        "admin.bind: 0.0.0.0:18083 is not loopback, and the admin API has no users yet \
         that could guard it (--set admin.bind)",
        "set admin.bind to 127.0.0.1:18083, and use it from this machine",
    );
    for loopback in ["127.0.0.2:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
        assert!(set(&[&format!("admin.bind={loopback}")]).is_ok());
    }
}

#[test]
fn a_weak_cookie_stays_on_loopback() {
    let hint = "make one with `openssl rand -hex 32`, or leave it out and join by token";
    for (cookie, weakness) in [
        ("", "the cookie is empty"),
        ("changeme", "the cookie is a well-known one"),
        ("0123456789abcde", "the cookie has 15 bytes, fewer than 16"),
    ] {
        let cookie = format!("node.cookie={cookie}");
        assert_refused(
            &[&cookie],
            &format!(
                "node.cookie: {weakness}, and transport.bind 0.0.0.0:4370 is not loopback \
                 (--set node.cookie)"
            ),
            hint,
        );
        let loopback = "transport.bind=127.0.0.1:4370";
        assert_refused(
            &[&cookie, loopback, "transport.advertise=example.org:1"],
            &format!(
                "node.cookie: {weakness}, and transport.advertise example.org:1 is not \
                 loopback (--set node.cookie)"
            ),
            hint,
        );
        assert!(set(&[&cookie, loopback]).is_ok());
    }
    assert!(set(&["node.cookie=0123456789abcdef"]).is_ok());
}

#[test]
fn what_show_prints_for_a_cookie_is_none() {
    assert_refused(
        &["node.cookie=<redacted>"],
        "node.cookie: `<redacted>` stands where `config show` leaves the cookie out \
         (--set node.cookie)",
        "put the cookie itself there, or file:///path",
    );
}

#[test]
fn certificates_come_together() {
    let hint = "set ca, cert and key, or none of them for the cluster's own";
    assert_refused(
        &["transport.cert=/c"],
        "transport.cert: needs transport.ca and transport.key as well (--set transport.cert)",
        hint,
    );
    assert_refused(
        &["transport.key=/k", "transport.ca=/c"],
        "transport.ca: needs transport.cert as well (--set transport.ca)",
        hint,
    );
}

#[test]
fn certificates_are_readable_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).display().to_string();
    fs::write(path("cert"), "").unwrap();
    let error = set(&[
        &format!("transport.ca={}", path("none")),
        &format!("transport.cert={}", path("cert")),
        &format!("transport.key={}", path("")),
    ])
    .unwrap_err();
    let expected = format!(
        "transport.ca: cannot read {}: No such file or directory (os error 2) \
         (--set transport.ca)\n\
         transport.key: {} is a directory, not a file (--set transport.key)",
        path("none"),
        path("")
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_name_stays_with_its_data() {
    let config = set(&["node.name=b@10.0.0.1"]).unwrap().config;
    let stored = |name: &str| config.check_stored_name(&NodeName::new(name).unwrap());
    assert_eq!(stored("b@10.0.0.1"), Ok(()));
    assert_eq!(
        stored("a@10.0.0.1").unwrap_err().to_string(),
        "node.name: the data in quorate-data are those of `a@10.0.0.1`, not of \
         `b@10.0.0.1`; a node's name is fixed once it has data\n\
         hint: set node.name back to \"a@10.0.0.1\", or use another node.data_dir"
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let error = set(&[
        "node.nmae=x",
        "node.roles=replicant",
        "admin.bind=0.0.0.0:1",
        "transport.bind=127.0.0.1:0",
    ])
    .unwrap_err();
    assert_eq!(error.problems().len(), 4, "{error}");
}
