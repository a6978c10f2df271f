//! The administration of a node: an HTTP API, its client, health checks and metrics.
//!
//! The node implements [`Control`]; [`serve_unix`] and [`serve_tcp`] put it
//! behind HTTP, and [`AdminClient`] talks to it. What goes over the wire is in
//! [`api`], and `/api/v1/openapi.json` is generated from the handlers.
//!
//! ```text
//! quorate cluster status -> AdminClient ~ admin.sock ~ serve_unix -> routes -> Control (node)
//! ```

pub mod api;
mod client;
mod control;
mod metric;
mod routes;
mod server;
mod socket_path;

pub use client::{AdminClient, ClientError, UrlError};
pub use control::{Check, Control, Reply};
pub use metric::{Label, Metric, Sample};
pub use server::{AdminSocket, BindError, serve_tcp, serve_unix};
