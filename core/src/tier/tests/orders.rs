//! What operators say while a join is under way, and when they hang up.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use super::home::{
    Home, Node, admitted_in_vain, founded, free_address, names_in, order, outcome, token_of,
};
use crate::tier::JoinOrder;

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_comes_while_nobody_answers_is_followed() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    let node = founded(&guest).await;
    let right = order(&host, token_of(&member).await);
    let wrong = JoinOrder {
        core: free_address().to_string(),
        ..right.clone()
    };
    node.join(wrong).await.unwrap();
    node.join(right).await.unwrap();
    outcome(&node).await.unwrap();
    assert_eq!(names_in(&member).len(), 2);
    node.shutdown().await;
    member.shutdown().await;
}

/// On one thread: what was asked does not run before the one who asked has gone.
#[tokio::test]
async fn who_hangs_up_does_not_leave_a_join_half_begun() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    let node = founded(&guest).await;
    let order = order(&host, token_of(&member).await);
    {
        let mut joining = pin!(node.join(order));
        poll_fn(|context| {
            assert!(joining.as_mut().poll(context).is_pending());
            Poll::Ready(())
        })
        .await;
    }
    outcome(&node).await.unwrap();
    assert_eq!(names_in(&member).len(), 2);
    node.shutdown().await;
    member.shutdown().await;
}

/// A template writes one cookie into every node, and a core that lost its disk forms a
/// cluster of its own where it was before.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_the_same_cookie_does_not_answer_for_the_one_that_was_asked() {
    let (host, guest, double) = (Home::new("host"), Home::new("guest"), Home::new("double"));
    for home in [&host, &guest, &double] {
        home.configure_cluster("template");
        home.share_cookie();
    }
    let member = founded(&host).await;
    admitted_in_vain(&guest, &host, &member).await;
    member.shutdown().await;
    double.move_to(&host);
    host.move_away();
    let pretender = founded(&double).await;
    let node = guest.start().await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(names_in(&pretender).len(), 1);
    assert!(node.identity().joining.is_some());
    let member = host.start().await;
    let found = JoinOrder {
        core: host.address(),
        token: None,
        may_wipe: false,
    };
    node.join(found).await.unwrap();
    outcome(&node).await.unwrap();
    let cluster = |node: &Node| node.identity().membership().unwrap().cluster;
    assert_eq!(cluster(&node), cluster(&member));
    for node in [node, member, pretender] {
        node.shutdown().await;
    }
}
