//! What goes out of a session, in words.

use crate::codec::PublishHead;
use crate::message::{Message, Passing};
use crate::packet::{Acknowledgement, Packet};
use crate::reason::ReasonCode;
use crate::session::{Arrival, Delivered, Orphan, Outbox, Output};

/// Takes down what a session sends.
#[derive(Debug)]
pub(super) struct Wire {
    /// For so many messages.
    pub(super) room: usize,
    pub(super) lines: Vec<String>,
    /// The sizes of the messages that were sent.
    pub(super) sizes: Vec<usize>,
    /// Packets that gave a reason in words.
    pub(super) explained: Vec<&'static str>,
}

/// What the broker is told, in words.
pub(super) fn told(output: &Output<'_>) -> Option<String> {
    Some(match output {
        Output::Nothing => return None,
        Output::Publish(arrival) => arrives(arrival),
        Output::Delivered { fate, dropped } => {
            let dropped = match dropped {
                0 => String::new(),
                dropped => format!(" in place of {dropped}"),
            };
            match fate {
                Delivered::Sent => return None,
                Delivered::Queued => format!("queued{dropped}"),
                Delivered::Dropped(reason) => format!("dropped, {reason:?}{dropped}"),
            }
        }
        Output::Subscribe(subscribe) => {
            let filters = subscribe.requests.iter().map(|request| request.filter);
            format!("subscribes to {}", filters.collect::<Vec<_>>().join(" "))
        }
        Output::Unsubscribe(unsubscribe) => {
            let filters: Vec<_> = unsubscribe.filters.iter().collect();
            format!("unsubscribes from {}", filters.join(" "))
        }
        Output::Authenticate(_) => "authenticates".to_owned(),
        Output::Will(message) => will_of(message),
        Output::Close(reason) => format!("close ({reason})"),
        Output::Detached { orphans } => format!("detached{}", leaving(orphans)),
        Output::Ended { will, orphans } => {
            let will = will.as_ref().map(|will| format!("; {}", will_of(will)));
            format!("ended{}{}", will.unwrap_or_default(), leaving(orphans))
        }
    })
}

fn arrives(arrival: &Arrival<'_>) -> String {
    let ticket = arrival.ticket.as_ref();
    let ticket = ticket.map(|ticket| format!(" #{}", ticket.packet_id.get()));
    let qos = arrival.publish.qos as u8;
    let again = match arrival.was_handed_out {
        true => " again",
        false => "",
    };
    format!(
        "arrives{again} {} q{qos}{}",
        arrival.topic(),
        ticket.unwrap_or_default()
    )
}

pub(super) fn will_of(message: &Message) -> String {
    format!("will {}", message.topic())
}

fn leaving(orphans: &[Orphan]) -> String {
    let mut line = String::new();
    for orphan in orphans {
        let topic = orphan.message.topic();
        line += &format!(", leaves {topic} to group {}", orphan.group.0);
    }
    line
}

impl Wire {
    pub(super) fn new() -> Self {
        Self {
            room: usize::MAX,
            lines: Vec::new(),
            sizes: Vec::new(),
            explained: Vec::new(),
        }
    }

    fn acknowledge(&mut self, name: &'static str, ack: &Acknowledgement<'_>) {
        let reason = match ack.reason {
            ReasonCode::Success => String::new(),
            reason => format!(" ({reason})"),
        };
        self.lines
            .push(format!("{name} #{}{reason}", ack.packet_id.get()));
        if ack.diagnostics.reason_string.is_some() {
            self.explained.push(name);
        }
    }
}

impl Outbox for Wire {
    fn has_room(&self) -> bool {
        self.room > 0
    }

    fn send(&mut self, packet: &Packet<'_>) {
        match packet {
            Packet::PubAck(ack)
            | Packet::PubRec(ack)
            | Packet::PubRel(ack)
            | Packet::PubComp(ack) => self.acknowledge(packet.name(), ack),
            Packet::Disconnect(disconnect) => {
                let server = disconnect.server_reference;
                let server = server.map_or(String::new(), |server| format!(" to {server}"));
                self.lines
                    .push(format!("DISCONNECT ({}){server}", disconnect.reason));
                if disconnect.diagnostics.reason_string.is_some() {
                    self.explained.push(packet.name());
                }
            }
            other => self.lines.push(other.name().to_owned()),
        }
    }

    fn send_message(&mut self, head: &PublishHead<'_>, message: &Passing<'_>) {
        assert!(self.has_room(), "sent without room");
        assert_eq!(head.payload_bytes, message.payload.len());
        if self.room < usize::MAX {
            self.room -= 1;
        }
        let mut bytes = Vec::new();
        head.write(&mut bytes);
        assert_eq!(bytes.len() + head.payload_bytes, head.packet_bytes());
        self.sizes.push(head.packet_bytes());
        let mut line = format!("PUBLISH {} q{}", head.topic, head.qos as u8);
        if let Some(id) = head.packet_id {
            line += &format!(" #{}", id.get());
        }
        for (is_set, name) in [(head.duplicate, " dup"), (head.retain, " retain")] {
            line += if is_set { name } else { "" };
        }
        if let Some(alias) = head.topic_alias {
            line += &format!(" alias {alias}");
        }
        if let Some(expiry_s) = head.expiry_s.filter(|_| head.version.is_5()) {
            line += &format!(" expiry {expiry_s}");
        }
        if !head.subscription_ids.is_empty() {
            line += &format!(" ids {:?}", head.subscription_ids);
        }
        self.lines.push(line);
    }
}
