#![allow(clippy::unwrap_used, clippy::expect_used)]

use quorate_model::client_id::ClientId;
use quorate_model::ids::{Epoch, Revision};
use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::message::Traits;
use quorate_mqtt::moment::Moment;
use quorate_mqtt::packet::Connect;
use quorate_mqtt::session::{Opening, Session};
use quorate_mqtt::version::Version;

use super::*;
use crate::connection::ConnectionKey;

struct World {
    router: Router,
    sessions: SessionTable,
}

impl World {
    fn new(strategy: SharedStrategy) -> Self {
        Self {
            router: Router::new(7, strategy),
            sessions: SessionTable::new(7),
        }
    }

    /// A connected session with that number.
    fn session(&mut self, number: u64) -> SessionKey {
        let id = format!("client{number}");
        let connect = Connect::new(Version::V5, &id);
        let fresh = || ClientId::new("fresh").unwrap();
        let opening = Opening::negotiate(&connect, &Limits::default(), fresh).unwrap();
        let now = Moment::from_millis(1);
        let session = Session::open(opening, SessionNumber(number), now);
        let key = self
            .sessions
            .insert(session, Epoch::new(Revision::new(number)), None);
        let connection = ConnectionKey {
            place: number as u32,
            tenant: 0,
        };
        self.sessions[key].connection = Some(connection);
        key
    }

    fn subscribe(&mut self, session: SessionKey, text: &str, options: SubscriptionOptions) {
        self.router.subscribe(session, &filter(text), options, None);
    }

    fn targets(&mut self, topic: &str, publisher: u64) -> Vec<Target> {
        let traits = Traits {
            qos: QoS::ExactlyOnce,
            retain: false,
            expires: Moment::NEVER,
            publisher: Some(SessionNumber(publisher)),
        };
        let message = Passing::new(traits, topic, &[], b"");
        let mut targets = Vec::new();
        self.router
            .targets(&message, &mut self.sessions, &mut targets);
        targets
    }

    fn receivers(&mut self, topic: &str, publisher: u64) -> Vec<SessionKey> {
        let targets = self.targets(topic, publisher);
        targets.iter().map(|target| target.session).collect()
    }
}

fn filter(text: &str) -> TopicFilter {
    TopicFilter::new(text).unwrap()
}

fn at(qos: QoS) -> SubscriptionOptions {
    SubscriptionOptions::of_qos(qos)
}

#[test]
fn a_session_gets_one_message_however_many_of_its_filters_match() {
    let mut world = World::new(SharedStrategy::RoundRobin);
    let (one, other) = (world.session(1), world.session(2));
    let ids = [11, 12, 13].map(NonZeroU32::new);
    for (text, qos, id) in [
        ("a/b", QoS::AtMostOnce, ids[0]),
        ("a/+", QoS::ExactlyOnce, ids[1]),
        ("#", QoS::AtLeastOnce, ids[2]),
    ] {
        world.router.subscribe(one, &filter(text), at(qos), id);
    }
    world.subscribe(other, "a/#", at(QoS::AtMostOnce));
    let mut targets = world.targets("a/b", 9);
    targets.sort_by_key(|target| target.session);
    assert_eq!(targets.len(), 2);
    assert_eq!(targets[0].qos, QoS::ExactlyOnce);
    let mut found: Vec<_> = targets[0].subscription_id.into_iter().collect();
    found.extend(&targets[0].more_ids);
    found.sort_unstable();
    assert_eq!(found, ids.map(Option::unwrap));
    assert_eq!(targets[1].session, other);
    assert_eq!(targets[1].qos, QoS::AtMostOnce);
}

#[test]
fn no_local_keeps_a_client_from_its_own_messages_alone() {
    let mut world = World::new(SharedStrategy::RoundRobin);
    let (one, other) = (world.session(1), world.session(2));
    let mut options = at(QoS::AtMostOnce);
    options.no_local = true;
    world.subscribe(one, "a", options);
    world.subscribe(other, "a", options);
    assert_eq!(world.receivers("a", 1), [other]);
    assert_eq!(world.receivers("a", 2), [one]);
    // Another subscription of the same client wants them.
    world.subscribe(one, "+", at(QoS::AtMostOnce));
    assert_eq!(world.receivers("a", 1), [other, one]);
}

#[test]
fn the_first_and_the_last_of_a_filter_are_named() {
    let mut world = World::new(SharedStrategy::RoundRobin);
    let (one, other) = (world.session(1), world.session(2));
    for text in ["a", "a/#", "$share/g/a"] {
        let filter = filter(text);
        let mut subscribe = |session| {
            world
                .router
                .subscribe(session, &filter, at(QoS::AtMostOnce), None)
        };
        let first = Subscribed {
            existed: false,
            is_first: true,
        };
        let second = Subscribed {
            existed: false,
            is_first: false,
        };
        let again = Subscribed {
            existed: true,
            is_first: false,
        };
        assert_eq!(subscribe(one), first, "{text}");
        assert_eq!(subscribe(other), second, "{text}");
        assert_eq!(subscribe(one), again, "{text}");
        assert!(!world.router.unsubscribe(one, &filter), "{text}");
        assert!(world.router.unsubscribe(other, &filter), "{text}");
        assert!(!world.router.unsubscribe(other, &filter), "{text}");
    }
    assert!(world.router.index.is_empty());
    assert!(world.router.patterns.is_empty());
    assert!(world.router.groups.is_empty());
}

#[test]
fn groups_choose_by_their_strategy() {
    use SharedStrategy as S;
    for strategy in [
        S::Random,
        S::RoundRobin,
        S::Sticky,
        S::Local,
        S::HashClientId,
        S::HashTopic,
    ] {
        let mut world = World::new(strategy);
        let members = [1, 2, 3].map(|number| world.session(number));
        for member in members {
            world.subscribe(member, "$share/g/#", at(QoS::AtLeastOnce));
        }
        let mut choose = |topic: &str, publisher| world.receivers(topic, publisher)[0];
        let same_topic: Vec<_> = (0..30).map(|at| choose("t", at % 10)).collect();
        let same_client: Vec<_> = (0..30).map(|at| choose(&format!("t{at}"), 4)).collect();
        let count = |chosen: &[SessionKey]| {
            members
                .iter()
                .filter(|member| chosen.contains(member))
                .count()
        };
        let (by_topic, by_client) = (count(&same_topic), count(&same_client));
        let expected = match strategy {
            S::Random | S::RoundRobin | S::Local => (3, 3),
            S::Sticky => (1, 1),
            S::HashClientId => (3, 1),
            S::HashTopic => (1, 3),
        };
        assert_eq!((by_topic, by_client), expected, "{strategy:?}");
    }
}

#[test]
fn a_group_prefers_those_who_are_there() {
    let mut world = World::new(SharedStrategy::RoundRobin);
    let members = [1, 2, 3].map(|number| world.session(number));
    for member in members {
        world.subscribe(member, "$share/g/t", at(QoS::AtLeastOnce));
    }
    world.sessions[members[1]].connection = None;
    let chosen: Vec<_> = (0..8).map(|_| world.receivers("t", 9)[0]).collect();
    assert!(!chosen.contains(&members[1]));
    world.sessions[members[0]].connection = None;
    world.sessions[members[2]].connection = None;
    // Nobody is there: somebody keeps it.
    assert_eq!(world.receivers("t", 9).len(), 1);
}

#[test]
fn an_heir_is_somebody_else_if_there_is_anybody() {
    let mut world = World::new(SharedStrategy::Sticky);
    let (one, other) = (world.session(1), world.session(2));
    world.subscribe(one, "$share/g/t", at(QoS::AtLeastOnce));
    let group = world.targets("t", 9)[0].group.unwrap();
    let traits = Traits {
        qos: QoS::AtLeastOnce,
        retain: false,
        expires: Moment::NEVER,
        publisher: None,
    };
    let message = Passing::new(traits, "t", &[], b"");
    let heir = |world: &mut World| {
        let heir = world.router.heir(group, one, &message, &world.sessions);
        heir.map(|heir| heir.session)
    };
    assert_eq!(heir(&mut world), Some(one));
    world.subscribe(other, "$share/g/t", at(QoS::AtLeastOnce));
    assert_eq!(heir(&mut world), Some(other));
    world.router.unsubscribe(one, &filter("$share/g/t"));
    world.router.unsubscribe(other, &filter("$share/g/t"));
    assert_eq!(heir(&mut world), None);
}
