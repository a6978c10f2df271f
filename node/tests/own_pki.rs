//! Certificates of the operator's own authority, as docs/operate.md describes
//! them.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod common;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use common::{end, quorate, run};
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType, date_time_ymd,
};
use support::cluster::Cluster;
use support::node::Node;
use support::refused::{CONFIGURATION, NOT_ALLOWED, assert_alone, assert_refused};
use support::wait::until;

/// What the certificate of the first core has to say.
const OWN: &str = "quorate://pki/core/core1@127.0.0.1";

/// An authority, and the files that it hands out.
struct Pki {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Pki {
    fn make(folder: PathBuf) -> Self {
        Self::signed_by(None, folder)
    }

    /// An authority whose certificate is of this one.
    fn below(&self, folder: PathBuf) -> Self {
        Self::signed_by(Some(&self.issuer), folder)
    }

    fn signed_by(issuer: Option<&Issuer<'static, KeyPair>>, folder: PathBuf) -> Self {
        fs::create_dir(&folder).unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        let name = format!("The operator's own in {}", folder.display());
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = match issuer {
            Some(issuer) => params.signed_by(&key, issuer),
            None => params.self_signed(&key),
        };
        fs::write(folder.join("ca.pem"), certificate.unwrap().pem()).unwrap();
        let issuer = Issuer::new(params, key);
        Self { folder, issuer }
    }

    /// A certificate with that name of ours, and its key.
    fn issue(&self, file: &str, uri: &str) {
        self.issue_with(file, uri, |_| ());
    }

    fn issue_with(&self, file: &str, uri: &str, adapt: impl FnOnce(&mut CertificateParams)) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        let uri = Ia5String::try_from(uri).unwrap();
        params.subject_alt_names = vec![SanType::URI(uri)];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        adapt(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.file(file, "pem"), certificate.pem()).unwrap();
        fs::write(self.file(file, "key"), key.serialize_pem()).unwrap();
        set_mode(&self.file(file, "key"), 0o600);
    }

    /// Two authorities, that of the other in front.
    fn trust_also(&self, other: &Self) {
        let authority = |pki: &Self| fs::read_to_string(pki.file("ca", "pem")).unwrap();
        let both = authority(other) + &authority(self);
        fs::write(self.file("ca", "pem"), both).unwrap();
    }

    fn file(&self, name: &str, extension: &str) -> PathBuf {
        self.folder.join(name).with_extension(extension)
    }

    fn sets(&self, certificate: &str, key: &str) -> Vec<String> {
        let set = |what: &str, file: PathBuf| format!("transport.{what}={}", file.display());
        vec![
            set("ca", self.file("ca", "pem")),
            set("cert", self.file(certificate, "pem")),
            set("key", self.file(key, "key")),
        ]
    }

    /// Not started; with a certificate of its own name.
    fn node(&self, home: &Path, short_name: &str) -> Node {
        let mut node = Node::new(home, short_name);
        self.issue(short_name, &format!("quorate://pki/core/{}", node.name));
        node.sets.extend(self.sets(short_name, short_name));
        node
    }

    fn running(&self, home: &Path, short_name: &str) -> Node {
        let mut node = self.node(home, short_name);
        node.start();
        node.wait_settled();
        node
    }
}

fn set_mode(file: &Path, mode: u32) {
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_cluster_forms_restarts_and_renews_its_files() {
    let home = tempfile::tempdir().unwrap();
    let pki = Pki::make(home.path().join("pki"));
    let mut cluster = Cluster {
        nodes: vec![pki.running(home.path(), "core1")],
        targets: Default::default(),
    };
    for short_name in ["core2", "core3"] {
        cluster.add(pki.running(home.path(), short_name));
    }
    let rotated = cluster.nodes[0].run(&["cluster", "rotate-ca"]);
    assert_refused(&rotated, NOT_ALLOWED, &["own"], "renew the files");
    for at in 0..3 {
        let node = &mut cluster.nodes[at];
        assert!(node.terminate().success(), "{}", node.name);
        let short_name = node.name.strip_suffix("@127.0.0.1").unwrap().to_owned();
        pki.issue(&short_name, &format!("quorate://pki/core/{}", node.name));
        node.start();
        cluster.wait_whole();
    }
}

#[test]
fn files_that_are_of_no_use() {
    let home = tempfile::tempdir().unwrap();
    let pki = Pki::make(home.path().join("pki"));
    pki.issue("core1", OWN);
    pki.issue("core2", "quorate://pki/core/core2@127.0.0.1");
    pki.issue("replicant", "quorate://pki/replicant/core1@127.0.0.1");
    pki.issue("boss", "quorate://pki/boss/core1@127.0.0.1");
    pki.issue("web", "https://core1.example.org");
    pki.issue_with("server", OWN, |params| {
        params.extended_key_usages.truncate(1);
    });
    pki.issue_with("old", OWN, |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    });
    fs::write(pki.file("text", "pem"), "no certificate\n").unwrap();
    let other = Pki::make(home.path().join("other"));
    let mut strange = pki.sets("core1", "core1");
    strange[0] = other.sets("core1", "core1").remove(0);
    let mut empty = pki.sets("core1", "core1");
    empty[0] = pki.sets("text", "core1").remove(1).replace("cert=", "ca=");
    let absent = pki.file("absent", "key").display().to_string();
    let (of_core1, of_core2) = (pki.sets("core1", "core1"), pki.sets("core2", "core2"));
    let unsigned = "no authority that is trusted has signed it";
    let name = "quorate://pki/ROLES/NAME@HOST";
    let files = "PEM files are needed";
    for (sets, error, hint) in [
        (
            pki.sets("core1", "absent"),
            &["transport.key: cannot read ", &absent][..],
            "",
        ),
        (
            of_core1[..2].to_vec(),
            &["transport.key"],
            "or none of them",
        ),
        (
            pki.sets("core1", "core2"),
            &["transport.cert", "transport.key", "do not fit"],
            files,
        ),
        (
            of_core2,
            &[
                "is for quorate://pki/core/core2@127.0.0.1",
                "is core1@127.0.0.1",
            ],
            name,
        ),
        (
            pki.sets("replicant", "replicant"),
            &[
                "transport.cert is for",
                "pki/replicant/core1",
                "the roles core",
            ],
            name,
        ),
        (pki.sets("boss", "boss"), &["boss", "the roles are"], name),
        (
            pki.sets("web", "web"),
            &["0 names of the form quorate://"],
            name,
        ),
        (
            pki.sets("text", "core1"),
            &["transport.cert (", "no items found"],
            files,
        ),
        (empty, &["transport.ca (", "no items found"], files),
        (strange, &["transport.cert (", unsigned], files),
        (
            pki.sets("server", "server"),
            &["a server and a client"],
            files,
        ),
        (pki.sets("old", "old"), &["it has expired"], files),
    ] {
        let mut node = Node::new(home.path(), "core1");
        node.sets.extend(sets);
        println!("{error:?}");
        let ended = node.start_in_vain();
        assert_refused(&ended, CONFIGURATION, error, hint);
    }
}

#[test]
fn a_key_that_others_may_read_is_warned_of() {
    let home = tempfile::tempdir().unwrap();
    let pki = Pki::make(home.path().join("pki"));
    let mut node = pki.node(home.path(), "core1");
    let key = pki.file("core1", "key");
    set_mode(&key, 0o644);
    let told = format!("{} holds a secret, and others may read it", key.display());
    let mut line = vec!["config", "check"];
    for set in &node.sets {
        line.extend(["--set", set]);
    }
    let checked = run(&line);
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(checked.stderr.contains(&told), "{checked:?}");
    assert!(checked.stderr.contains("hint: chmod 600 "), "{checked:?}");
    node.start();
    node.wait_settled();
    let log = node.whole_log();
    assert!(log.contains(&told), "{log}");
    assert!(log.contains("hint: chmod 600 "), "{log}");
}

/// A node without files, and one with others, are told so before anything of theirs
/// or of the cluster's has changed.
#[test]
fn a_node_gets_in_with_the_right_files_alone() {
    let home = tempfile::tempdir().unwrap();
    let pki = Pki::make(home.path().join("pki"));
    let other = Pki::make(home.path().join("other"));
    let host = pki.running(home.path(), "core1");
    let (core, token) = (host.core_address(), host.core_token());
    let bare = Node::alone(home.path(), "core3");
    let hint = "files of that cluster's authority in transport.cert";
    let refused = bare.join(&core, &token);
    let error = ["its operator's own authority, and this node has none"];
    assert_refused(&refused, CONFIGURATION, &error, hint);
    let mut node = other.running(home.path(), "core2");
    let refused = node.join(&core, &token);
    let error = ["is none of an authority of transport.ca", "no authority"];
    assert_refused(&refused, CONFIGURATION, &error, hint);
    // The cluster's own authority is as strange to a node with files.
    let refused = node.join(&bare.core_address(), &bare.core_token());
    assert_refused(&refused, CONFIGURATION, &error, hint);
    // It may trust the cluster, and the cluster not it.
    assert!(node.terminate().success());
    other.trust_also(&pki);
    node.start();
    node.wait_settled();
    let refused = node.join(&core, &token);
    let error = ["does not accept this node's certificate", "no authority"];
    let hint = "of an authority in that core's transport.ca";
    assert_refused(&refused, CONFIGURATION, &error, hint);
    for alone in [&host, &bare, &node] {
        assert_alone(alone);
    }

    assert!(node.terminate().success());
    pki.issue("core2", &format!("quorate://pki/core/{}", node.name));
    node.sets.truncate(1);
    node.sets.extend(pki.sets("core2", "core2"));
    node.start();
    node.wait_settled();
    let ended = node.join(&core, &token);
    assert_eq!(ended.code, 0, "{ended:?}");
    let mut cluster = Cluster {
        nodes: vec![host, node],
        targets: Default::default(),
    };
    cluster.wait_whole();
}

/// One node trusts the root alone, the other what the root has signed.
#[test]
fn a_chain_may_end_in_either_authority() {
    let home = tempfile::tempdir().unwrap();
    let root = Pki::make(home.path().join("root"));
    let below = root.below(home.path().join("below"));
    let mut host = below.node(home.path(), "core1");
    let intermediate = fs::read_to_string(below.file("ca", "pem")).unwrap();
    let own = fs::read_to_string(below.file("core1", "pem")).unwrap();
    fs::write(below.file("core1", "pem"), own + &intermediate).unwrap();
    host.sets.retain(|set| !set.starts_with("transport.ca="));
    let root = root.file("ca", "pem");
    host.sets.push(format!("transport.ca={}", root.display()));
    host.start();
    host.wait_settled();
    let mut cluster = Cluster {
        nodes: vec![host],
        targets: Default::default(),
    };
    cluster.add(below.running(home.path(), "core2"));
}

/// While one authority replaces another, some nodes trust both, and the file holds them
/// in either order.
#[test]
fn a_node_joins_while_authorities_change() {
    let home = tempfile::tempdir().unwrap();
    let (old, new) = (
        Pki::make(home.path().join("old")),
        Pki::make(home.path().join("new")),
    );
    let own = fs::read(old.file("ca", "pem")).unwrap();
    old.trust_also(&new);
    let mut cluster = Cluster {
        nodes: vec![old.running(home.path(), "core1")],
        targets: Default::default(),
    };
    cluster.add(old.running(home.path(), "core2"));
    fs::write(old.file("ca", "pem"), own).unwrap();
    new.trust_also(&old);
    cluster.add(new.running(home.path(), "core3"));
}

/// The core that is asked accepts the node, and the leader has other files.
#[test]
fn a_node_that_others_do_not_accept_says_so_while_it_waits() {
    let home = tempfile::tempdir().unwrap();
    let pki = Pki::make(home.path().join("pki"));
    let other = Pki::make(home.path().join("other"));
    let mut cluster = Cluster {
        nodes: vec![pki.running(home.path(), "core1")],
        targets: Default::default(),
    };
    pki.trust_also(&other);
    cluster.add(pki.running(home.path(), "core2"));
    other.trust_also(&pki);
    let node = other.running(home.path(), "core3");
    let host = &cluster.nodes[1];
    let (core, token) = (host.core_address(), host.core_token());
    let mut join = quorate(&["node", "join", "--core", &core, "--token", &token]);
    join.arg("--dir").arg(&node.dir);
    let joining = std::thread::spawn(move || end(join, ""));
    until("the node says what it waits for", || {
        let detail = node.status()?.this_node.detail.unwrap_or_default();
        let says = detail.contains("core1@127.0.0.1: ") && detail.contains("does not trust");
        says.then_some(()).ok_or(detail)
    });
    assert!(!joining.is_finished());
    let left = node.run(&["node", "leave"]);
    assert_eq!(left.code, 0, "{left:?}");
    joining.join().unwrap();
}

/// One authority may be that of several clusters: their ids keep them apart.
#[test]
fn two_clusters_of_one_authority_do_not_mix() {
    let home = tempfile::tempdir().unwrap();
    let pki = Pki::make(home.path().join("pki"));
    let mut cluster = Cluster {
        nodes: vec![pki.running(home.path(), "core1")],
        targets: Default::default(),
    };
    cluster.add(pki.running(home.path(), "core2"));
    let mut stranger = pki.running(home.path(), "other1");
    let (core, token) = (cluster.nodes[0].core_address(), stranger.core_token());
    let ended = stranger.run(&["node", "join", "--core", &core, "--token", &token, "--wipe"]);
    let hint = "quorate token create --role core";
    assert_refused(&ended, NOT_ALLOWED, &["no such token"], hint);
    assert_alone(&stranger);
    assert!(stranger.terminate().success());

    let away = &mut cluster.nodes[1];
    assert!(away.terminate().success());
    stranger.transport_port = away.transport_port;
    stranger.start();
    stranger.wait_settled();
    let host = &cluster.nodes[0];
    let refused = "; two clusters never mix";
    until("the host says who is there", || {
        let log = host.log();
        log.contains(refused).then_some(()).ok_or(log)
    });
    assert!(stranger.terminate().success());
    for node in [host, &stranger] {
        let log = node.whole_log();
        let lines = log.lines().filter(|line| line.contains(refused)).count();
        assert!((1..=2).contains(&lines), "{lines} in {log}");
    }
    cluster.nodes[1].start();
    cluster.wait_whole();
}
