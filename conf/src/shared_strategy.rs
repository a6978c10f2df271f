//! Who of a group gets a message.

/// How the members of a shared subscription take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SharedStrategy {
    Random,
    RoundRobin,
    /// The same member as last time, for as long as it is there.
    Sticky,
    /// Members on the node that the message came in at, before all others.
    Local,
    /// By the client id of the publisher.
    HashClientid,
    HashTopic,
}

impl SharedStrategy {
    pub const ALL: [Self; 6] = [
        Self::Random,
        Self::RoundRobin,
        Self::Sticky,
        Self::Local,
        Self::HashClientid,
        Self::HashTopic,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::RoundRobin => "round_robin",
            Self::Sticky => "sticky",
            Self::Local => "local",
            Self::HashClientid => "hash_clientid",
            Self::HashTopic => "hash_topic",
        }
    }
}
