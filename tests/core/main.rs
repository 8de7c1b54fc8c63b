//! The roster as a value, against a naive model and against its own promises: what it says is what it is, at every rev.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod as_another;
mod buffer;
mod catch_up;
mod hostile;
mod hub;
mod leases;
mod model;
mod net;
mod reconcile;
mod retained;
mod rules;
mod steps;
mod view;
mod world;
