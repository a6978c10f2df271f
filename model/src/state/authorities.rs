//! Certificate authorities: one, or two while the newer takes over.

use std::collections::BTreeSet;

use crate::authority::{Authority, SecretKey};
use crate::event::EventKind;
use crate::ids::NodeId;
use crate::limits::{MAX_AUTHORITIES, MAX_AUTHORITY_CERTIFICATE_BYTES, MAX_AUTHORITY_KEY_BYTES};
use crate::reply::{Bound, Rejection, Reply};
use crate::state::execute::{Decision, Execution, too_large};

impl Execution<'_> {
    pub(super) fn add_authority(
        &mut self,
        serial: u32,
        certificate: &[u8],
        key: &SecretKey,
    ) -> Decision {
        if certificate.len() > MAX_AUTHORITY_CERTIFICATE_BYTES {
            let limit = MAX_AUTHORITY_CERTIFICATE_BYTES;
            return Err(too_large(Bound::AuthorityCertificate, limit));
        }
        if key.as_bytes().len() > MAX_AUTHORITY_KEY_BYTES {
            return Err(too_large(Bound::AuthorityKey, MAX_AUTHORITY_KEY_BYTES));
        }
        let authority = Authority {
            certificate: certificate.to_vec(),
            key: key.clone(),
        };
        let authorities = &mut self.core.rows.authorities;
        if authorities.get(&serial) == Some(&authority) {
            return Ok(Reply::Done);
        }
        if authorities.len() >= MAX_AUTHORITIES {
            return Err(Rejection::RotationUnderWay);
        }
        let newest = authorities.last().map_or(0, |(newest, _)| *newest);
        if newest.checked_add(1) != Some(serial) {
            let expected = newest.saturating_add(1);
            return Err(Rejection::AuthoritySerial { expected });
        }
        authorities.insert(serial, authority);
        self.record(EventKind::AuthorityAdded { serial });
        Ok(Reply::Done)
    }

    pub(super) fn remove_authority(&mut self, serial: u32, renewed: &[NodeId]) -> Decision {
        let authorities = &self.core.rows.authorities;
        if authorities
            .last()
            .is_some_and(|(newest, _)| *newest == serial)
        {
            return Err(Rejection::NewestAuthority);
        }
        if authorities.get(&serial).is_none() {
            return Ok(Reply::Done);
        }
        let renewed: BTreeSet<NodeId> = renewed.iter().copied().collect();
        let members = self.view.members();
        let late = members
            .map(|member| member.id)
            .find(|id| !renewed.contains(id));
        if let Some(node) = late {
            return Err(Rejection::AuthorityNeeded { node });
        }
        self.core.rows.authorities.remove(&serial);
        self.record(EventKind::AuthorityRemoved { serial });
        Ok(Reply::Done)
    }
}
