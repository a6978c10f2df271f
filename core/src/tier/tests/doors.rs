//! Who is let in, and by whom a node lets itself be let in.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use quorate_model::candidate::Candidate;
use quorate_model::cluster::ClusterName;
use quorate_model::ids::{ClusterId, Incarnation, NodeId};
use quorate_model::member::Roles;
use quorate_model::node_name::NodeName;
use quorate_model::reply::Rejection;
use quorate_model::rules::{JoinRefusal, TokenRefusal};
use quorate_model::token::TokenRole;
use quorate_transport::{
    Authority, AuthorityHash, Caller, Credentials, Environment, Hello, JoinToken, NodeKey,
    NodePublicKey, PROTOCOLS, Parts, PeerDirectory, Serve, Service, Transport, TransportConfig,
    Trust, Visit,
};
use rustls_pki_types::PrivatePkcs8KeyDer;

use super::home::{
    Home, founded, free_address, joined, names_in, outcome, socket, token_of, until,
};
use crate::clock::{SystemClock, WallClock};
use crate::tier::admission::certificate_identity;
use crate::tier::identity::PeerHint;
use crate::tier::wire::{
    AdmissionAnswer, AdmissionRefusal, AdmissionRequest, Admitted, Application, KnownCores, Proof,
};
use crate::tier::{JoinError, JoinOrder, Phase, WorkError};

const CLUSTER: ClusterId = ClusterId::new(77);

/// What a candidate shows, true or not.
struct Shown<'a> {
    token: &'a JoinToken,
    key: &'a NodeKey,
    signer: &'a NodeKey,
}

async fn ask(
    host: &Home,
    shown: Shown<'_>,
    request: fn(Application) -> AdmissionRequest,
) -> AdmissionAnswer {
    let (environment, config) = (Environment::system(1), TransportConfig::default());
    let socket = socket(free_address()).unwrap();
    let trust = Trust::Authority(shown.token.authority);
    let addresses = [host.address()];
    let visit = Visit::begin(&environment, &config, socket, &addresses, trust);
    let visit = visit.await.unwrap();
    let application = Application {
        candidate: Candidate {
            id: NodeId::new(9),
            name: NodeName::new("guest@127.0.0.1").unwrap(),
            roles: Roles::Core,
            key: *shown.key.public().bytes(),
            addresses: vec![free_address().to_string()],
            version: String::from("test"),
        },
        possession: shown.signer.prove(visit.binding()).unwrap(),
        proof: Proof::Token {
            id: shown.token.id,
            signature: shown.token.prove(visit.binding()).unwrap(),
        },
        certificates: Vec::new(),
    };
    let patience = std::time::Duration::from_secs(20);
    let answer = visit.ask(request(application).encode(), patience).await;
    AdmissionAnswer::decode(&answer.unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_for_the_holder_of_one_key() {
    let host = Home::new("host");
    let member = founded(&host).await;
    let (first, second) = (token_of(&member).await, token_of(&member).await);
    let (own, other) = (NodeKey::generate().unwrap(), NodeKey::generate().unwrap());
    let admit = |token, key, signer| {
        let shown = Shown { token, key, signer };
        ask(&host, shown, AdmissionRequest::Admit)
    };
    assert!(matches!(
        admit(&first, &own, &own).await,
        AdmissionAnswer::Admitted(_)
    ));
    let node = NodeId::new(9);
    let refusal = AdmissionRefusal::Rejected(Rejection::Join(JoinRefusal::OtherKey { node }));
    let answer = admit(&second, &other, &other).await;
    assert_eq!(answer, AdmissionAnswer::Refused(refusal));
    // Whoever knows the public key has not the private one.
    let answer = admit(&second, &own, &other).await;
    assert_eq!(
        answer,
        AdmissionAnswer::Refused(AdmissionRefusal::WrongProof)
    );
    member.revoke_token(first.id).await.unwrap();
    assert!(matches!(
        admit(&first, &own, &own).await,
        AdmissionAnswer::Admitted(_)
    ));
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_cores_are_told_to_those_alone_who_may_become_one() {
    let (host, other) = (Home::new("host"), Home::new("other"));
    let member = founded(&host).await;
    let node = joined(&other, &host, &member).await;
    let token = token_of(&member).await;
    let made_up = JoinToken::make(TokenRole::Core, token.authority).unwrap();
    let key = NodeKey::generate().unwrap();
    let cores = |token| {
        let (key, signer) = (&key, &key);
        let shown = Shown { token, key, signer };
        ask(&host, shown, AdmissionRequest::Cores)
    };
    let unknown = AdmissionRefusal::Token(TokenRefusal::Unknown);
    assert_eq!(
        cores(&made_up).await,
        AdmissionAnswer::Refused(unknown.clone())
    );
    let AdmissionAnswer::Cores(known) = cores(&token).await else {
        panic!("the token was refused");
    };
    let names: Vec<_> = known.cores.into_iter().map(|core| core.name).collect();
    assert!(names.contains(&host.name()) && names.contains(&other.name()));
    // Nobody was admitted by that.
    assert_eq!(names_in(&member).len(), 2);
    node.shutdown().await;
    member.shutdown().await;
}

/// Answers strangers from a script.
struct Script {
    admits: Arc<AtomicUsize>,
    admitted: Box<dyn Fn(&Candidate) -> Admitted + Send + Sync>,
}

impl Serve for Script {
    fn serve(&self, _: Caller, _: Service, request: Bytes) -> BoxFuture<'static, Bytes> {
        let answer = match AdmissionRequest::decode(&request).unwrap() {
            AdmissionRequest::Cores(_) => AdmissionAnswer::Cores(KnownCores {
                cluster: CLUSTER,
                cores: vec![PeerHint {
                    node: NodeId::new(1),
                    name: NodeName::new("script@127.0.0.1").unwrap(),
                    addresses: vec![free_address().to_string()],
                    incarnation: Incarnation::new(1),
                }],
                cookie_tag: None,
            }),
            AdmissionRequest::Admit(application) => {
                self.admits.fetch_add(1, Relaxed);
                let admitted = (self.admitted)(&application.candidate);
                AdmissionAnswer::Admitted(Box::new(admitted))
            }
        };
        let bytes = answer.encode();
        async move { bytes }.boxed()
    }
}

/// A node of another cluster, with a certificate for these roles, and an order to
/// join that.
async fn scripted(authority: &Authority, roles: Roles, script: Script) -> (Transport, JoinOrder) {
    let address = free_address();
    let key = NodeKey::generate().unwrap();
    let node = NodeId::new(1);
    let identity = certificate_identity(CLUSTER, node, roles);
    let certificate = authority.issue(&identity, &key.public(), SystemClock.now());
    let credentials = Credentials::new(
        vec![certificate.unwrap()],
        PrivatePkcs8KeyDer::from(key.bytes().to_vec()).into(),
        vec![authority.certificate().clone()],
    );
    let transport = Transport::start(Parts {
        config: TransportConfig::default(),
        environment: Environment::system(1),
        socket: socket(address).unwrap(),
        credentials: credentials.unwrap(),
        hello: Hello {
            protocols: PROTOCOLS,
            cluster: CLUSTER,
            node,
            incarnation: Incarnation::new(1),
            name: NodeName::new("script@127.0.0.1").unwrap(),
            roles,
            addresses: vec![address.to_string()],
            version: String::from("test"),
        },
        directory: Arc::<PeerDirectory>::default(),
        serve: Arc::new(script),
    });
    let token = JoinToken::make(TokenRole::Core, AuthorityHash::of(authority.certificate()));
    let order = JoinOrder {
        core: address.to_string(),
        token: Some(token.unwrap()),
        may_wipe: true,
    };
    (transport.unwrap(), order)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replicant_is_shown_nothing() {
    let authority = Authority::make(CLUSTER, 1, SystemClock.now()).unwrap();
    let script = Script {
        admits: Arc::default(),
        admitted: Box::new(|_| panic!("a replicant was asked")),
    };
    let (transport, order) = scripted(&authority, Roles::Replicant, script).await;
    let node = founded(&Home::new("guest")).await;
    let core = order.core.clone();
    node.join(order).await.unwrap();
    let refused = outcome(&node).await.unwrap_err();
    let expected = JoinError::TowardsReplicant { core: core.clone() };
    assert_eq!(refused, WorkError::Join(expected));
    assert_eq!(
        refused.to_string(),
        format!("{core} is a replicant; name a core")
    );
    assert_eq!(node.phase(), Phase::Member);
    node.shutdown().await;
    transport.shutdown(std::time::Duration::ZERO).await;
}

/// The node goes on asking: it may be a member over there. But it is here, still.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_becomes_what_it_could_not_be() {
    type Bend = fn(&mut Admitted, &Authority, &Candidate);
    let bends: [Bend; 6] = [
        |admitted, _, _| admitted.cluster = ClusterId::new(78),
        |admitted, _, _| admitted.certificate = vec![1, 2, 3],
        |admitted, _, _| admitted.authorities.clear(),
        |admitted, _, _| admitted.election_slot = None,
        |admitted, authority, candidate| {
            let other = NodeKey::generate().unwrap().public();
            admitted.certificate = issued(authority, candidate.id, &other);
        },
        |admitted, _, candidate| {
            let other = Authority::make(CLUSTER, 1, SystemClock.now()).unwrap();
            let key = NodePublicKey::new(candidate.key);
            admitted.certificate = issued(&other, candidate.id, &key);
        },
    ];
    for (number, bend) in bends.into_iter().enumerate() {
        let authority = Arc::new(Authority::make(CLUSTER, 1, SystemClock.now()).unwrap());
        let admits = Arc::<AtomicUsize>::default();
        let maker = Arc::clone(&authority);
        let script = Script {
            admits: Arc::clone(&admits),
            admitted: Box::new(move |candidate| {
                let mut admitted = honest(&maker, candidate);
                bend(&mut admitted, &maker, candidate);
                admitted
            }),
        };
        let (transport, order) = scripted(&authority, Roles::Core, script).await;
        let home = Home::new("guest");
        let node = founded(&home).await;
        let before = node.identity().standing;
        node.join(order).await.unwrap();
        let times = || admits.load(Relaxed);
        until("it has asked again", || times() > 1).await;
        assert_eq!(node.identity().standing, before, "bend {number}");
        assert_eq!(node.phase(), Phase::Joining, "bend {number}");
        node.shutdown().await;
        transport.shutdown(std::time::Duration::ZERO).await;
    }
}

fn issued(authority: &Authority, node: NodeId, key: &NodePublicKey) -> Vec<u8> {
    let identity = certificate_identity(CLUSTER, node, Roles::Core);
    let certificate = authority.issue(&identity, key, SystemClock.now());
    certificate.unwrap().to_vec()
}

fn honest(authority: &Authority, candidate: &Candidate) -> Admitted {
    let key = NodePublicKey::new(candidate.key);
    Admitted {
        cluster: CLUSTER,
        cluster_name: ClusterName::new("script").unwrap(),
        election_slot: Some(1),
        certificate: issued(authority, candidate.id, &key),
        authorities: vec![(1, authority.certificate().to_vec())],
        peers: Vec::new(),
    }
}
