//! Why joins fail, and which failures end them.

use quorate_transport::{Distrust, TokenError, VisitError};

use crate::tier::wire::AdmissionRefusal;

/// Why a node did not join.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    #[error(
        "this node is a replicant; replicants find their cores by discovery and are never joined by hand"
    )]
    NotACore,
    #[error("this node is joining or leaving a cluster already")]
    Busy,
    #[error("this node is in the cluster {cluster} with {others} other nodes; it must leave first")]
    InCluster { cluster: String, others: usize },
    #[error("this node has data of its own ({what}), which joining would remove")]
    HasData { what: String },
    #[error("a token is needed, or a cookie in the configuration of both nodes")]
    NoProof,
    #[error("{0}")]
    Token(#[from] TokenError),
    #[error("{core} did not let this node in: {error}")]
    Visit { core: String, error: VisitError },
    #[error("{core} was asked and has not answered: {error}")]
    Unanswered { core: String, error: VisitError },
    #[error("the join was given up")]
    GivenUp,
    #[error("{core} refused this node: {refusal}")]
    Refused {
        core: String,
        refusal: AdmissionRefusal,
    },
    #[error("{core} does not know the cookie that it accepted")]
    NoCookieBack { core: String },
    #[error("{core} answered what cannot be used: {detail}")]
    Unusable { core: String, detail: String },
    #[error("{core} leads to this node itself")]
    Itself { core: String },
    #[error("{core} is a replicant; name a core")]
    TowardsReplicant { core: String },
    #[error("the certificate that {core} shows is none of an authority of transport.ca: {why}")]
    OtherPki { core: String, why: Distrust },
    #[error("{core} has a certificate of its operator's own authority, and this node has none")]
    NoPki { core: String },
    #[error("the cluster has removed this node before it was through with joining")]
    Removed,
    #[error("{0}")]
    Node(String),
    #[error("this node is stopping; it goes on joining when it starts again")]
    Stopping,
}

/// How a join goes on after an attempt that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sequel {
    /// It is over, and this node is in no other cluster.
    End,
    AskAgain,
    /// This node may be a member over there, and cannot go on by itself.
    AwaitOrder,
}

impl JoinError {
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, Self::Refused { refusal, .. } if refusal.is_passing())
    }

    /// A node that may have been admitted takes nothing but a word of the cluster for
    /// a refusal. One of another cluster has none to say, and may be there since the
    /// cluster's own has moved or left.
    pub(crate) fn sequel(&self, may_be_admitted: bool, is_hopeful: bool) -> Sequel {
        match self {
            _ if self.is_passing() => Sequel::AskAgain,
            Self::Refused { refusal, .. } if !refusal.is_doubtful() => Sequel::End,
            Self::Visit { .. }
            | Self::TowardsReplicant { .. }
            | Self::Itself { .. }
            | Self::Unanswered { .. }
            | Self::Refused { .. }
            | Self::NoCookieBack { .. }
            | Self::Unusable { .. }
                if may_be_admitted || is_hopeful =>
            {
                Sequel::AskAgain
            }
            _ if may_be_admitted => Sequel::AwaitOrder,
            _ => Sequel::End,
        }
    }
}

#[cfg(test)]
mod tests {
    use quorate_model::rules::TokenRefusal;

    use super::*;

    #[test]
    fn only_the_clusters_word_ends_a_join_that_may_have_succeeded() {
        let core = || String::from("core1:4370");
        let refused = |refusal| JoinError::Refused {
            core: core(),
            refusal,
        };
        let undecided = refused(AdmissionRefusal::Undecided {
            detail: String::new(),
        });
        let detail = String::new;
        let error = || VisitError::Closed(String::new());
        let what = String::new;
        // Before anything was asked, and after.
        for (error, before, after) in [
            (undecided, Sequel::AskAgain, Sequel::AskAgain),
            (
                refused(AdmissionRefusal::WrongProof),
                Sequel::End,
                Sequel::End,
            ),
            (
                refused(AdmissionRefusal::Token(TokenRefusal::Unknown)),
                Sequel::End,
                Sequel::End,
            ),
            (
                refused(AdmissionRefusal::WrongCookie),
                Sequel::End,
                Sequel::AskAgain,
            ),
            (
                refused(AdmissionRefusal::Distrusted { why: detail() }),
                Sequel::End,
                Sequel::AskAgain,
            ),
            (
                JoinError::Visit {
                    core: core(),
                    error: error(),
                },
                Sequel::End,
                Sequel::AskAgain,
            ),
            (
                JoinError::Unanswered {
                    core: core(),
                    error: error(),
                },
                Sequel::End,
                Sequel::AskAgain,
            ),
            (
                JoinError::Unusable {
                    core: core(),
                    detail: detail(),
                },
                Sequel::End,
                Sequel::AskAgain,
            ),
            (
                JoinError::TowardsReplicant { core: core() },
                Sequel::End,
                Sequel::AskAgain,
            ),
            (
                JoinError::Itself { core: core() },
                Sequel::End,
                Sequel::AskAgain,
            ),
            (
                JoinError::HasData { what: what() },
                Sequel::End,
                Sequel::AwaitOrder,
            ),
            (JoinError::NoProof, Sequel::End, Sequel::AwaitOrder),
        ] {
            assert_eq!(error.sequel(false, false), before, "{error}");
            assert_eq!(error.sequel(true, false), after, "{error}");
            // A core that decides later is as good as one that may have decided, as
            // long as nothing speaks against it here.
            let hopeful = match after {
                Sequel::AwaitOrder => before,
                asks => asks,
            };
            assert_eq!(error.sequel(false, true), hopeful, "{error}");
        }
    }
}
