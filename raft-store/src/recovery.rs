//! What a start finds on the disk: checked first, cleaned up second, so that
//! a refusal leaves everything as it was.

use openraft::{LogId, Vote};
use quorate_model::frame;
use quorate_model::frame::{Format, FrameError};

use crate::record::{SnapshotRecord, StoreRecord};
use crate::{Engine, StoreError, StoreTypes, Tree, Write, batches, keys, log_reader, record};

/// What entries and snapshots are counted up to, in any store.
const MAX_NUMBER: u64 = u64::MAX >> 1;
/// Keys that are looked at or removed at once.
const KEYS_AT_ONCE: usize = 10_000;

/// The contents of a store, consistent.
#[derive(Debug)]
pub(crate) struct Recovered {
    pub(crate) vote: Option<Vote<u64>>,
    pub(crate) committed: Option<LogId<u64>>,
    pub(crate) purged: Option<LogId<u64>>,
    pub(crate) log: Option<LogBounds>,
    pub(crate) snapshot: Option<SnapshotRecord>,
}

/// First and last entry.
type LogBounds = (LogId<u64>, LogId<u64>);

impl Recovered {
    /// The last entry, or the purge mark if there is none.
    pub(crate) fn last(&self) -> Option<LogId<u64>> {
        self.log.map(|(_, last)| last).or(self.purged)
    }

    /// The last entry that the snapshot holds.
    pub(crate) fn held(&self) -> Option<LogId<u64>> {
        self.snapshot.as_ref()?.meta().last_log_id
    }
}

/// Reads and checks everything but payloads and chunks, then removes what a
/// crash left behind.
pub(crate) fn recover<C: StoreTypes>(engine: &dyn Engine) -> Result<Recovered, StoreError> {
    let fresh = check_format(engine)?;
    let mut recovered = Recovered {
        vote: read_meta(engine, keys::VOTE, record::decode_vote)?,
        committed: read_log_id(engine, keys::COMMITTED, record::COMMITTED)?,
        purged: read_log_id(engine, keys::PURGED, record::PURGED)?,
        log: None,
        snapshot: read_meta(engine, keys::SNAPSHOT, |bytes| {
            frame::open(record::SNAPSHOT, bytes)
        })?,
    };
    check_numbers(&recovered)?;
    check_purged(&recovered)?;
    recovered.log = read_log_bounds::<C>(engine, recovered.purged)?;
    check_vote(&recovered)?;
    check_committed::<C>(engine, &recovered)?;
    let outrun = drop_outrun_log(&mut recovered);
    if let Some(mark) = outrun {
        engine.write(vec![mark])?;
    }
    remove_leftovers(engine, &recovered)?;
    if fresh {
        engine.write(vec![format_record()])?;
    }
    // What a killed process wrote can be read, and may not be durable yet. The
    // group relies on all that was found from here on.
    engine.sync()?;
    Ok(recovered)
}

/// Whether the store is empty; refuses what this build does not know.
fn check_format(engine: &dyn Engine) -> Result<bool, StoreError> {
    let decode = |bytes: &[u8]| frame::open::<StoreRecord>(record::STORE, bytes);
    if let Some(format) = read_meta(engine, keys::FORMAT, decode)? {
        if format.layout > record::LAYOUT {
            return Err(StoreError::NewerFormat {
                place: place(keys::FORMAT),
                found: format.layout,
                known: record::LAYOUT,
            });
        }
        return Ok(false);
    }
    for tree in Tree::ALL {
        if engine.last(tree)?.is_some() {
            let detail = format!("it is missing, but the tree `{tree}` holds data");
            return Err(StoreError::corrupt(place(keys::FORMAT), detail));
        }
    }
    Ok(true)
}

fn format_record() -> Write {
    let layout = record::LAYOUT;
    Write::Put {
        tree: Tree::Meta,
        key: keys::FORMAT.to_vec(),
        value: frame::seal(record::STORE, &StoreRecord { layout }),
    }
}

/// Numbers that nobody reaches by counting, and that would overflow at the next
/// step: the records are whole and still no store wrote them.
fn check_numbers(recovered: &Recovered) -> Result<(), StoreError> {
    let index = |id: Option<LogId<u64>>| id.map_or(0, |id| id.index);
    let sequence = recovered.snapshot.as_ref().map(|record| record.sequence);
    let numbers = [
        (keys::PURGED, index(recovered.purged)),
        (keys::COMMITTED, index(recovered.committed)),
        (keys::SNAPSHOT, index(recovered.held())),
        (keys::SNAPSHOT, sequence.unwrap_or(0)),
    ];
    match numbers.into_iter().find(|(_, number)| *number > MAX_NUMBER) {
        Some((key, number)) => {
            let detail = format!("no store gets to {number} by counting");
            Err(StoreError::corrupt(place(key), detail))
        }
        None => Ok(()),
    }
}

/// What was purged from the log must be in the snapshot: purging waits for it.
fn check_purged(recovered: &Recovered) -> Result<(), StoreError> {
    let purged = recovered.purged.map(|purged| purged.index);
    let held = recovered.held().map(|held| held.index);
    if purged > held {
        let detail = format!("the log is purged up to {purged:?}, the snapshot holds {held:?}");
        return Err(StoreError::corrupt(place(keys::PURGED), detail));
    }
    Ok(())
}

/// A crash between installing a snapshot and purging leaves a log that ends
/// below the snapshot. It may conflict with it, being of a later term and yet
/// shorter, so it goes as a whole. Returns the purge mark to write.
fn drop_outrun_log(recovered: &mut Recovered) -> Option<Write> {
    let held = recovered.held()?;
    let (_, last) = recovered.log?;
    if last.index > held.index || last == held {
        return None;
    }
    recovered.log = None;
    recovered.purged = Some(held);
    Some(Write::Put {
        tree: Tree::Meta,
        key: keys::PURGED.to_vec(),
        value: record::encode_log_id(record::PURGED, held),
    })
}

/// First and last entry after the purge mark; a gap is an error.
fn read_log_bounds<C: StoreTypes>(
    engine: &dyn Engine,
    purged: Option<LogId<u64>>,
) -> Result<Option<LogBounds>, StoreError> {
    let start = purged.map_or(0, |purged| purged.index + 1);
    let mut from = keys::log(start);
    let mut walk = LogWalk::from(start);
    loop {
        let keys = engine.keys(Tree::Log, &from, keys::END, KEYS_AT_ONCE)?;
        for key in &keys {
            walk.pass(key)?;
        }
        match keys.last() {
            Some(last) if keys.len() == KEYS_AT_ONCE => from = successor(last),
            _ => break,
        }
    }
    if walk.next_index == start {
        return Ok(None);
    }
    let (first, _) = log_reader::read_entry::<C>(engine, start)?;
    let (last, _) = log_reader::read_entry::<C>(engine, walk.next_index - 1)?;
    Ok(Some((first.log_id, last.log_id)))
}

/// A walk over the keys of the log, in their order.
struct LogWalk {
    next_index: u64,
    /// Of the entry before that one.
    next_part: u16,
    /// Whether there are parts of the next entry without its first. It was being written
    /// or removed when the process ended, and nothing can follow it.
    is_torn: bool,
}

impl LogWalk {
    fn from(start: u64) -> Self {
        Self {
            next_index: start,
            next_part: 0,
            is_torn: false,
        }
    }

    fn pass(&mut self, key: &[u8]) -> Result<(), StoreError> {
        let Some((index, part)) = keys::parse_log(key) else {
            let detail = format!("{key:02x?} is no key of this tree");
            return Err(StoreError::corrupt("the log", detail));
        };
        let next_index = self.next_index;
        if part > 0 && index == next_index {
            self.is_torn = true;
            return Ok(());
        }
        if part == 0 && index == next_index && !self.is_torn {
            self.next_index += 1;
            self.next_part = 1;
            return Ok(());
        }
        if part > 0 && part == self.next_part && index.checked_add(1) == Some(next_index) {
            self.next_part += 1;
            return Ok(());
        }
        let detail = format!("entry {next_index} is missing, entry {index} part {part} was found");
        Err(StoreError::corrupt("the log", detail))
    }
}

/// Entries and snapshots of a term are written after a vote of that term.
fn check_vote(recovered: &Recovered) -> Result<(), StoreError> {
    let voted = recovered.vote.unwrap_or_default().leader_id.term;
    let newest = recovered.last().max(recovered.held());
    let newest = newest.map_or(0, |newest| newest.leader_id.term);
    if voted < newest {
        let detail = format!("it is of term {voted}, but there are entries of term {newest}");
        return Err(StoreError::corrupt(place(keys::VOTE), detail));
    }
    Ok(())
}

/// The commit is noted after the entries that it speaks of, and they are never
/// truncated. A commit that is missing will be told by the group.
fn check_committed<C: StoreTypes>(
    engine: &dyn Engine,
    recovered: &Recovered,
) -> Result<(), StoreError> {
    let Some(committed) = recovered.committed else {
        return Ok(());
    };
    if Some(committed) <= recovered.held() {
        return Ok(());
    }
    let last = recovered.last();
    if last < Some(committed) {
        let last = last.map_or("none".to_owned(), |last| last.to_string());
        let detail = format!("entry {committed} was committed, but the last one is {last}");
        return Err(StoreError::corrupt(place(keys::COMMITTED), detail));
    }
    let (entry, _) = log_reader::read_entry::<C>(engine, committed.index)?;
    if entry.log_id != committed {
        let found = entry.log_id;
        let detail = format!("entry {committed} was committed, but the log holds {found}");
        return Err(StoreError::corrupt(place(keys::COMMITTED), detail));
    }
    Ok(())
}

fn remove_leftovers(engine: &dyn Engine, recovered: &Recovered) -> Result<(), StoreError> {
    if let Some(purged) = recovered.purged {
        let to = keys::log(purged.index + 1);
        remove_range(engine, Tree::Log, &[], &to)?;
    }
    // Parts of an entry that is not there.
    let end = recovered.last().map_or(0, |last| last.index + 1);
    remove_range(engine, Tree::Log, &keys::log(end), keys::END)?;
    match &recovered.snapshot {
        None => remove_range(engine, Tree::Snapshot, &[], keys::END)?,
        Some(record) => {
            let (from, to) = (record.sequence, record.sequence + 1);
            remove_range(engine, Tree::Snapshot, &[], &keys::snapshot(from))?;
            remove_range(engine, Tree::Snapshot, &keys::snapshot(to), keys::END)?;
        }
    }
    Ok(())
}

fn remove_range(engine: &dyn Engine, tree: Tree, from: &[u8], to: &[u8]) -> Result<(), StoreError> {
    loop {
        let keys = engine.keys(tree, from, to, KEYS_AT_ONCE)?;
        if keys.is_empty() {
            return Ok(());
        }
        let removes = keys.into_iter().map(|key| Write::Remove { tree, key });
        batches::write(engine, removes)?;
    }
}

fn read_log_id(
    engine: &dyn Engine,
    key: &[u8],
    format: Format,
) -> Result<Option<LogId<u64>>, StoreError> {
    read_meta(engine, key, |bytes| record::decode_log_id(format, bytes))
}

fn read_meta<T>(
    engine: &dyn Engine,
    key: &[u8],
    decode: impl FnOnce(&[u8]) -> Result<T, FrameError>,
) -> Result<Option<T>, StoreError> {
    let Some(bytes) = engine.get(Tree::Meta, key)? else {
        return Ok(None);
    };
    let decoded = decode(&bytes);
    decoded
        .map(Some)
        .map_err(|error| StoreError::frame(place(key), &error))
}

fn place(key: &[u8]) -> String {
    format!("the store's record `{}`", String::from_utf8_lossy(key))
}

/// The smallest key above `key`.
pub(crate) fn successor(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}
