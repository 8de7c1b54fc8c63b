//! Gateways: one folder per dialect with the same file names in each, and the transports they share.

pub mod conversation;
pub mod frames;
mod inlet;
pub mod io;
pub mod rate;
mod scan;
pub mod websocket;
