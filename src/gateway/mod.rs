//! Gateways: one folder per dialect with the same file names in each, and the transports they share.

pub mod apps;
pub mod conversation;
mod crowd;
pub mod frames;
pub mod hosts;
pub mod http;
mod inlet;
pub mod io;
pub mod json;
pub mod limits;
pub mod listener;
pub mod native;
pub mod origin;
pub mod pace;
pub mod pages;
pub mod pattern;
pub mod peer;
pub mod principal;
pub mod pusher;
pub mod rate;
mod scan;
pub mod spaces;
pub mod tls;
pub mod token;
pub mod tries;
pub mod upgrade;
pub mod websocket;
