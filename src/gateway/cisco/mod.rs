//! Cisco's Presence Web Service, over REST and SOAP, as `protocol/cisco.md` describes it.

pub mod ask;
pub mod fault;
