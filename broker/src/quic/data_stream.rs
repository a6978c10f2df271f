//! A data stream, both ways.

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use quinn::{RecvStream, SendStream, WriteError};
use tokio::sync::oneshot;

use super::bridge::{Bridge, Stage};
use super::demux::{Lane, StreamKey};
use super::lanes::LaneReceiver;
use super::uplink::pass_packets;

/// Ends when both ways have.
pub(super) async fn run(
    bridge: Arc<Bridge>,
    key: StreamKey,
    to_client: SendStream,
    mut from_client: RecvStream,
    lane: LaneReceiver,
) {
    let (is_written, stop) = oneshot::channel();
    let writing = async {
        write(&bridge, key, to_client, lane).await;
        // Who has nothing to hear on it has nothing to say either.
        drop(is_written);
    };
    let reading = async {
        // Not before the packets of the control stream are cut.
        bridge.reach(Stage::Many).await;
        let lane = Lane::Data(key);
        let _ = pass_packets(&bridge, lane, &mut from_client, Bytes::new(), stop).await;
        bridge.end_stream(key);
    };
    tokio::join!(writing, reading);
}

/// Writes what there is for the stream until nothing more comes, and waits until the
/// client has it.
async fn write(bridge: &Bridge, key: StreamKey, mut to: SendStream, mut lane: LaneReceiver) {
    let mut stopped = pin!(to.stopped());
    loop {
        let parcel = tokio::select! {
            biased;
            parcel = lane.queue.recv() => parcel,
            is_stopped = &mut stopped => {
                if let Ok(Some(_)) = is_stopped {
                    give_up(bridge, key, lane, false).await;
                }
                return;
            }
        };
        // It takes its room until it is written.
        let Some(parcel) = &parcel else {
            break;
        };
        match to.write_chunk(parcel.bytes.clone()).await {
            Ok(()) => {}
            Err(WriteError::Stopped(_)) => {
                return give_up(bridge, key, lane, parcel.has_answers).await;
            }
            Err(_) => return,
        }
    }
    if to.finish().is_ok() {
        let _ = stopped.await;
    }
}

/// The client takes nothing more from the stream.
async fn give_up(bridge: &Bridge, key: StreamKey, mut lane: LaneReceiver, missed_answers: bool) {
    let mut is_missed = missed_answers;
    // What comes later goes over the control stream.
    lane.queue.close();
    while let Ok(parcel) = lane.queue.try_recv() {
        is_missed |= parcel.has_answers;
    }
    bridge.close_stream(key, is_missed).await;
}
