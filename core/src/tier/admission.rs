//! The door: checks what a candidate brings, has the cluster admit it, and
//! gives it its certificate.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use quorate_model::candidate::{Admission, Candidate};
use quorate_model::command::Command;
use quorate_model::ids::{ClusterId, NodeId};
use quorate_model::member::Roles;
use quorate_model::reply::{Rejection, Reply};
use quorate_model::rules::{TokenRefusal, check_token};
use quorate_model::state::ClusterState;
use quorate_transport::{
    NodePublicKey, PeerIdentity, Prover, SessionBinding, Subject, is_proof_of,
};

use crate::core::Core;
use crate::tier::identity::{PeerHint, oldest_authority};
use crate::tier::node::World;
use crate::tier::surroundings::FaultPoint;
use crate::tier::wire::{AdmissionAnswer, AdmissionRefusal, Admitted, Application, Proof};
use crate::types::Runtime;

const COMMIT_TIMEOUT: Duration = Duration::from_secs(8);

pub(crate) struct Door<R: Runtime> {
    pub(crate) core: Core<R>,
    pub(crate) cluster: ClusterId,
    pub(crate) world: Arc<World>,
}

impl<R: Runtime> Door<R> {
    pub(crate) async fn answer(&self, session: &SessionBinding, request: &[u8]) -> Bytes {
        let answer = match self.admit(session, request).await {
            Ok(admitted) => AdmissionAnswer::Admitted(Box::new(admitted)),
            Err(refusal) => AdmissionAnswer::Refused(refusal),
        };
        answer.encode()
    }

    async fn admit(
        &self,
        session: &SessionBinding,
        request: &[u8],
    ) -> Result<Admitted, AdmissionRefusal> {
        let application = Application::decode(request).map_err(malformed)?;
        if self.world.is_joining.load(Relaxed) {
            return Err(undecided(
                "the node that was asked is about to join another cluster",
            ));
        }
        let candidate = &application.candidate;
        let admission = match &application.proof {
            Proof::Token { id, signature } => {
                self.check_token(candidate, *id, session, signature).await?;
                Admission::Token(*id)
            }
            Proof::Cookie { tag } => {
                let key = self
                    .world
                    .settings
                    .cookie
                    .as_ref()
                    .ok_or(AdmissionRefusal::WrongCookie)?;
                if !key.is_proof(Prover::Joiner, session, tag) {
                    return Err(AdmissionRefusal::WrongCookie);
                }
                Admission::Cookie
            }
        };
        self.world.surroundings.reach(FaultPoint::AdmitProposing);
        let command = Command::AddMember {
            candidate: candidate.clone(),
            admission,
        };
        let committed = self.core.propose_within(command, COMMIT_TIMEOUT).await;
        match committed.map_err(undecided)?.reply {
            Reply::Rejected(Rejection::Token(refusal)) => {
                return Err(AdmissionRefusal::Token(refusal));
            }
            Reply::Rejected(rejection) => return Err(AdmissionRefusal::Rejected(rejection)),
            Reply::Done | Reply::Claimed { .. } => {}
        }
        self.world.surroundings.reach(FaultPoint::AdmitCommitted);
        let cookie_tag = match (&application.proof, &self.world.settings.cookie) {
            (Proof::Cookie { .. }, Some(key)) => Some(key.prove(Prover::Member, session)),
            _ => None,
        };
        let key = NodePublicKey::new(application.public_key);
        let read = self.core.read_within(COMMIT_TIMEOUT, |state| {
            self.welcome(state, candidate, &key, cookie_tag)
        });
        read.await.map_err(undecided)?.value
    }

    /// A stranger learns whether its token is good for anything only with the
    /// token in hand.
    async fn check_token(
        &self,
        candidate: &Candidate,
        id: quorate_model::ids::TokenId,
        session: &SessionBinding,
        signature: &[u8],
    ) -> Result<(), AdmissionRefusal> {
        let read = self.core.read_within(COMMIT_TIMEOUT, |state| {
            let is_member = state.view().member(candidate.id).is_some();
            (state.token(id).cloned(), is_member)
        });
        let (token, is_member) = read.await.map_err(undecided)?.value;
        let Some(token) = token else {
            return Err(AdmissionRefusal::Token(TokenRefusal::Unknown));
        };
        if !is_proof_of(&token.key, session, signature) {
            return Err(AdmissionRefusal::WrongProof);
        }
        let now = self.world.clock.now();
        check_token(Some(&token), candidate, is_member, now).map_err(AdmissionRefusal::Token)
    }

    fn welcome(
        &self,
        state: &ClusterState,
        candidate: &Candidate,
        key: &NodePublicKey,
        cookie_tag: Option<Vec<u8>>,
    ) -> Result<Admitted, AdmissionRefusal> {
        let (Some(cluster), Some(authority)) = (
            state.view().cluster(),
            oldest_authority(self.cluster, state),
        ) else {
            return Err(undecided("it is not formed yet"));
        };
        let identity = certificate_identity(self.cluster, candidate.id, candidate.roles);
        let authority = authority.map_err(undecided)?;
        let certificate = authority
            .issue(&identity, key, self.world.clock.now())
            .map_err(undecided)?;
        let member = state.view().member(candidate.id);
        Ok(Admitted {
            cluster: cluster.id,
            cluster_name: cluster.name.clone(),
            election_slot: member.and_then(|member| member.election_slot),
            certificate: certificate.to_vec(),
            authorities: trusted_authorities(state),
            peers: peers(state, candidate.id),
            cookie_tag,
        })
    }
}

pub(crate) fn certificate_identity(cluster: ClusterId, node: NodeId, roles: Roles) -> PeerIdentity {
    PeerIdentity {
        roles,
        subject: Subject::Node { cluster, node },
    }
}

/// The oldest first.
pub(crate) fn trusted_authorities(state: &ClusterState) -> Vec<(u32, Vec<u8>)> {
    state
        .authorities()
        .map(|(serial, authority)| (serial, authority.certificate.clone()))
        .collect()
}

/// The cores, for a node to call.
pub(crate) fn peers(state: &ClusterState, except: NodeId) -> Vec<PeerHint> {
    state
        .view()
        .members()
        .filter(|member| member.roles.is_core() && member.id != except)
        .map(|member| PeerHint {
            node: member.id,
            name: member.name.clone(),
            addresses: member.addresses.clone(),
            incarnation: member.incarnation,
        })
        .collect()
}

fn malformed(error: impl ToString) -> AdmissionRefusal {
    AdmissionRefusal::Malformed {
        detail: error.to_string(),
    }
}

fn undecided(error: impl ToString) -> AdmissionRefusal {
    AdmissionRefusal::Undecided {
        detail: error.to_string(),
    }
}
