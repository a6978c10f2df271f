use super::super::script::CloseCause;

/// What happened to all messages of a run.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    pub published: u64,
    pub delivered: u64,
    /// More than once, where that must not be.
    pub duplicated: u64,
    /// More than once and marked so, which QoS 1 allows.
    pub redelivered: u64,
    pub out_of_order: u64,
    pub closed: u64,
    first_failure: Option<String>,
}

impl Tally {
    pub fn on_close(&mut self, client: usize, cause: &CloseCause) {
        self.closed += 1;
        self.first_failure
            .get_or_insert_with(|| format!("client {client}: {cause}"));
    }

    /// Why the first connection ended that should not have.
    pub fn first_failure(&self) -> Option<&str> {
        self.first_failure.as_deref()
    }
}
