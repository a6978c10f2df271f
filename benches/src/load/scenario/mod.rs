//! One module for each thing that brokers are asked to bear.

pub mod connect;
pub mod flows;
pub mod idle;
pub mod latency;
pub mod million;
mod plan;
pub mod reconnect;
mod rough;
mod slope;
pub mod soak;
pub mod subscribe;
mod swarm;
