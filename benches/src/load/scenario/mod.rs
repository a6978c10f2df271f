//! One module for each thing that brokers are asked to bear.

pub mod connect;
pub mod flows;
pub mod idle;
pub mod subscribe;
mod swarm;
