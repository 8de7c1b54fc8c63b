//! Cisco's Presence Web Service, over REST and SOAP, as `protocol/cisco.md` describes it.

pub mod ask;
pub mod certificate;
pub mod fault;
pub mod load;
pub mod notify;
pub mod soap;
pub mod summons;
