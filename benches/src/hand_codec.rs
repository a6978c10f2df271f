//! The least that a codec for routes can do: lengths and bytes, read in order.
//! It knows one command only, and checks nothing but the filter itself.

use quorate_model::command::{Batch, Command, Request};
use quorate_model::ids::{Incarnation, NodeId, Origin, Sequence, Timestamp};
use quorate_model::topic_filter::TopicFilter;

/// Time, then for each request its origin, sequence and filters. Other commands
/// than `AddRoute` are left out.
pub fn encode(batch: &Batch) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, batch.time.get());
    put(&mut out, batch.requests.len() as u64);
    for request in &batch.requests {
        put(&mut out, request.origin.node.get());
        put(&mut out, request.origin.incarnation.get());
        put(&mut out, request.sequence.get());
        put(&mut out, request.commands.len() as u64);
        for command in &request.commands {
            if let Command::AddRoute { filter } = command {
                put(&mut out, filter.as_str().len() as u64);
                out.extend_from_slice(filter.as_str().as_bytes());
            }
        }
    }
    out
}

pub fn decode(bytes: &[u8]) -> Option<Batch> {
    let mut rest = bytes;
    let time = Timestamp::new(take(&mut rest)?);
    let count = take(&mut rest)?;
    let requests = (0..count)
        .map(|_| request(&mut rest))
        .collect::<Option<_>>()?;
    Some(Batch { time, requests })
}

/// Shows every filter without building anything.
pub fn visit(bytes: &[u8], mut found: impl FnMut(&str)) -> Option<()> {
    let mut rest = bytes;
    let _time = take(&mut rest)?;
    for _ in 0..take(&mut rest)? {
        let _origin_and_sequence = (take(&mut rest)?, take(&mut rest)?, take(&mut rest)?);
        for _ in 0..take(&mut rest)? {
            found(text(&mut rest)?);
        }
    }
    Some(())
}

fn request(rest: &mut &[u8]) -> Option<Request> {
    let node = NodeId::new(take(rest)?);
    let incarnation = Incarnation::new(take(rest)?);
    let sequence = Sequence::new(take(rest)?);
    let count = take(rest)?;
    let route = |_| {
        let filter = TopicFilter::new(text(rest)?).ok()?;
        Some(Command::AddRoute { filter })
    };
    Some(Request {
        origin: Origin { node, incarnation },
        sequence,
        commands: (0..count).map(route).collect::<Option<_>>()?,
    })
}

fn put(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(&number.to_le_bytes());
}

fn take(rest: &mut &[u8]) -> Option<u64> {
    let (number, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(u64::from_le_bytes(*number))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let len = usize::try_from(take(rest)?).ok()?;
    let (text, after) = rest.split_at_checked(len)?;
    *rest = after;
    std::str::from_utf8(text).ok()
}
