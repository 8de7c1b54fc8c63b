//! PubNub: its presence API with what that needs, as `protocol/pubnub.md` describes it.

mod access;
mod answer;
mod body;
mod call;
mod closing;
mod desk;
mod dialect;
mod encode;
mod fault;
mod filter;
#[cfg(test)]
mod fixture;
mod groups;
mod guard;
mod here;
mod history;
pub mod invariants;
mod names;
mod occupants;
mod presence;
mod publish;
mod query;
mod rest;
mod sdk;
mod signature;
mod state;
mod subscribe;
mod tenant;
mod translate;

pub use dialect::{Parts, Shared};
pub use rest::router;
pub use tenant::{Tenant, Tenants};
