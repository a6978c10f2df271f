//! What went wrong, in the words and with the exit code that users get.

use quorate_admin::api::{Code, Problem};
use quorate_core::tier::{
    AdmissionRefusal, InitError, JoinError, LeaveError, NodeError, QueryError, WorkError,
};
use quorate_core::{ProposeError, StartError};
use quorate_model::reply::Rejection;
use quorate_model::rules::{JoinRefusal, LeaveRefusal};
use quorate_transport::{CredentialsError, VisitError};

use crate::data_dir::DataDirError;
use crate::pki::PkiError;

const NEW_TOKEN: &str =
    "make a new one on a core of that cluster: quorate token create --role core";
const URI_NAME: &str =
    "the certificate needs the URI name quorate://pki/ROLES/NAME@HOST of this node";
const THEIR_FILES: &str = "give this node files of that cluster's authority in transport.cert, \
     transport.key and transport.ca, or none if the cluster has none, and restart it";
const VALID_CERTIFICATE: &str = "give this node a transport.cert that is valid now and of an \
     authority in that core's transport.ca, and restart it";
const STATUS: &str = "see which nodes answer: quorate cluster status";

pub(crate) fn of_work(error: &WorkError) -> Problem {
    match error {
        WorkError::Join(error) => of_join(error),
        WorkError::Leave(error) => of_leave(error),
    }
}

pub(crate) fn of_join(error: &JoinError) -> Problem {
    let told = |code| Problem::new(code, error.to_string());
    match error {
        JoinError::NotACore => told(Code::Configuration)
            .with_hint("configure cluster.discovery_strategy, and the replicant finds its cores"),
        JoinError::Busy => told(Code::TryAgain).with_hint("watch it: quorate cluster status"),
        JoinError::InCluster { .. } => {
            told(Code::NotAllowed).with_hint("leave it first: quorate node leave")
        }
        JoinError::HasData { .. } => {
            told(Code::NotAllowed).with_hint("to give it up, add --wipe to the command")
        }
        JoinError::NoProof => told(Code::Usage)
            .with_hint("make a token on a core of that cluster: quorate token create --role core"),
        JoinError::Token(_) => told(Code::Usage).with_hint(NEW_TOKEN),
        JoinError::Visit { error: visit, .. } => of_visit(told(code_of_visit(visit)), visit),
        JoinError::Refused { refusal, .. } => of_admission(error, refusal),
        JoinError::Unanswered { .. } | JoinError::GivenUp => told(Code::TryAgain).with_hint(STATUS),
        JoinError::NoCookieBack { .. } => told(Code::NotAllowed)
            .with_hint("check the address: whoever answers is not of your cluster"),
        JoinError::Unusable { .. } => {
            told(Code::Unavailable).with_hint("run the same version on both nodes")
        }
        JoinError::Itself { .. } => {
            told(Code::Usage).with_hint("name a core of the cluster that this node is to join")
        }
        JoinError::TowardsReplicant { .. } => told(Code::NotAllowed)
            .with_hint("replicants let nobody in; name a core of that cluster with --core"),
        JoinError::OtherPki { .. } | JoinError::NoPki { .. } => {
            told(Code::Configuration).with_hint(THEIR_FILES)
        }
        JoinError::Removed => told(Code::NotAllowed).with_hint("join again: quorate node join"),
        JoinError::Node(_) => told(Code::Internal),
        JoinError::Stopping => told(Code::TryAgain),
    }
}

const fn code_of_visit(error: &VisitError) -> Code {
    match error {
        VisitError::OtherAuthority { .. } => Code::NotAllowed,
        VisitError::Timeout { .. } => Code::TryAgain,
        VisitError::NobodyAnswers { .. }
        | VisitError::NoNode(_)
        | VisitError::Closed(_)
        | VisitError::Credentials(_)
        | VisitError::Endpoint(_) => Code::Unavailable,
    }
}

fn of_visit(problem: Problem, error: &VisitError) -> Problem {
    match error {
        VisitError::OtherAuthority { .. } => {
            problem.with_hint("use a token of the cluster that this address belongs to")
        }
        _ => problem.with_hint(
            "check that a core runs there and that its transport port (UDP) can be reached",
        ),
    }
}

fn of_admission(error: &JoinError, refusal: &AdmissionRefusal) -> Problem {
    let told = |code| Problem::new(code, error.to_string());
    match refusal {
        AdmissionRefusal::Token(_) | AdmissionRefusal::WrongProof => {
            told(Code::NotAllowed).with_hint(NEW_TOKEN)
        }
        AdmissionRefusal::WrongCookie => told(Code::NotAllowed)
            .with_hint("use a token, or the same node.cookie and cluster.name on both nodes"),
        AdmissionRefusal::Rejected(Rejection::Join(JoinRefusal::NameTaken { name, .. })) => {
            told(Code::NotAllowed).with_hint(format!(
                "give this node another node.name, or, if the other one is gone for good: \
                 quorate cluster force-leave {name}"
            ))
        }
        AdmissionRefusal::Rejected(_) => told(Code::NotAllowed),
        AdmissionRefusal::Distrusted { .. } => {
            told(Code::Configuration).with_hint(VALID_CERTIFICATE)
        }
        AdmissionRefusal::Undecided { .. } => told(Code::TryAgain).with_hint(STATUS),
        AdmissionRefusal::Malformed { .. } => {
            told(Code::Unavailable).with_hint("run the same version on both nodes")
        }
    }
}

pub(crate) fn of_leave(error: &LeaveError) -> Problem {
    let told = |code| Problem::new(code, error.to_string());
    match error {
        LeaveError::NotInCluster => told(Code::NotAllowed),
        LeaveError::Busy => told(Code::TryAgain).with_hint("watch it: quorate cluster status"),
        LeaveError::NotAllowed(detail) => {
            told(Code::NotAllowed).with_hint(of_refused_leave(detail))
        }
        LeaveError::UnknownNode(_) => told(Code::Usage).with_hint(STATUS),
        LeaveError::Undecided(_) | LeaveError::NotThrough => told(Code::TryAgain).with_hint(STATUS),
        LeaveError::Node(_) => told(Code::Internal),
    }
}

/// The leader sends its refusal in words.
fn of_refused_leave(detail: &str) -> &'static str {
    let is = |refusal: LeaveRefusal| refusal.to_string() == detail;
    if is(LeaveRefusal::LastCore) {
        "join another core first; or, to give the cluster up, stop this node and remove its \
         data directory"
    } else if is(LeaveRefusal::StillAlive) {
        "on that node: quorate node leave"
    } else {
        STATUS
    }
}

pub(crate) fn of_init(error: &InitError) -> Problem {
    let told = |code| Problem::new(code, error.to_string());
    match error {
        InitError::InCluster { .. } => told(Code::NotAllowed).with_hint(STATUS),
        InitError::Joining | InitError::Stopping => told(Code::TryAgain),
        InitError::Node(_) => told(Code::Internal),
    }
}

pub(crate) fn of_query(error: &QueryError) -> Problem {
    let told = |code| Problem::new(code, error.to_string());
    match error {
        QueryError::NotInCluster => told(Code::NotAllowed)
            .with_hint("quorate node join --core NAME@HOST, or quorate node init"),
        QueryError::Propose(
            ProposeError::Rejected(_) | ProposeError::Timeout | ProposeError::NotSent,
        )
        | QueryError::Read(_) => told(Code::TryAgain).with_hint(STATUS),
        QueryError::Propose(_) => told(Code::TryAgain),
        QueryError::TokenUndecided { id } => told(Code::TryAgain).with_hint(format!(
            "when the cluster has a majority: quorate token revoke {id}, and make another"
        )),
        QueryError::OwnPki => told(Code::NotAllowed)
            .with_hint("renew the files of transport.cert and transport.ca, and restart the node"),
        QueryError::NoRotation => {
            told(Code::NotAllowed).with_hint("begin one: quorate cluster rotate-ca")
        }
        QueryError::StillNeeded { .. } => told(Code::TryAgain).with_hint(
            "a core that runs takes its new certificate within seconds; start those that are down",
        ),
        QueryError::Rejected(Rejection::RotationUnderWay) => {
            told(Code::NotAllowed).with_hint("end it: quorate cluster rotate-ca --finish")
        }
        QueryError::Rejected(Rejection::Token(_)) => {
            told(Code::NotAllowed).with_hint("see the tokens: quorate token list")
        }
        QueryError::Rejected(_) => told(Code::NotAllowed),
        QueryError::Internal(_) => told(Code::Internal),
    }
}

pub(crate) fn of_data_dir(error: &DataDirError) -> Problem {
    match error {
        DataDirError::Locked(_) => Problem::new(Code::TryAgain, error.to_string())
            .with_hint("give each node a node.data_dir of its own, or stop the other node"),
        DataDirError::OpenToOthers { path, .. } => {
            Problem::new(Code::Configuration, error.to_string()).with_hint(format!(
                "chmod 700 {0}; or set node.data_dir to a directory in it, which the node makes",
                path.display()
            ))
        }
        DataDirError::Unusable { .. } => Problem::new(Code::Configuration, error.to_string())
            .with_hint("set node.data_dir to a directory that this user can write"),
    }
}

pub(crate) fn of_pki(error: &PkiError) -> Problem {
    let problem = Problem::new(Code::Configuration, error.to_string());
    match error {
        PkiError::Credentials(CredentialsError::Identity(_)) => problem.with_hint(URI_NAME),
        PkiError::Credentials(_) | PkiError::File { .. } | PkiError::Distrusted { .. } => problem
            .with_hint(
                "PEM files are needed: the certificate of this node, its key, and the authority \
                 that signed it",
            ),
    }
}

pub(crate) fn of_node(error: &NodeError) -> Problem {
    let told = |code| Problem::new(code, error.to_string());
    match error {
        NodeError::OtherName { stored, .. } => told(Code::Configuration).with_hint(format!(
            "set node.name back to {stored}, or use another node.data_dir"
        )),
        NodeError::OtherCluster { stored, .. } => told(Code::Configuration).with_hint(format!(
            "set cluster.name back to {stored}, or use another node.data_dir"
        )),
        NodeError::OtherRoles { stored, .. } => told(Code::Configuration).with_hint(format!(
            "set node.roles back to {stored}; for other roles, have this node leave the cluster \
             (quorate node leave, while it runs) or use another node.data_dir"
        )),
        NodeError::LogLost { .. } => told(Code::Internal).with_hint(
            "something has removed a part of the data directory: put it back if it was only \
             moved, but never from a copy of another day; or have the others force this node to \
             leave, remove the directory, and let it join again",
        ),
        NodeError::OtherCertificate { .. } => told(Code::Configuration).with_hint(URI_NAME),
        NodeError::Socket(_) => told(Code::Unavailable)
            .with_hint("another process has that UDP port: set transport.bind, or stop it"),
        NodeError::Disk(_) => {
            told(Code::Configuration).with_hint("check the disk and who owns the data directory")
        }
        NodeError::Store(_) | NodeError::Start(StartError::Store(_)) => told(Code::Internal),
        _ => told(Code::Internal),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No node of this build is one: replicants come with their discovery.
    #[test]
    fn what_a_replicant_is_told_that_is_to_join_by_hand() {
        let problem = of_join(&JoinError::NotACore);
        assert_eq!(problem.code, Code::Configuration);
        assert_eq!(problem.code.exit_code(), 78);
        assert!(
            problem.error.contains("this node is a replicant"),
            "{problem:?}"
        );
        let hint = problem.hint.as_deref();
        assert!(hint.is_some_and(|hint| hint.contains("cluster.discovery_strategy")));
    }
}
