//! Calls between nodes that get along.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::net::UdpSocket;

use bytes::Bytes;
use quorate_model::ids::{Incarnation, NodeId};
use quorate_model::member::Roles;
use quorate_transport::{LinkError, Service, TransportConfig};
use support::{Blueprint, SECOND, authority, name};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_both_ways_over_a_connection_that_one_side_made() {
    let authority = authority(1);
    let (one, two) = (
        Blueprint::new(1, &authority).start(),
        Blueprint::new(2, &authority).start(),
    );
    one.knows(&two);
    let answer = one.call(&two, Service::Raft, 5).await;
    assert_eq!(answer.as_deref(), Ok("node1@127.0.0.1 Raft 5"));
    // Nobody told node 2 where node 1 is; it said so itself.
    let answer = two.call(&one, Service::Control, 0).await;
    assert_eq!(answer.as_deref(), Ok("node2@127.0.0.1 Control 0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_any_size_and_many_at_once() {
    let authority = authority(1);
    let (one, two) = (
        Blueprint::new(1, &authority).start(),
        Blueprint::new(2, &authority).start(),
    );
    one.knows(&two);
    for size in [0, 1, 4_096, 16_384, 16_385, 1 << 20, 20 << 20] {
        let mut request = vec![b'<'; size];
        request
            .iter_mut()
            .skip(1)
            .enumerate()
            .for_each(|(at, byte)| *byte = at as u8);
        let request = Bytes::from(request);
        let call = one
            .transport
            .call(two.id, Service::Raft, request.clone(), 10 * SECOND);
        let answer = call.await.unwrap();
        assert!(size == 0 || answer == request, "{size}");
    }
    let calls = (0..5_000).map(|number: u32| {
        let request = Bytes::from([b"<", &number.to_be_bytes()[..]].concat());
        let one = &one;
        let to = two.id;
        async move {
            let call = one
                .transport
                .call(to, Service::Raft, request.clone(), 10 * SECOND);
            assert_eq!(call.await.unwrap(), request);
        }
    });
    futures::future::join_all(calls).await;
    let too_large = Bytes::from(vec![0; (24 << 20) + 1]);
    let call = one.transport.call(two.id, Service::Raft, too_large, SECOND);
    assert!(matches!(call.await, Err(LinkError::TooLarge { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_node_is_reached_again_at_its_old_and_at_its_new_address() {
    let authority = authority(1);
    let one = Blueprint::new(1, &authority).start();
    let two = Blueprint::new(2, &authority).start();
    one.knows(&two);
    one.call(&two, Service::Raft, 1).await.unwrap();
    let (address, key) = (two.address.clone(), two.key.clone());
    two.transport.shutdown(SECOND).await;
    drop(two);
    let error = one
        .transport
        .call(NodeId::new(2), Service::Raft, Bytes::new(), SECOND)
        .await;
    assert!(
        matches!(error, Err(LinkError::Unreachable { .. })),
        "{error:?}"
    );

    let socket = loop {
        // The endpoint lets go of its socket a moment after its last task.
        match UdpSocket::bind(&address) {
            Ok(socket) => break socket,
            Err(_) => tokio::time::sleep(SECOND / 100).await,
        }
    };
    let two = Blueprint {
        incarnation: 2,
        socket: Some(socket),
        key: Some(key.clone()),
        ..Blueprint::new(2, &authority)
    }
    .start();
    // Between two attempts a call is told why the last one failed.
    while one.call(&two, Service::Raft, 1).await.is_err() {
        tokio::time::sleep(SECOND / 20).await;
    }
    two.transport.shutdown(SECOND).await;

    let moved = Blueprint {
        incarnation: 3,
        key: Some(key),
        ..Blueprint::new(2, &authority)
    }
    .start();
    assert_ne!(moved.address, address);
    moved.knows(&one);
    moved.call(&one, Service::Raft, 1).await.unwrap();
    one.call(&moved, Service::Raft, 1).await.unwrap();
    assert_eq!(
        one.directory.entry(moved.id).unwrap().addresses,
        std::slice::from_ref(&moved.address)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_can_put_a_proxy_in_between_and_addresses_are_tried_in_turn() {
    let authority = authority(1);
    let two = Blueprint::new(2, &authority).start();
    let mut config = TransportConfig::default();
    config.dial.insert(name(2), two.address.clone());
    let one = Blueprint {
        config,
        ..Blueprint::new(1, &authority)
    }
    .start();
    one.knows_at(&two, "192.0.2.1:1");
    one.call(&two, Service::Raft, 1).await.unwrap();

    let three = Blueprint::new(3, &authority).start();
    let addresses = vec![
        "127.0.0.1:1".to_owned(),
        "no such host:7".to_owned(),
        two.address.clone(),
    ];
    three
        .directory
        .set_member(two.id, name(2), addresses, Incarnation::new(0));
    three.call(&two, Service::Raft, 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn over_ipv6() {
    let authority = authority(1);
    let start = |id| {
        let Ok(socket) = UdpSocket::bind("[::1]:0") else {
            return None;
        };
        let socket = Some(socket);
        Some(
            Blueprint {
                socket,
                ..Blueprint::new(id, &authority)
            }
            .start(),
        )
    };
    let (Some(one), Some(two)) = (start(1), start(2)) else {
        // No IPv6 on this machine: that has to be seen in the output.
        panic!("IPv6 loopback is not available");
    };
    one.knows(&two);
    one.call(&two, Service::Raft, 1).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replicant_opens_control_streams_and_no_raft_streams() {
    let authority = authority(1);
    let core = Blueprint::new(1, &authority).start();
    let replicant = Blueprint {
        roles: Roles::Replicant,
        ..Blueprint::new(2, &authority)
    }
    .start();
    replicant.knows(&core);
    let answer = replicant.call(&core, Service::Control, 0).await;
    assert_eq!(answer.as_deref(), Ok("node2@127.0.0.1 Control 0"));
    let refused = replicant.call(&core, Service::Raft, 0).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("Raft is not open to this node"),
        "{refused}"
    );
}
