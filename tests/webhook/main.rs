//! Webhooks end to end: a broker with a clock that the test moves, couriers, and receivers on loopback that misbehave on command.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../native/client.rs"]
#[expect(dead_code, reason = "not everything that a client can is needed here")]
mod client;
mod delivery;
mod egress;
mod kit;
mod order;
mod outage;
mod pubnub;
mod pusher;
mod receiver;
mod service;
mod stop;
