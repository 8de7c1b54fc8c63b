//! presence-hub: one roster, every dialect. `ARCHITECTURE.md` is the map.

pub mod core;
