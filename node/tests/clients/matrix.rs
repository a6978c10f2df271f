//! What every client is to show, over which transport and in which version.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    V3_1_1,
    V5,
}

impl Version {
    pub(crate) const ALL: [Self; 2] = [Self::V3_1_1, Self::V5];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::V3_1_1 => "3.1.1",
            Self::V5 => "5.0",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Tls,
    Ws,
    Wss,
}

impl Transport {
    pub(crate) const ALL: [Self; 4] = [Self::Tcp, Self::Tls, Self::Ws, Self::Wss];

    /// As a listener's kind in the configuration.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    Qos0,
    Qos1,
    Qos2,
    Burst,
    Retained,
    Will,
    NoWillAfterDisconnect,
    SessionResume,
    SharedSubscription,
    TakeOver,
    MessageProperties,
    MessageExpiry,
    SubscriptionIdentifiers,
    NoLocal,
    RetainHandling,
    RetainAsPublished,
    TopicAliasToBroker,
    TopicAliasToClient,
    ReasonCodes,
    WillProperties,
    AssignedClientId,
}

impl Scenario {
    const BOTH_VERSIONS: [Self; 10] = [
        Self::Qos0,
        Self::Qos1,
        Self::Qos2,
        Self::Burst,
        Self::Retained,
        Self::Will,
        Self::NoWillAfterDisconnect,
        Self::SessionResume,
        Self::SharedSubscription,
        Self::TakeOver,
    ];

    const ONLY_V5: [Self; 11] = [
        Self::MessageProperties,
        Self::MessageExpiry,
        Self::SubscriptionIdentifiers,
        Self::NoLocal,
        Self::RetainHandling,
        Self::RetainAsPublished,
        Self::TopicAliasToBroker,
        Self::TopicAliasToClient,
        Self::ReasonCodes,
        Self::WillProperties,
        Self::AssignedClientId,
    ];

    pub(crate) fn all_of(version: Version) -> Vec<Self> {
        let mut all = Self::BOTH_VERSIONS.to_vec();
        if version == Version::V5 {
            all.extend(Self::ONLY_V5);
        }
        all
    }

    /// As the programs in Python and JavaScript know it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Qos0 => "qos-0",
            Self::Qos1 => "qos-1",
            Self::Qos2 => "qos-2",
            Self::Burst => "burst",
            Self::Retained => "retained",
            Self::Will => "will",
            Self::NoWillAfterDisconnect => "no-will-after-disconnect",
            Self::SessionResume => "session-resume",
            Self::SharedSubscription => "shared-subscription",
            Self::TakeOver => "take-over",
            Self::MessageProperties => "message-properties",
            Self::MessageExpiry => "message-expiry",
            Self::SubscriptionIdentifiers => "subscription-identifiers",
            Self::NoLocal => "no-local",
            Self::RetainHandling => "retain-handling",
            Self::RetainAsPublished => "retain-as-published",
            Self::TopicAliasToBroker => "topic-alias-to-broker",
            Self::TopicAliasToClient => "topic-alias-to-client",
            Self::ReasonCodes => "reason-codes",
            Self::WillProperties => "will-properties",
            Self::AssignedClientId => "assigned-client-id",
        }
    }
}
