//! Time and network, as both kinds of runs have them.

use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, SystemTime};

use crate::clock::EPOCH;
use crate::fault::Conditions;
use crate::network::Weather;
use crate::rng::Rng;

/// The grain of simulated time, and the least latency: what is sent in one step
/// arrives in a later one, so that nothing arrives before it was sent.
pub const TICK: Duration = Duration::from_millis(2);
const MAX_LATENCY: Duration = Duration::from_millis(6);

pub fn build(rng: &mut Rng) -> turmoil::Sim<'static> {
    turmoil::Builder::new()
        .rng_seed(rng.draw())
        .epoch(SystemTime::UNIX_EPOCH + EPOCH)
        .tick_duration(TICK)
        .simulation_duration(Duration::MAX)
        .min_message_latency(TICK)
        .max_message_latency(MAX_LATENCY)
        .udp_capacity(4096)
        .enable_random_order()
        .build()
}

/// `paths` are all ways from one machine to another.
pub fn change_network<P: IntoIterator<Item = (IpAddr, IpAddr)>>(
    sim: &turmoil::Sim<'_>,
    weather: &Weather,
    (now, next): (&Conditions, &Conditions),
    paths: impl Fn(u64, u64) -> P,
) {
    let cut = |cuts: &Conditions, others: &Conditions| {
        let cuts = cuts.cuts.difference(&others.cuts);
        let ways = cuts.flat_map(|(from, to)| paths(*from, *to));
        ways.collect::<Vec<_>>()
    };
    for (from, to) in cut(next, now) {
        sim.partition_oneway(from, to);
    }
    for (from, to) in cut(now, next) {
        sim.repair_oneway(from, to);
    }
    if next.delay_ms != now.delay_ms {
        let latency = next.delay_ms.map_or(MAX_LATENCY, Duration::from_millis);
        sim.set_max_message_latency(latency.max(TICK));
    }
    weather
        .loss_permille
        .store(next.loss_permille, Ordering::Relaxed);
    weather
        .duplicate_permille
        .store(next.duplicate_permille, Ordering::Relaxed);
}
