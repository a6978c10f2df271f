//! A visit to a core of the cluster that this node is to join.
//!
//! ```text
//! dial -> is it a core? -> proofs: where are the cores? -> written down -> let me in
//! ```

use std::collections::BTreeMap;
use std::time::Duration;

use quorate_model::candidate::Candidate;
use quorate_model::ids::NodeId;
use quorate_model::node_name::NodeName;
use quorate_transport::{
    Credentials, JoinToken, NodeKey, Prover, Subject, Trust, Visit, VisitError,
};

use crate::tier::admission::certificate_identity;
use crate::tier::identity::{Membership, PeerHint, PendingJoin, Stage, StoredCredentials};
use crate::tier::join_error::JoinError;
use crate::tier::node::World;
use crate::tier::wire::{
    AdmissionAnswer, AdmissionRequest, Admitted, Application, KnownCores, Proof,
};

const TIMEOUT: Duration = Duration::from_secs(20);

/// One node that may answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// For people.
    name: String,
    addresses: Vec<String>,
}

/// All that may be asked, in the order in which they are: whom the operator named,
/// then the others. `dial` says where to find nodes instead of where they say.
pub(crate) fn places(pending: &PendingJoin, dial: &BTreeMap<NodeName, String>) -> Vec<Place> {
    let named = pending.named.iter().map(|address| Place {
        name: address.clone(),
        addresses: vec![address.clone()],
    });
    let is_named = |core: &&PeerHint| {
        let mut addresses = core.addresses.iter();
        addresses.any(|address| pending.named.contains(address))
    };
    let others = pending.cores.iter().filter(|core| !is_named(core));
    let others = others.map(|core| Place {
        name: core.name.to_string(),
        addresses: match dial.get(&core.name) {
            Some(address) => vec![address.clone()],
            None => core.addresses.clone(),
        },
    });
    named.chain(others).collect()
}

/// A connection over which a core is asked, with what it is shown.
pub(crate) struct Asking<'a> {
    world: &'a World,
    pending: &'a PendingJoin,
    core: String,
    visit: Visit,
    application: Application,
}

impl<'a> Asking<'a> {
    /// Dials, and shows nothing before it is known that a core is there.
    pub(crate) async fn begin(
        world: &'a World,
        pending: &'a PendingJoin,
        own: Option<NodeId>,
        place: Place,
    ) -> Result<Self, JoinError> {
        let core = place.name;
        let settings = &world.settings;
        // A node that asks itself would wait for its own join to end.
        let is_ours = |address: &String| settings.advertise.contains(address);
        if place.addresses.iter().any(is_ours) {
            return Err(JoinError::Itself { core });
        }
        let failed = |error| JoinError::Visit {
            core: core.clone(),
            error,
        };
        let token = pending.token.as_ref().map(|token| {
            let text = String::from_utf8_lossy(token.as_bytes());
            text.parse::<JoinToken>()
        });
        let token = token.transpose()?;
        let trust = token
            .as_ref()
            .map_or(Trust::ProofLater, |token| Trust::Authority(token.authority));
        let socket = world.surroundings.bind_for_visit();
        let socket = socket.map_err(|error| failed(VisitError::Endpoint(error.to_string())))?;
        let visit = Visit::begin(
            &settings.environment,
            &settings.transport,
            socket,
            &place.addresses,
            trust,
        );
        let visit = visit.await.map_err(failed)?;
        let host = &visit.host().subject;
        if matches!(host, Subject::Node { node, .. } if own == Some(*node)) {
            return Err(JoinError::Itself { core });
        }
        if !visit.host().roles.is_core() {
            return Err(JoinError::TowardsReplicant { core });
        }
        match &settings.pki {
            Some(own) => {
                let checked = visit.check_host(own, world.clock.now());
                let core = core.clone();
                checked.map_err(|why| JoinError::OtherPki { core, why })?;
            }
            None if matches!(visit.host().subject, Subject::Name(_)) => {
                return Err(JoinError::NoPki { core });
            }
            None => {}
        }
        let application = application(world, pending, token.as_ref(), &visit)?;
        Ok(Self {
            world,
            pending,
            core,
            visit,
            application,
        })
    }

    /// Who else could be asked. Nobody is admitted by this.
    pub(crate) async fn cores(&self) -> Result<KnownCores, JoinError> {
        let request = AdmissionRequest::Cores(self.application.clone());
        let answer = self.visit.ask(request.encode(), TIMEOUT).await;
        let answer = answer.map_err(|error| JoinError::Visit {
            core: self.core.clone(),
            error,
        })?;
        match AdmissionAnswer::decode(&answer) {
            Ok(AdmissionAnswer::Cores(known)) => {
                self.check_cookie(&known)?;
                if known.cores.is_empty() {
                    return Err(self.unusable("it knows of no core"));
                }
                match self.pending.cluster {
                    Some(asked) if asked != known.cluster => {
                        let other = known.cluster;
                        Err(self.unusable(format!("it is of cluster {other}, not of {asked}")))
                    }
                    _ => Ok(known),
                }
            }
            other => Err(self.refused(other)),
        }
    }

    /// Asks to be let in. From here on the cluster may have done so.
    pub(crate) async fn admit(&self) -> Result<Membership, JoinError> {
        let request = AdmissionRequest::Admit(self.application.clone());
        let answer = self.visit.ask(request.encode(), TIMEOUT).await;
        let answer = answer.map_err(|error| JoinError::Unanswered {
            core: self.core.clone(),
            error,
        })?;
        match AdmissionAnswer::decode(&answer) {
            Ok(AdmissionAnswer::Admitted(admitted)) => self.accept(*admitted),
            other => Err(self.refused(other)),
        }
    }

    /// Where no token pinned the authority, whoever answers has to know the cookie.
    fn check_cookie(&self, known: &KnownCores) -> Result<(), JoinError> {
        let (Proof::Cookie { .. }, Some(cookie)) =
            (&self.application.proof, &self.world.settings.cookie)
        else {
            return Ok(());
        };
        let tag = known.cookie_tag.as_deref().unwrap_or_default();
        if cookie.is_proof(Prover::Member, self.visit.binding(), tag) {
            Ok(())
        } else {
            let core = self.core.clone();
            Err(JoinError::NoCookieBack { core })
        }
    }

    /// What this node is about to become has to hold before it gives up what it is.
    fn accept(&self, admitted: Admitted) -> Result<Membership, JoinError> {
        let roles = self.world.settings.roles;
        let Some(election_slot) = admitted.election_slot else {
            return Err(self.unusable("a core needs an election slot and was given none"));
        };
        let membership = Membership {
            cluster: admitted.cluster,
            cluster_name: admitted.cluster_name,
            configured_name: self.world.settings.cluster_name.clone(),
            node: self.pending.node,
            roles,
            election_slot,
            stage: Stage::Joining,
            credentials: StoredCredentials {
                key: self.pending.key.clone(),
                certificate: admitted.certificate,
                authorities: admitted.authorities,
                issued: self.world.clock.now(),
            },
            peers: admitted.peers,
        };
        let checked = self.check(&membership);
        checked.map_err(|detail| self.unusable(detail))?;
        Ok(membership)
    }

    fn check(&self, membership: &Membership) -> Result<(), String> {
        if let Subject::Node { cluster, .. } = self.visit.host().subject
            && cluster != membership.cluster
        {
            let other = membership.cluster;
            return Err(format!("it is of cluster {cluster} and admits to {other}"));
        }
        let credentials = membership.credentials.load();
        let credentials = credentials.map_err(|error| error.to_string())?;
        let own = certificate_identity(membership.cluster, membership.node, membership.roles);
        let named = credentials.identity();
        if *named != own {
            return Err(format!("the certificate is for {named}, and this is {own}"));
        }
        let checked = credentials.check_own(self.world.clock.now());
        checked.map_err(|why| format!("the certificate that it gave is of no use: {why}"))
    }

    fn refused<E: ToString>(&self, answer: Result<AdmissionAnswer, E>) -> JoinError {
        match answer {
            Ok(AdmissionAnswer::Refused(refusal)) => JoinError::Refused {
                core: self.core.clone(),
                refusal,
            },
            Ok(_) => self.unusable("it answered another question"),
            Err(error) => self.unusable(error),
        }
    }

    fn unusable(&self, detail: impl ToString) -> JoinError {
        JoinError::Unusable {
            core: self.core.clone(),
            detail: detail.to_string(),
        }
    }
}

fn application(
    world: &World,
    pending: &PendingJoin,
    token: Option<&JoinToken>,
    visit: &Visit,
) -> Result<Application, JoinError> {
    let settings = &world.settings;
    let proof = match (token, &settings.cookie) {
        (Some(token), _) => Proof::Token {
            id: token.id,
            signature: token.prove(visit.binding())?,
        },
        (None, Some(cookie)) => Proof::Cookie {
            tag: cookie.prove(Prover::Joiner, visit.binding()),
        },
        (None, None) => return Err(JoinError::NoProof),
    };
    let broken = |error: quorate_transport::AuthorityError| JoinError::Node(error.to_string());
    let key = NodeKey::restore(pending.key.as_bytes()).map_err(broken)?;
    Ok(Application {
        candidate: Candidate {
            id: pending.node,
            name: settings.name.clone(),
            roles: settings.roles,
            key: *key.public().bytes(),
            addresses: settings.advertise.clone(),
            version: settings.version.clone(),
        },
        possession: key.prove(visit.binding()).map_err(broken)?,
        proof,
        certificates: settings.pki.as_ref().map_or_else(Vec::new, shown),
    })
}

fn shown(own: &Credentials) -> Vec<Vec<u8>> {
    let chain = own.chain().into_iter();
    chain.map(|certificate| certificate.to_vec()).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use quorate_model::authority::SecretKey;
    use quorate_model::ids::Incarnation;

    use super::*;

    fn core(id: u64) -> PeerHint {
        PeerHint {
            node: NodeId::new(id),
            name: NodeName::new(format!("core{id}@h{id}")).unwrap(),
            addresses: vec![format!("h{id}:4370"), format!("i{id}:4370")],
            incarnation: Incarnation::new(1),
        }
    }

    #[test]
    fn whom_the_operator_named_comes_first_and_nobody_twice() {
        let pending = PendingJoin {
            named: vec!["new:1".to_owned(), "i2:4370".to_owned()],
            cluster: None,
            cores: vec![core(1), core(2), core(3)],
            token: None,
            node: NodeId::new(9),
            key: SecretKey::new(Vec::new()),
            may_wipe: false,
        };
        let dial = BTreeMap::from([(core(3).name, "proxy:1".to_owned())]);
        let place = |name: &str, addresses: &[&str]| Place {
            name: name.to_owned(),
            addresses: addresses.iter().map(ToString::to_string).collect(),
        };
        let expected = [
            place("new:1", &["new:1"]),
            place("i2:4370", &["i2:4370"]),
            place("core1@h1", &["h1:4370", "i1:4370"]),
            place("core3@h3", &["proxy:1"]),
        ];
        assert_eq!(places(&pending, &dial), expected);
    }
}
