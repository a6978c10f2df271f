//! Certificates over months, and the change of the authority that makes them.

use std::time::Duration;

use super::home::{Home, PATIENCE, admitted_in_vain, founded, joined, until};
use crate::tier::{FaultPoint, Phase, QueryError};

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_renewed_before_they_expire() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    let node = joined(&guest, &host, &member).await;
    let issued = |home: &Home| home.stored().membership().unwrap().credentials.issued;
    // Together longer than any of them lives.
    for _ in 0..3 {
        let before = [&host, &guest].map(|home| issued(home));
        for home in [&host, &guest] {
            home.pass_days(61);
        }
        until("both have taken new ones", || {
            issued(&host) > before[0] && issued(&guest) > before[1]
        })
        .await;
    }
    // New connections need them.
    node.shutdown().await;
    let node = guest.start().await;
    until("the cluster knows of its new life", || node.is_up()).await;
    node.shutdown().await;
    member.shutdown().await;
}

/// It has a certificate of the old authority, and the others would not believe it.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn who_is_admitted_while_the_old_authority_goes_is_not_shut_out() {
    let (host, guest) = (Home::new("host"), Home::new("guest"));
    let member = founded(&host).await;
    member.rotate_authority().await.unwrap();
    until("the host has its new certificate", || {
        let identity = host.stored();
        identity.membership().unwrap().credentials.signer() == 2
    })
    .await;
    let (was_reached, go_on) = host.hold_up(FaultPoint::AuthorityUnneeded);
    let finishing = tokio::spawn({
        let member = member.clone();
        async move { member.finish_rotation().await }
    });
    tokio::task::spawn_blocking(move || was_reached.recv().unwrap())
        .await
        .unwrap();
    admitted_in_vain(&guest, &host, &member).await;
    go_on.send(()).unwrap();
    let refused = finishing.await.unwrap();
    let nodes = guest.name().to_string();
    assert_eq!(refused, Err(QueryError::StillNeeded { nodes }));

    guest.keep_refused();
    let node = guest.start().await;
    until("it has arrived", || node.phase() == Phase::Member).await;
    let finished = async {
        while let Err(error) = member.finish_rotation().await {
            assert!(matches!(error, QueryError::StillNeeded { .. }), "{error}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let finished = tokio::time::timeout(PATIENCE, finished).await;
    finished.expect("the guest takes its new certificate");
    node.shutdown().await;
    let node = guest.start().await;
    until("the cluster knows of its new life", || node.is_up()).await;
    node.shutdown().await;
    member.shutdown().await;
}
