//! A join whose answer was lost goes on, whatever has happened to whom it asked.

use quorate_model::command::Command;

use super::home::{
    Home, admitted_in_vain, founded, joined, names_in, order, outcome, token_of, until,
};
use crate::tier::{FaultPoint, JoinError, JoinOrder, Phase, WorkError};

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fails_keeps_the_join_and_a_lost_token_does_not_end_it() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    let token = admitted_in_vain(&guest, &host, &member).await;
    member.revoke_token(token.id).await.unwrap();
    let node = guest.start().await;
    assert_eq!(node.phase(), Phase::Joining);
    outcome(&node).await.unwrap();
    assert_eq!(names_in(&node).len(), 2);
    node.shutdown().await;
    member.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_core_that_was_named_may_leave() {
    let [one, two, guest] = ["one", "two", "guest"].map(Home::new);
    let first = founded(&one).await;
    let second = joined(&two, &one, &first).await;
    admitted_in_vain(&guest, &one, &first).await;
    first.leave().await.unwrap();
    outcome(&first).await.unwrap();
    first.shutdown().await;
    let node = guest.start().await;
    outcome(&node).await.unwrap();
    assert_eq!(node.phase(), Phase::Member);
    assert_eq!(names_in(&second).len(), 2);
    node.shutdown().await;
    second.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_names_another_core_for_a_join_that_waits() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    admitted_in_vain(&guest, &host, &member).await;
    member.shutdown().await;
    host.move_away();
    let member = host.start().await;
    let node = guest.start().await;
    let asked = node.identity().joining.unwrap();
    let again = JoinOrder {
        core: host.address(),
        token: None,
        may_wipe: false,
    };
    node.join(again).await.unwrap();
    outcome(&node).await.unwrap();
    let membership = node.identity().membership().unwrap().clone();
    assert_eq!(membership.node, asked.node);
    assert_eq!(membership.credentials.key, asked.key);
    node.shutdown().await;
    member.shutdown().await;
}

/// The node is a member over there and must not say otherwise; nor must it drop what
/// somebody has just given to it.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_here_meanwhile_waits_for_an_operator() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    let node = founded(&guest).await;
    let (was_admitted, go_on) = guest.hold_up(FaultPoint::JoinAdmitted);
    let first = order(&host, token_of(&member).await);
    node.join(first.clone()).await.unwrap();
    tokio::task::spawn_blocking(move || was_admitted.recv().unwrap())
        .await
        .unwrap();
    let setting = Command::SetSetting {
        key: String::from("here"),
        value: String::from("first"),
    };
    node.core().unwrap().propose(setting).await.unwrap();
    go_on.send(()).unwrap();
    let refused = outcome(&node).await;
    assert!(
        matches!(refused, Err(WorkError::Join(JoinError::HasData { .. }))),
        "{refused:?}"
    );
    assert_eq!(node.phase(), Phase::Joining);
    assert_eq!(names_in(&node), [guest.name()]);
    node.join(JoinOrder {
        token: None,
        may_wipe: true,
        ..first
    })
    .await
    .unwrap();
    until("it has arrived", || node.phase() == Phase::Member).await;
    assert_eq!(names_in(&node).len(), 2);
    node.shutdown().await;
    member.shutdown().await;
}
