//! PubNub: its presence API with what that needs, as `protocol/pubnub.md` describes it.

#[allow(dead_code, reason = "the routes that use it follow")]
mod access;
#[allow(dead_code, reason = "the routes that use it follow")]
mod answer;
#[allow(dead_code, reason = "the routes that use it follow")]
mod body;
#[allow(dead_code, reason = "the routes that use it follow")]
mod fault;
#[allow(dead_code, reason = "the routes that use it follow")]
mod filter;
#[cfg(test)]
mod fixture;
pub mod invariants;
#[allow(dead_code, reason = "the routes that use it follow")]
mod names;
#[allow(dead_code, reason = "the routes that use it follow")]
mod query;
#[allow(dead_code, reason = "the routes that use it follow")]
mod sdk;
#[allow(dead_code, reason = "the routes that use it follow")]
mod signature;
