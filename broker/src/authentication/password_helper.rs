//! The thread on which passwords are checked, one after the other.
//!
//! Being the only one it is also what bounds guessing: however many connections somebody
//! opens, passwords are tried at the rate of one core, and each wrong one costs a
//! connection.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use quorate_mqtt::moment::Moment;

use super::password_queue::PasswordQueue;
use super::users::Users;

/// It ends when the queue is closed.
pub(super) fn spawn(
    queue: Arc<PasswordQueue>,
    users: Arc<Users>,
    now: impl Fn() -> Moment + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let thread = std::thread::Builder::new().name("passwords".to_owned());
    thread.spawn(move || run(&queue, &users, now))
}

fn run(queue: &PasswordQueue, users: &Users, now: impl Fn() -> Moment) {
    while let Some(job) = queue.take() {
        if job.until <= now() {
            continue;
        }
        let user = users.current().check(&job.name, &job.password);
        (job.answer)(user);
    }
}
