//! How the objects of a history are called in the cluster, and back.

use quorate_model::change::Change;
use quorate_model::client_id::ClientId;
use quorate_model::ids::NodeId;
use quorate_model::retained::{Message, QoS};
use quorate_model::topic_filter::TopicFilter;
use quorate_model::topic_name::TopicName;

use crate::history::Object;

const SETTING: &str = "setting-";
const RETAINED: &str = "retained/";
const ROUTE: &str = "route/";
const CLIENT: &str = "client-";

pub fn setting(number: u32) -> String {
    format!("{SETTING}{number}")
}

pub fn topic(number: u32) -> TopicName {
    let name = format!("{RETAINED}{number}");
    TopicName::new(name).unwrap_or_else(|error| panic!("a topic of the simulator: {error}"))
}

pub fn filter(number: u32) -> TopicFilter {
    let filter = format!("{ROUTE}{number}/#");
    TopicFilter::new(filter).unwrap_or_else(|error| panic!("a filter of the simulator: {error}"))
}

pub fn client(number: u32) -> ClientId {
    let id = format!("{CLIENT}{number}");
    ClientId::new(id).unwrap_or_else(|error| panic!("a client id of the simulator: {error}"))
}

pub fn message(value: u64) -> Message {
    Message {
        qos: QoS::AtLeastOnce,
        payload: value.to_string().into_bytes(),
        properties: Vec::new(),
        expires: None,
    }
}

pub fn value_of_message(message: &Message) -> Option<u64> {
    value_of_text(std::str::from_utf8(&message.payload).ok()?)
}

/// A setting's value may carry padding after the number.
pub fn value_of_text(text: &str) -> Option<u64> {
    text.split(' ').next()?.parse().ok()
}

/// What a change did to the objects that histories know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    Set(Object, Option<u64>),
    /// All routes of the node are gone.
    RoutesDropped(u64),
}

pub fn effect(change: &Change) -> Option<Effect> {
    match change {
        Change::SettingSet { key, value } => {
            let object = Object::Setting(number(key, SETTING)?);
            Some(Effect::Set(object, Some(value_of_text(value)?)))
        }
        Change::SettingRemoved { key } => {
            Some(Effect::Set(Object::Setting(number(key, SETTING)?), None))
        }
        Change::RetainedSet { topic, retained } => {
            let object = Object::Retained(number(topic.as_str(), RETAINED)?);
            Some(Effect::Set(
                object,
                Some(value_of_message(&retained.message)?),
            ))
        }
        Change::RetainedCleared { topic } => {
            let object = Object::Retained(number(topic.as_str(), RETAINED)?);
            Some(Effect::Set(object, None))
        }
        Change::RouteAdded { origin, filter } => {
            let object = route(origin.node, filter)?;
            Some(Effect::Set(object, Some(origin.incarnation.get())))
        }
        Change::RouteRemoved { node, filter } => Some(Effect::Set(route(*node, filter)?, None)),
        Change::RoutesDropped { node } => Some(Effect::RoutesDropped(node.get())),
        Change::Formed(_)
        | Change::MemberSet(_)
        | Change::MemberRemoved { .. }
        | Change::BanSet { .. }
        | Change::BanRemoved { .. } => None,
    }
}

fn route(node: NodeId, filter: &TopicFilter) -> Option<Object> {
    let name = filter.as_str().strip_suffix("/#")?;
    Some(Object::Route(number(name, ROUTE)?, node.get()))
}

fn number(name: &str, prefix: &str) -> Option<u32> {
    name.strip_prefix(prefix)?.parse().ok()
}
