//! Cisco's Presence Web Service, over REST and SOAP, as `protocol/cisco.md` describes it.

mod agenda;
pub mod ask;
pub mod certificate;
mod contacts;
mod desks;
mod dialect;
mod encode;
mod endpoints;
pub mod fault;
mod ledger;
pub mod load;
mod logins;
pub mod notify;
mod pidf;
mod presence;
mod rest;
mod sessions;
mod setting;
pub mod soap;
mod subscriptions;
pub mod summons;
mod tenant;
mod translate;

pub use dialect::{Parts, Service, Tending};
pub use rest::{Shared, router};
pub use tenant::Tenant;
