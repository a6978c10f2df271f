//! The door: checks what a candidate brings, has the cluster admit it, and
//! gives it its certificate.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use quorate_model::candidate::{Admission, Candidate};
use quorate_model::command::Command;
use quorate_model::ids::{ClusterId, NodeId, TokenId};
use quorate_model::member::Roles;
use quorate_model::reply::{Rejection, Reply};
use quorate_model::rules::TokenRefusal;
use quorate_model::state::ClusterState;
use quorate_transport::{
    NodePublicKey, PeerIdentity, Prover, SessionBinding, Subject, is_proof_of,
};
use rustls_pki_types::CertificateDer;

use crate::core::Core;
use crate::tier::identity::{PeerHint, oldest_authority};
use crate::tier::node::World;
use crate::tier::surroundings::FaultPoint;
use crate::tier::wire::{
    AdmissionAnswer, AdmissionRefusal, AdmissionRequest, Admitted, Application, KnownCores, Proof,
};
use crate::types::Runtime;

const COMMIT_TIMEOUT: Duration = Duration::from_secs(8);

pub(crate) struct Door<R: Runtime> {
    pub(crate) core: Core<R>,
    pub(crate) cluster: ClusterId,
    pub(crate) world: Arc<World>,
}

impl<R: Runtime> Door<R> {
    pub(crate) async fn answer(&self, session: &SessionBinding, request: &[u8]) -> Bytes {
        let answer = self.serve(session, request).await;
        answer.unwrap_or_else(AdmissionAnswer::Refused).encode()
    }

    async fn serve(
        &self,
        session: &SessionBinding,
        request: &[u8],
    ) -> Result<AdmissionAnswer, AdmissionRefusal> {
        let request = AdmissionRequest::decode(request).map_err(malformed)?;
        if self.world.is_joining.load(Relaxed) {
            return Err(undecided(
                "the node that was asked is about to join another cluster",
            ));
        }
        let admission = self.check(session, request.application()).await?;
        match request {
            AdmissionRequest::Cores(application) => {
                Ok(AdmissionAnswer::Cores(self.cores(session, &application)))
            }
            AdmissionRequest::Admit(application) => {
                let admitted = self.admit(application.candidate, admission).await?;
                Ok(AdmissionAnswer::Admitted(Box::new(admitted)))
            }
        }
    }

    /// Checks the proofs. A stranger learns whether its token is good for anything
    /// only with the token in hand.
    async fn check(
        &self,
        session: &SessionBinding,
        application: &Application,
    ) -> Result<Admission, AdmissionRefusal> {
        let candidate = &application.candidate;
        let key = NodePublicKey::new(candidate.key);
        if !key.is_proof(session, &application.possession) {
            return Err(AdmissionRefusal::WrongProof);
        }
        // Before the cluster is asked: without a quorum the node would be told to wait.
        self.check_certificates(application)?;
        match &application.proof {
            Proof::Token { id, signature } => {
                self.check_token(candidate, *id, session, signature).await?;
                Ok(Admission::Token(*id))
            }
            Proof::Cookie { tag } => match &self.world.settings.cookie {
                Some(cookie) if cookie.is_proof(Prover::Joiner, session, tag) => {
                    Ok(Admission::Cookie)
                }
                _ => Err(AdmissionRefusal::WrongCookie),
            },
        }
    }

    /// As a member it could not speak to this core with others.
    fn check_certificates(&self, application: &Application) -> Result<(), AdmissionRefusal> {
        let Some(own) = &self.world.settings.pki else {
            return Ok(());
        };
        let shown = application.certificates.iter();
        let shown: Vec<_> = shown.map(|it| CertificateDer::from(&it[..])).collect();
        let checked = own.check(&shown, self.world.clock.now());
        checked.map_err(|why| AdmissionRefusal::Distrusted {
            why: why.to_string(),
        })
    }

    /// Whether it has expired or was used is seen when it is used: by the leader's
    /// clock, so that no two cores tell one candidate different things.
    async fn check_token(
        &self,
        candidate: &Candidate,
        id: TokenId,
        session: &SessionBinding,
        signature: &[u8],
    ) -> Result<(), AdmissionRefusal> {
        let read = self.core.read_within(COMMIT_TIMEOUT, |state| {
            let member = state.view().member(candidate.id);
            let is_admitted = member.is_some_and(|member| member.key == candidate.key);
            (state.token(id).map(|token| token.key), is_admitted)
        });
        let (token, is_admitted) = read.await.map_err(undecided)?.value;
        if is_admitted {
            // It showed its token before, which may be gone since; now it has shown
            // the key that it was admitted with.
            return Ok(());
        }
        let token = token.ok_or(AdmissionRefusal::Token(TokenRefusal::Unknown))?;
        if is_proof_of(&token, session, signature) {
            Ok(())
        } else {
            Err(AdmissionRefusal::WrongProof)
        }
    }

    fn cores(&self, session: &SessionBinding, application: &Application) -> KnownCores {
        let node = application.candidate.id;
        let cookie_tag = match (&application.proof, &self.world.settings.cookie) {
            (Proof::Cookie { .. }, Some(cookie)) => Some(cookie.prove(Prover::Member, session)),
            _ => None,
        };
        KnownCores {
            cluster: self.cluster,
            cores: self.core.read_stale(|state| peers(state, node)).value,
            cookie_tag,
        }
    }

    async fn admit(
        &self,
        candidate: Candidate,
        admission: Admission,
    ) -> Result<Admitted, AdmissionRefusal> {
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
        let read = self
            .core
            .read_within(COMMIT_TIMEOUT, |state| self.welcome(state, &candidate));
        read.await.map_err(undecided)?.value
    }

    fn welcome(
        &self,
        state: &ClusterState,
        candidate: &Candidate,
    ) -> Result<Admitted, AdmissionRefusal> {
        let (Some(cluster), Some(authority)) = (
            state.view().cluster(),
            oldest_authority(self.cluster, state),
        ) else {
            return Err(undecided("it is not formed yet"));
        };
        let identity = certificate_identity(self.cluster, candidate.id, candidate.roles);
        let authority = authority.map_err(undecided)?;
        let key = NodePublicKey::new(candidate.key);
        let certificate = authority
            .issue(&identity, &key, self.world.clock.now())
            .map_err(undecided)?;
        let member = state.view().member(candidate.id);
        Ok(Admitted {
            cluster: cluster.id,
            cluster_name: cluster.name.clone(),
            election_slot: member.and_then(|member| member.election_slot),
            certificate: certificate.to_vec(),
            authorities: trusted_authorities(state),
            peers: peers(state, candidate.id),
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
