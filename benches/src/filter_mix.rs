//! A million filters as a fleet of devices would make them.

use std::collections::HashSet;

const TENANTS: u64 = 100;
const SITES: u64 = 100;
const DEVICES: u64 = 100;
const MEASURES: [&str; 16] = [
    "temperature",
    "humidity",
    "pressure",
    "voltage",
    "current",
    "power",
    "status",
    "command",
    "firmware",
    "battery",
    "position",
    "speed",
    "alarm",
    "config",
    "heartbeat",
    "log",
];

/// Filters and topics over `tenant/site/device/measure`: 100 tenants with 100
/// sites with 100 devices with 16 measures. A million devices, most of which
/// subscribe to one or two topics of their own, and services that watch a device
/// or one measure of many. Names of devices are unique; all others are shared.
///
/// Every filter has four levels and is different:
///
/// - 70 % have no wildcard
/// - 10 % `tenant/site/device/+`
/// - 5 % `tenant/site/+/measure`
/// - 5 % `tenant/+/device/measure`
/// - 10 % `tenant/site/device/#`
#[derive(Debug)]
pub struct FilterMix {
    state: u64,
}

impl FilterMix {
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// Different filters, in random order.
    pub fn filters(&mut self, count: usize) -> Vec<String> {
        let mut seen = HashSet::with_capacity(count);
        let mut filters = Vec::with_capacity(count);
        for number in 0..count {
            // A form that is used up would never yield another, hence the shares
            // above: the rarest has 160,000 filters.
            let filter = loop {
                let filter = self.filter(number % 20);
                if seen.insert(filter.clone()) {
                    break filter;
                }
            };
            filters.push(filter);
        }
        self.shuffle(&mut filters);
        filters
    }

    /// Topics to publish to, in random order: every second has a subscriber of its
    /// own among `filters`, the others are any of the fleet's.
    pub fn topics(&mut self, filters: &[String], count: usize) -> Vec<String> {
        let exact: Vec<&String> = filters
            .iter()
            .filter(|filter| !filter.contains(['+', '#']))
            .collect();
        (0..count)
            .map(|number| match number % 2 {
                0 => exact[self.below(exact.len() as u64) as usize].clone(),
                _ => self.filter(0),
            })
            .collect()
    }

    fn filter(&mut self, form: usize) -> String {
        let tenant = self.below(TENANTS);
        let site = self.below(SITES);
        let device = (tenant * SITES + site) * DEVICES + self.below(DEVICES);
        let measure = MEASURES[self.below(MEASURES.len() as u64) as usize];
        match form {
            0..14 => format!("tenant-{tenant:02}/site-{site:02}/device-{device:06}/{measure}"),
            14 | 15 => format!("tenant-{tenant:02}/site-{site:02}/device-{device:06}/+"),
            16 => format!("tenant-{tenant:02}/site-{site:02}/+/{measure}"),
            17 => format!("tenant-{tenant:02}/+/device-{device:06}/{measure}"),
            _ => format!("tenant-{tenant:02}/site-{site:02}/device-{device:06}/#"),
        }
    }

    fn shuffle(&mut self, filters: &mut [String]) {
        for end in (1..filters.len()).rev() {
            let other = self.below(end as u64 + 1) as usize;
            filters.swap(end, other);
        }
    }

    fn below(&mut self, limit: u64) -> u64 {
        // splitmix64: two lines, and the same filters on every machine.
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ self.state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % limit
    }
}
