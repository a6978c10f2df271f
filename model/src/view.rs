//! The streamed part of the cluster state: all that a replicant knows.
//!
//! A view is changed by [`ClusterView::fold`] alone, on cores and replicants
//! alike. So a replicant that folded every change has what the core has.

use std::sync::OnceLock;

use crate::ban::{Ban, BanSubject};
use crate::change::Change;
use crate::cluster::Cluster;
use crate::digest::RowHasher;
use crate::ids::{Digest, Incarnation, NodeId, Timestamp};
use crate::index::MatchCache;
use crate::limits::{MAX_RETAINED_BYTES, MAX_RETAINED_PAYLOAD_BYTES};
use crate::member::Member;
use crate::reply::Bound;
use crate::retained::{self, Retained, RetainedBound};
use crate::retained_scan::{self, RetainedLook};
use crate::retained_totals::RetainedTotals;
use crate::route_index::{RouteIndex, Target};
use crate::schema::{Bans, Members, RetainedMessages, RouteKey, Routes, Settings};
use crate::table::Table;
use crate::topic_filter::TopicFilter;
use crate::topic_name::TopicName;

const CLUSTER_TAG: u8 = 0;

#[derive(Debug)]
pub struct ClusterView {
    pub(crate) tables: ViewTables,
    /// Made for the first who asks: a node without clients never does, and it takes more
    /// memory than the routes themselves.
    route_index: OnceLock<RouteIndex>,
    hash_seed: u64,
    retained_totals: RetainedTotals,
}

/// The part of a view that is data; the rest is derived from it.
#[derive(Clone, Debug, Default)]
pub(crate) struct ViewTables {
    pub(crate) cluster: Option<Cluster>,
    pub(crate) members: Table<Members>,
    pub(crate) routes: Table<Routes>,
    pub(crate) retained: Table<RetainedMessages>,
    pub(crate) bans: Table<Bans>,
    pub(crate) settings: Table<Settings>,
}

impl ClusterView {
    /// An empty view. The seed keeps clients from choosing topics that collide
    /// in the index; it never shows in what the view answers.
    pub fn new(hash_seed: u64) -> Self {
        Self::from_tables(ViewTables::default(), hash_seed)
    }

    pub(crate) fn from_tables(tables: ViewTables, hash_seed: u64) -> Self {
        let retained_totals = RetainedTotals::of(tables.retained.iter());
        Self {
            tables,
            route_index: OnceLock::new(),
            hash_seed,
            retained_totals,
        }
    }

    pub fn fold(&mut self, change: &Change) {
        let tables = &mut self.tables;
        match change.clone() {
            Change::Formed(cluster) => tables.cluster = Some(cluster),
            Change::MemberSet(member) => {
                tables.members.insert(member.id, member);
            }
            Change::MemberRemoved { node } => {
                tables.members.remove(&node);
            }
            Change::RouteAdded { origin, filter } => {
                if let Some(index) = self.route_index.get_mut() {
                    index.insert(&filter, origin.node);
                }
                let node = origin.node;
                tables
                    .routes
                    .insert(RouteKey { node, filter }, origin.incarnation);
            }
            Change::RouteRemoved { node, filter } => {
                if let Some(index) = self.route_index.get_mut() {
                    index.remove(&filter, node);
                }
                tables.routes.remove(&RouteKey { node, filter });
            }
            Change::RoutesDropped { node } => self.drop_routes(node),
            Change::RetainedSet { topic, retained } => {
                // The old one first: both may expire at the same moment.
                if let Some(before) = tables.retained.get(&topic) {
                    self.retained_totals.remove(&topic, before);
                }
                self.retained_totals.add(&topic, &retained);
                tables.retained.insert(topic, retained);
            }
            Change::RetainedCleared { topic } => {
                if let Some(removed) = tables.retained.remove(&topic) {
                    self.retained_totals.remove(&topic, &removed);
                }
            }
            Change::BanSet { subject, ban } => {
                tables.bans.insert(subject, ban);
            }
            Change::BanRemoved { subject } => {
                tables.bans.remove(&subject);
            }
            Change::SettingSet { key, value } => {
                tables.settings.insert(key, value);
            }
            Change::SettingRemoved { key } => {
                tables.settings.remove(&key);
            }
        }
    }

    fn drop_routes(&mut self, node: NodeId) {
        let dropped: Vec<RouteKey> = self
            .tables
            .routes_of(node)
            .map(|(key, _)| key.clone())
            .collect();
        for key in dropped {
            if let Some(index) = self.route_index.get_mut() {
                index.remove(&key.filter, node);
            }
            self.tables.routes.remove(&key);
        }
    }

    pub fn cluster(&self) -> Option<&Cluster> {
        self.tables.cluster.as_ref()
    }

    pub fn member(&self, node: NodeId) -> Option<&Member> {
        self.tables.members.get(&node)
    }

    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.tables.members.iter().map(|(_, member)| member)
    }

    /// In order of node, then filter.
    pub fn routes(&self) -> impl Iterator<Item = (NodeId, &TopicFilter, Incarnation)> {
        self.tables
            .routes
            .iter()
            .map(|(key, incarnation)| (key.node, &key.filter, *incarnation))
    }

    pub fn route_count(&self) -> usize {
        self.tables.routes.len()
    }

    pub fn has_route(&self, node: NodeId, filter: &TopicFilter) -> bool {
        let filter = filter.clone();
        self.tables.routes.contains(&RouteKey { node, filter })
    }

    /// Says for every filter that matches who gets the message. A node may be
    /// named more than once, when several of its filters match.
    pub fn for_each_target(&self, topic: &TopicName, found: impl FnMut(Target<'_>)) {
        self.route_index().for_each_target(topic, found);
    }

    /// The same from memory, as long as no filter that matches came or went:
    /// what `make` made of each target the first time.
    pub fn cached_targets<'cache, R>(
        &self,
        topic: &TopicName,
        cache: &'cache mut MatchCache<R>,
        make: impl FnMut(Target<'_>) -> R,
    ) -> &'cache [R] {
        self.route_index().cached_targets(topic, cache, make)
    }

    pub fn retained(&self, topic: &TopicName) -> Option<&Retained> {
        self.tables.retained.get(topic)
    }

    /// Calls `found` for each retained message whose topic matches and lies after
    /// `after`, in the order of topics, for as long as it says true and no more than
    /// `limit` topics have been looked at, those that do not match too.
    pub fn for_each_retained(
        &self,
        filter: &TopicFilter,
        after: Option<&TopicName>,
        limit: usize,
        found: impl FnMut(&TopicName, &Retained) -> bool,
    ) -> RetainedLook {
        retained_scan::scan(&self.tables.retained, filter, after, limit, found)
    }

    pub fn retained_count(&self) -> usize {
        self.tables.retained.len()
    }

    /// Whether one more retained message keeps to the bound, or which part of it it does
    /// not keep to.
    pub fn check_retained(
        &self,
        topic: &TopicName,
        message: &retained::Message,
        within: RetainedBound,
    ) -> Result<(), (Bound, u64)> {
        if message.bytes() > MAX_RETAINED_PAYLOAD_BYTES {
            let limit = MAX_RETAINED_PAYLOAD_BYTES as u64;
            return Err((Bound::RetainedMessage, limit));
        }
        let replaced = self.retained(topic).map(|old| old.weight(topic));
        let messages = u64::from(within.messages);
        if replaced.is_none() && self.retained_count() as u64 >= messages {
            return Err((Bound::RetainedMessages, messages));
        }
        let bytes = within.bytes.min(MAX_RETAINED_BYTES);
        let rest = self.retained_bytes() - replaced.unwrap_or(0);
        if rest + retained::row_weight(topic, message) > bytes {
            return Err((Bound::RetainedTotal, bytes));
        }
        Ok(())
    }

    pub fn retained_bytes(&self) -> u64 {
        self.retained_totals.bytes()
    }

    /// Those that expired before that, the oldest first. They are there until an entry of
    /// the log has them removed.
    pub fn retained_expired_before(&self, moment: Timestamp) -> impl Iterator<Item = &TopicName> {
        self.retained_totals.expired_before(moment)
    }

    pub fn ban(&self, subject: &BanSubject) -> Option<&Ban> {
        self.tables.bans.get(subject)
    }

    pub fn ban_count(&self) -> usize {
        self.tables.bans.len()
    }

    pub fn setting(&self, key: &str) -> Option<&str> {
        self.tables
            .settings
            .get(&key.to_owned())
            .map(String::as_str)
    }

    pub fn setting_count(&self) -> usize {
        self.tables.settings.len()
    }

    /// Equal on every node that holds the same view, however it got it.
    pub fn digest(&self) -> Digest {
        self.tables.digest()
    }

    /// Asserts what must hold between the tables and what is derived from them.
    pub fn validate(&self) {
        let tables = &self.tables;
        tables.validate();
        let totals = RetainedTotals::of(tables.retained.iter());
        assert_eq!(self.retained_totals, totals);
        if let Some(index) = self.route_index.get() {
            let rows = tables.routes.iter();
            index.validate(rows.map(|(key, _)| (&key.filter, key.node)));
        }
    }

    fn route_index(&self) -> &RouteIndex {
        self.route_index.get_or_init(|| {
            let mut index = RouteIndex::new(self.hash_seed);
            for (key, _) in self.tables.routes.iter() {
                index.insert(&key.filter, key.node);
            }
            index
        })
    }
}

impl ViewTables {
    pub(crate) fn routes_of(
        &self,
        node: NodeId,
    ) -> impl Iterator<Item = (&RouteKey, &Incarnation)> {
        self.routes
            .range(first_route(node)..)
            .take_while(move |(key, _)| key.node == node)
    }

    pub(crate) fn digest(&self) -> Digest {
        [
            self.members.digest(),
            self.routes.digest(),
            self.retained.digest(),
            self.bans.digest(),
            self.settings.digest(),
        ]
        .into_iter()
        .fold(cluster_digest(self.cluster.as_ref()), Digest::with)
    }

    fn validate(&self) {
        self.members.validate();
        self.routes.validate();
        self.retained.validate();
        self.bans.validate();
        self.settings.validate();
    }
}

/// The least key that a route of the node can have.
fn first_route(node: NodeId) -> RouteKey {
    RouteKey {
        node,
        filter: TopicFilter::least(),
    }
}

fn cluster_digest(cluster: Option<&Cluster>) -> Digest {
    let mut hasher = RowHasher::new(CLUSTER_TAG);
    if let Some(cluster) = cluster {
        hasher.number(cluster.id.get() as u64);
        hasher.number((cluster.id.get() >> 64) as u64);
        hasher.text(cluster.name.as_str());
        hasher.number(cluster.formed.get());
    }
    hasher.finish()
}
