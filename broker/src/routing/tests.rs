#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::num::NonZeroU32;

use quorate_model::client_id::ClientId;
use quorate_model::ids::{Epoch, Revision};
use quorate_model::retained::QoS;
use quorate_mqtt::limits::Limits;
use quorate_mqtt::message::Traits;
use quorate_mqtt::moment::Moment;
use quorate_mqtt::packet::{Connect, SubscriptionOptions};
use quorate_mqtt::session::{Opening, Session};
use quorate_mqtt::version::Version;

use super::*;
use crate::session_table::SessionKey;

const HERE: ReactorNumber = ReactorNumber(1);
const ELSEWHERE: ReactorNumber = ReactorNumber(2);

/// A router, as one of its reactors sees it.
struct World {
    router: Router,
    cache: RouterCache,
    sessions: SessionTable,
}

impl World {
    fn new(strategy: SharedStrategy) -> Self {
        Self {
            router: Router::new(7, strategy),
            cache: Router::new_cache(),
            sessions: SessionTable::new(7),
        }
    }

    /// A session with that number on this reactor.
    fn session(&mut self, number: u64) -> SessionKey {
        let id = format!("client{number}");
        let connect = Connect::new(Version::V5, &id);
        let fresh = || ClientId::new("fresh").unwrap();
        let opening = Opening::negotiate(&connect, &Limits::default(), fresh).unwrap();
        let now = Moment::from_millis(1);
        let session = Session::open(opening, SessionNumber(number), now);
        self.sessions
            .insert(session, Epoch::new(Revision::new(number)), None)
    }

    fn subscribe(&mut self, session: SessionKey, text: &str, options: SubscriptionOptions) {
        self.subscribe_with_id(session, text, options, None);
    }

    fn subscribe_with_id(
        &mut self,
        session: SessionKey,
        text: &str,
        options: SubscriptionOptions,
        subscription_id: Option<NonZeroU32>,
    ) -> Subscribed {
        let number = self.sessions.number(session);
        let subscriber = Subscriber {
            seat: here(session),
            subscription_id,
            options,
        };
        self.router.subscribe(subscriber, number, &filter(text))
    }

    /// Subscribes a session of the other reactor, of which nothing is known here.
    fn subscribe_elsewhere(&mut self, session: SessionKey, text: &str) {
        let subscriber = Subscriber {
            seat: elsewhere(session),
            subscription_id: None,
            options: at(QoS::AtLeastOnce),
        };
        let number = SessionNumber(99);
        self.router.subscribe(subscriber, number, &filter(text));
    }

    fn route(&mut self, topic: &str, publisher: u64) -> Routed {
        let mut routed = Routed::default();
        let (cache, sessions) = (&mut self.cache, &mut self.sessions);
        let message = message(topic, Some(publisher));
        self.router
            .route(&message, publisher, HERE, cache, sessions, &mut routed);
        routed
    }

    fn targets(&mut self, topic: &str, publisher: u64) -> Vec<Target> {
        self.route(topic, publisher).targets
    }

    fn receivers(&mut self, topic: &str, publisher: u64) -> Vec<SessionKey> {
        let targets = self.targets(topic, publisher);
        targets.iter().map(|target| target.session).collect()
    }
}

fn message(topic: &str, publisher: Option<u64>) -> Passing<'_> {
    let traits = Traits {
        qos: QoS::ExactlyOnce,
        retain: false,
        expires: Moment::NEVER,
        publisher: publisher.map(SessionNumber),
    };
    Passing::new(traits, topic, &[], b"")
}

fn here(session: SessionKey) -> Seat {
    let reactor = HERE;
    Seat { reactor, session }
}

fn elsewhere(session: SessionKey) -> Seat {
    let reactor = ELSEWHERE;
    Seat { reactor, session }
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
        world.subscribe_with_id(one, text, at(qos), id);
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
        let mut subscribe =
            |session| world.subscribe_with_id(session, text, at(QoS::AtMostOnce), None);
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
        assert!(!world.router.unsubscribe(here(one), &filter), "{text}");
        assert!(world.router.unsubscribe(here(other), &filter), "{text}");
        assert!(!world.router.unsubscribe(here(other), &filter), "{text}");
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
    let shared = filter("$share/g/t");
    let leaves = |world: &World, at: usize| {
        world
            .router
            .set_connected(here(members[at]), &shared, false);
    };
    leaves(&world, 1);
    let chosen: Vec<_> = (0..8).map(|_| world.receivers("t", 9)[0]).collect();
    assert!(!chosen.contains(&members[1]));
    leaves(&world, 0);
    leaves(&world, 2);
    // Nobody is there: somebody keeps it.
    assert_eq!(world.receivers("t", 9).len(), 1);
    world.router.set_connected(here(members[2]), &shared, true);
    let chosen: Vec<_> = (0..8).map(|_| world.receivers("t", 9)[0]).collect();
    assert_eq!(chosen, [members[2]; 8]);
}

#[test]
fn an_heir_is_somebody_else_if_there_is_anybody() {
    let mut world = World::new(SharedStrategy::Sticky);
    let (one, other) = (world.session(1), world.session(2));
    world.subscribe(one, "$share/g/t", at(QoS::AtLeastOnce));
    let group = world.targets("t", 9)[0].group.unwrap();
    let heir = |world: &World, why: Absence| {
        let mut routed = Routed::default();
        let message = message("t", None);
        let router = &world.router;
        router.heir(group, here(one), why, &message, HERE, &mut routed);
        routed
            .targets
            .first()
            .map(|heir| (heir.session, heir.tried))
    };
    let gone = Absence::Gone { tried: 0 };
    let away = Absence::Away { tried: 1 };
    let full = Absence::Full { tried: 1 };
    assert_eq!(heir(&world, gone), Some((one, 0)));
    assert_eq!((heir(&world, away), heir(&world, full)), (None, None));
    let shared = filter("$share/g/t");
    world.subscribe(other, "$share/g/t", at(QoS::AtLeastOnce));
    assert_eq!(heir(&world, gone), Some((other, 0)));
    assert_eq!(heir(&world, away), Some((other, 1)));
    // One that is away too is no better, if it is not for its room.
    world.router.set_connected(here(other), &shared, false);
    assert_eq!(heir(&world, away), None);
    assert_eq!(heir(&world, full), Some((other, 1)));
    world.router.unsubscribe(here(one), &shared);
    world.router.unsubscribe(here(other), &shared);
    assert_eq!(heir(&world, gone), None);
}

#[test]
fn a_message_goes_to_another_reactor_once_and_is_handed_out_there() {
    let mut world = World::new(SharedStrategy::RoundRobin);
    let (one, other) = (world.session(1), world.session(2));
    for text in ["a", "a/#", "+"] {
        world.subscribe_elsewhere(one, text);
        world.subscribe_elsewhere(other, text);
    }
    let routed = world.route("a", 9);
    assert!(routed.targets.is_empty() && routed.is_matched());
    assert_eq!(routed.elsewhere.collect::<Vec<_>>(), [ELSEWHERE]);
    world.subscribe(one, "a", at(QoS::AtMostOnce));
    let routed = world.route("a", 9);
    assert_eq!(routed.targets.len(), 1);
    assert_eq!(routed.elsewhere.collect::<Vec<_>>(), [ELSEWHERE]);

    let mut there = Routed::default();
    let (cache, sessions) = (&mut world.cache, &mut world.sessions);
    let message = message("a", Some(9));
    world
        .router
        .route_handed_over(&message, ELSEWHERE, cache, sessions, &mut there);
    let receivers: Vec<_> = there.targets.iter().map(|target| target.session).collect();
    assert_eq!(receivers, [one, other]);
    assert!(there.elsewhere.is_empty());
}

#[test]
fn a_group_has_members_on_all_reactors() {
    let mut world = World::new(SharedStrategy::RoundRobin);
    let one = world.session(1);
    world.subscribe(one, "$share/g/t", at(QoS::AtLeastOnce));
    world.subscribe_elsewhere(one, "$share/g/t");
    let mut counts = [0, 0];
    for _ in 0..10 {
        let routed = world.route("t", 9);
        assert_eq!(routed.targets.len() + routed.members.len(), 1);
        counts[0] += routed.targets.len();
        for member in routed.members {
            assert_eq!(
                (member.reactor, member.number),
                (ELSEWHERE, SessionNumber(99))
            );
            counts[1] += 1;
        }
        assert!(routed.elsewhere.is_empty());
    }
    assert_eq!(counts, [5, 5]);
}
