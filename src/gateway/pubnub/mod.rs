//! PubNub: its presence API with what that needs, as `protocol/pubnub.md` describes it.

mod answer;
mod body;
mod call;
mod closing;
mod desk;
mod dialect;
mod encode;
#[allow(dead_code, reason = "the access manager that uses it follows")]
mod fault;
mod filter;
#[cfg(test)]
mod fixture;
mod groups;
mod here;
mod history;
#[allow(dead_code, reason = "the access manager that uses it follows")]
mod names;
mod occupants;
mod presence;
mod publish;
#[allow(dead_code, reason = "the access manager that uses it follows")]
mod query;
mod rest;
mod sdk;
mod state;
mod subscribe;
mod tenant;
mod translate;

pub use dialect::Shared;
pub use rest::router;
pub use tenant::{Tenant, Tenants};
