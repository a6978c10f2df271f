//! Ctrl-C.

/// Completes when the user presses it.
pub(super) async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        // Then the system ends the process, as it does by default.
        std::future::pending::<()>().await;
    }
}
