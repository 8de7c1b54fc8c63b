//! Gateways: one folder per dialect with the same file names in each, and the transports they share.

pub mod conversation;
pub mod frames;
pub mod http;
mod inlet;
pub mod io;
pub mod limits;
pub mod listener;
pub mod origin;
pub mod peer;
pub mod rate;
mod scan;
pub mod tls;
pub mod upgrade;
pub mod websocket;
