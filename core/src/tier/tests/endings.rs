//! How a join ends that does not succeed, what is left of a cluster, and what it is
//! called.

use quorate_model::member::Roles;

use super::home::{
    Home, admitted_in_vain, founded, joined, names_in, order, outcome, token_of, until,
};
use crate::tier::{JoinError, LeaveError, NodeError, Phase, Standing, WorkError};

#[tokio::test(flavor = "multi_thread")]
async fn a_join_that_nobody_answers_is_given_up_cleanly() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    admitted_in_vain(&guest, &host, &member).await;
    member.shutdown().await;
    let node = guest.start().await;
    assert_eq!(node.phase(), Phase::Joining);
    node.leave().await.unwrap();
    let told = outcome(&node).await.unwrap();
    assert!(told.contains("force-leave guest@127.0.0.1"), "{told}");
    assert_eq!(guest.stored().joining, None);
    assert_eq!(node.phase(), Phase::Member);
    assert_eq!(names_in(&node), [guest.name()]);
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_not_arrived_gets_out_of_a_cluster_that_is_gone() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    admitted_in_vain(&guest, &host, &member).await;
    member.shutdown().await;
    guest.keep_refused();
    let node = guest.start().await;
    assert_eq!(node.phase(), Phase::Joining);
    node.leave().await.unwrap();
    assert_eq!(node.leave().await, Err(LeaveError::Busy));
    let told = outcome(&node).await.unwrap();
    assert!(told.contains("no core of the cluster answers"), "{told}");
    assert_eq!(node.phase(), Phase::Removed);
    assert!(matches!(guest.stored().standing, Standing::Out { .. }));
    node.init().await.unwrap();
    node.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_removed_on_its_way_is_told_so_and_may_join_again() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    let token = admitted_in_vain(&guest, &host, &member).await;
    member.force_leave(guest.name()).await.unwrap();
    assert_eq!(names_in(&member), [host.name()]);
    guest.keep_refused();
    let node = guest.start().await;
    until("it knows that it is out", || node.phase() == Phase::Removed).await;
    let ended = outcome(&node).await;
    assert_eq!(ended, Err(WorkError::Join(JoinError::Removed)));
    assert_eq!(node.leave().await, Err(LeaveError::NotInCluster));
    // A core's token works once, for a node that is gone as well.
    node.join(order(&host, token)).await.unwrap();
    let refused = outcome(&node).await.unwrap_err().to_string();
    assert!(refused.contains("works once"), "{refused}");
    assert_eq!(node.phase(), Phase::Removed);
    node.shutdown().await;
    member.shutdown().await;
}

/// It may have a vote already, and have given it.
#[tokio::test(flavor = "multi_thread")]
async fn who_is_on_its_way_and_has_lost_its_log_does_not_start() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    admitted_in_vain(&guest, &host, &member).await;
    guest.keep_refused();
    guest.lose_stores();
    let error = guest.try_start().await.unwrap_err();
    assert!(matches!(error, NodeError::LogLost { .. }), "{error}");
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replicant_is_never_joined_by_hand() {
    let (host, guest) = (Home::new("host"), Home::of("guest", Roles::Replicant));
    let member = founded(&host).await;
    let node = guest.start().await;
    let token = token_of(&member).await;
    let refused = node.join(order(&host, token)).await;
    assert_eq!(refused, Err(JoinError::NotACore));
    assert_eq!(node.phase(), Phase::Idle);
    node.shutdown().await;
    member.shutdown().await;
}

/// Hints of nodes that are gone are dialed at every start.
#[tokio::test(flavor = "multi_thread")]
async fn who_stays_behind_alone_remembers_nobody() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    let node = joined(&guest, &host, &member).await;
    let peers = |home: &Home| home.stored().membership().unwrap().peers.len();
    until("both know each other", || {
        peers(&host) == 1 && peers(&guest) == 1
    })
    .await;
    node.leave().await.unwrap();
    outcome(&node).await.unwrap();
    until("it is alone", || peers(&host) == 0).await;
    node.shutdown().await;
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_its_name() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    let node = joined(&guest, &host, &member).await;
    node.shutdown().await;
    member.shutdown().await;
    for home in [&host, &guest] {
        home.configure_cluster("other");
        let error = home.try_start().await.unwrap_err().to_string();
        assert!(
            error.contains("cluster host") && error.contains("says other"),
            "{error}"
        );
    }
    // Its own name for a cluster, and that of the one it is in, are both right.
    host.configure_cluster("host");
    let member = host.start().await;
    for name in ["guest", "host"] {
        guest.configure_cluster(name);
        guest.start().await.shutdown().await;
    }
    member.shutdown().await;
}
