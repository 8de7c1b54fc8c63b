//! presence-hub: one roster, every dialect. `ARCHITECTURE.md` is the map.

pub mod admin;
pub mod app;
pub mod bench;
pub mod broker;
pub mod config;
pub mod core;
pub mod egress;
pub mod engine;
pub mod gateway;
pub mod telemetry;
pub mod webhook;
