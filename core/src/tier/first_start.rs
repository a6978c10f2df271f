//! What a start does before the node lives: who it is, and in which life.

use quorate_model::authority::SecretKey;
use quorate_model::ids::{ClusterId, Incarnation, NodeId};
use quorate_transport::{Authority, NodeKey, Subject};

use crate::tier::admission::certificate_identity;
use crate::tier::identity::{Membership, NodeIdentity, Stage, Standing, StoredCredentials};
use crate::tier::node::{NodeError, NodeSettings, World};

/// Reads the identity, or makes the first one, and counts this life.
pub(crate) fn begin_life(world: &World) -> Result<NodeIdentity, NodeError> {
    let settings = &world.settings;
    let stored = world.surroundings.load_identity()?;
    let mut identity = stored.unwrap_or_else(|| NodeIdentity {
        name: settings.name.clone(),
        incarnation: Incarnation::new(0),
        standing: Standing::Fresh,
        joining: None,
    });
    if identity.name != settings.name {
        return Err(NodeError::OtherName {
            stored: identity.name,
            configured: settings.name.clone(),
        });
    }
    if let Some(membership) = identity.membership()
        && membership.roles != settings.roles
    {
        return Err(NodeError::OtherRoles {
            stored: membership.roles,
            configured: settings.roles,
        });
    }
    if let Some(membership) = identity.membership()
        && ![&membership.cluster_name, &membership.configured_name]
            .contains(&&settings.cluster_name)
    {
        return Err(NodeError::OtherCluster {
            stored: membership.cluster_name.clone(),
            configured: settings.cluster_name.clone(),
        });
    }
    check_pki(settings)?;
    identity.incarnation = identity.incarnation.next();
    world.surroundings.save_identity(&identity)?;
    Ok(identity)
}

/// A certificate of the operator's own has to speak for this node.
fn check_pki(settings: &NodeSettings) -> Result<(), NodeError> {
    let Some(pki) = &settings.pki else {
        return Ok(());
    };
    let identity = pki.identity();
    if identity.subject == Subject::Name(settings.name.clone()) && identity.roles == settings.roles
    {
        return Ok(());
    }
    Err(NodeError::OtherCertificate {
        certificate: identity.to_string(),
        name: settings.name.clone(),
        roles: settings.roles,
    })
}

/// A membership of a cluster that this node makes.
pub(crate) fn founding_membership(world: &World) -> Result<Membership, NodeError> {
    let random = || world.surroundings.random();
    let (cluster, now) = (ClusterId::new(random()), world.clock.now());
    let node = new_node_id(world);
    let authority = Authority::make(cluster, 1, now)?;
    let key = NodeKey::generate()?;
    let identity = certificate_identity(cluster, node, world.settings.roles);
    let certificate = authority.issue(&identity, &key.public(), now)?;
    Ok(Membership {
        cluster,
        cluster_name: world.settings.cluster_name.clone(),
        configured_name: world.settings.cluster_name.clone(),
        node,
        roles: world.settings.roles,
        election_slot: 0,
        stage: Stage::Forming(SecretKey::new(authority.key_bytes().to_vec())),
        credentials: StoredCredentials {
            key: SecretKey::new(key.bytes().to_vec()),
            certificate: certificate.to_vec(),
            authorities: vec![(1, authority.certificate().to_vec())],
            issued: now,
        },
        peers: Vec::new(),
    })
}

/// Never 0, which stands for nobody in places.
pub(crate) fn new_node_id(world: &World) -> NodeId {
    let bits = world.surroundings.random();
    NodeId::new(
        u64::try_from(bits & u128::from(u64::MAX))
            .unwrap_or_default()
            .max(1),
    )
}
