//! Certificates over months.

use super::home::{Home, founded, joined, until};

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
