//! The same loads on several brokers in one run, so that the machine is the same.
//!
//! ```text
//! for each scenario, five times: for each broker in turn
//!     Running (broker on core 0) <-- quorate-bench --json (core 1) --> Sample
//!     (again, if the machine's host took much of the time away)
//! samples --> Comparison --> table, plot, raw JSON
//! ```

mod bench;
mod broker;
pub mod cli;
mod comparison;
mod pinning;
mod plot;
mod running;
mod scenario;
mod spread;
mod stolen;
mod table;
