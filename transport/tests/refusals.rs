//! Who is not talked to, and what breaks nothing.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use quorate_model::ids::{ClusterId, Incarnation};
use quorate_model::node_name::NodeName;
use quorate_model::token::TokenRole;
use quorate_transport::{
    AuthorityHash, Environment, JoinToken, ProtocolRange, Service, TransportConfig, Trust, Visit,
    VisitError,
};
use support::{Blueprint, Node, SECOND, authority, name};

/// The reason that node 2 sees, which is not as node 1 wants it.
async fn refused(two: impl FnOnce(&mut Blueprint<'_>)) -> String {
    let authority = authority(1);
    let one = Blueprint::new(1, &authority).start();
    let mut blueprint = Blueprint::new(2, &authority);
    two(&mut blueprint);
    let two = blueprint.start();
    two.knows(&one);
    let reason = two.refusal(&one).await;
    // And the other way round.
    let (one, other) = (Blueprint::new(3, &authority).start(), two);
    one.knows(&other);
    let back = one.refusal(&other).await;
    assert!(back.contains("cannot be reached"), "{back}");
    reason
}

#[tokio::test(flavor = "multi_thread")]
async fn another_protocol() {
    let newer = |it: &mut Blueprint<'_>| {
        it.change_hello = |hello| hello.protocols = ProtocolRange { min: 7, max: 9 };
    };
    let reason = refused(newer).await;
    assert!(
        reason.contains("it refused this node: it speaks protocols 7 to 9"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn another_cluster() {
    let other = |it: &mut Blueprint<'_>| {
        it.change_hello = |hello| hello.cluster = ClusterId::new(2);
    };
    let reason = refused(other).await;
    assert!(reason.contains("two clusters never mix"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_identity_than_the_certificates() {
    let other = |it: &mut Blueprint<'_>| {
        it.change_hello = |hello| hello.node = quorate_model::ids::NodeId::new(9);
    };
    let reason = refused(other).await;
    assert!(
        reason.contains("its certificate is for quorate://"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_of_another_authority() {
    let (ours, others) = (authority(1), authority(1));
    let one = Blueprint::new(1, &ours).start();
    let two = Blueprint::new(2, &others).start();
    two.knows(&one);
    let reason = two.refusal(&one).await;
    assert!(
        reason.contains("not made by an authority of this cluster"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_node_an_ended_life_and_a_wrong_address() {
    let authority = authority(1);
    let one = Blueprint::new(1, &authority).start();
    let two = Blueprint::new(2, &authority).start();
    two.knows(&one);
    one.directory
        .set_member(two.id, name(2), Vec::new(), Incarnation::new(5));
    let reason = two.refusal(&one).await;
    assert!(
        reason.contains("incarnation 1 of it has ended; incarnation 5"),
        "{reason}"
    );

    let three = Blueprint::new(3, &authority).start();
    three.knows(&one);
    one.directory.bury(three.id);
    let reason = three.refusal(&one).await;
    assert!(reason.contains("was removed from the cluster"), "{reason}");

    let four = Blueprint::new(4, &authority).start();
    four.knows_at(&two, &one.address);
    let reason = four.refusal(&two).await;
    assert!(reason.contains("its address is out of date"), "{reason}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_host_says_what_was_tried() {
    let authority = authority(1);
    let one = Blueprint::new(1, &authority).start();
    let two = Blueprint::new(2, &authority).start();
    one.knows_at(&two, "no-such-host.invalid:4370");
    let reason = one.refusal(&two).await;
    assert!(reason.contains("no-such-host.invalid:4370"), "{reason}");
}

fn visitor() -> (Environment, Arc<dyn quinn::AsyncUdpSocket>) {
    let environment = Environment::system(1);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let socket = environment.runtime.wrap_udp_socket(socket).unwrap();
    (environment, socket)
}

async fn visit(to: &Node, trust: Trust) -> Result<Visit, VisitError> {
    let (environment, socket) = visitor();
    let addresses = [to.address.clone()];
    Visit::begin(
        &environment,
        &TransportConfig::default(),
        socket,
        &addresses,
        trust,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_checks_the_authority_before_it_says_anything() {
    let authority = authority(1);
    let one = Blueprint::new(1, &authority).start();
    let hash = AuthorityHash::of(authority.certificate());
    let token = JoinToken::make(TokenRole::Core, hash).unwrap();
    let visited = visit(&one, Trust::Authority(token.authority))
        .await
        .unwrap();
    let answer = visited.ask(Bytes::from_static(b"x"), SECOND).await;
    assert_eq!(answer.unwrap(), "a stranger Admission 1");

    let other = AuthorityHash::new([0; 32]);
    let refused = visit(&one, Trust::Authority(other)).await.unwrap_err();
    assert!(
        matches!(refused, VisitError::OtherAuthority { .. }),
        "{refused}"
    );
    visit(&one, Trust::ProofLater).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_visits_have_two_bindings() {
    let authority = authority(1);
    let one = Blueprint::new(1, &authority).start();
    let first = visit(&one, Trust::ProofLater).await.unwrap();
    let second = visit(&one, Trust::ProofLater).await.unwrap();
    assert!(first.binding() != second.binding());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_there_is_said_in_time() {
    let (environment, socket) = visitor();
    let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let addresses = [silent.local_addr().unwrap().to_string()];
    let begun = std::time::Instant::now();
    let config = TransportConfig::default();
    let visit = Visit::begin(&environment, &config, socket, &addresses, Trust::ProofLater).await;
    assert!(begun.elapsed() < 5 * SECOND);
    let said = visit.unwrap_err().to_string();
    assert!(
        said.contains(&addresses[0]) && said.contains("does not answer"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_an_identity_too() {
    let authority = authority(1);
    let one = Blueprint::new(1, &authority).start();
    let two = Blueprint::new(2, &authority).start();
    let other = NodeName::new("somebody@else").unwrap();
    one.directory
        .set_member(two.id, other, Vec::new(), Incarnation::new(0));
    two.knows(&one);
    let reason = two.refusal(&one).await;
    assert!(reason.contains("somebody@else"), "{reason}");
    assert!(one.call(&two, Service::Control, 1).await.is_err());
}
