//! Batches grow without timers.

/// Lets those who were just answered come back before the next batch is made.
///
/// Whoever is answered often asks for the next thing at once. Without this the
/// first to come back would travel alone and the others would wait for it,
/// batch after batch. So what was answered is expected back, and the task
/// steps aside for the others as long as that brings something, or a few times
/// more. A lone caller is never held up: it alone is all that is expected.
pub(crate) async fn gather(expected: usize, patience: u32, mut arrived: impl FnMut() -> usize) {
    let mut seen = arrived();
    let mut in_vain = 0;
    while seen < expected && in_vain < patience {
        tokio::task::yield_now().await;
        let now = arrived();
        in_vain = if now > seen { 0 } else { in_vain + 1 };
        seen = now;
    }
}
