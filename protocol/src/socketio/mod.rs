//! The packets of Socket.IO as they stand in Engine.IO messages, read leniently and without a copy.
//!
//! Clients of the first two generations say the namespace with a query and sometimes without the comma that ends it; both
//! are understood. What is read costs time linear in its length, and no depth of JSON costs stack. The `4` with which
//! Engine.IO marks a message is nobody's business here: neither is it read nor written.

mod attachments;
mod error;
mod event;
#[cfg(test)]
mod golden;
mod packet;
mod query;
mod write;

pub use attachments::with_attachments;
pub use error::PacketError;
pub use event::{Event, RESERVED_EVENTS};
pub use packet::{Kind, MAX_ATTACHMENTS, Packet};
pub use query::pairs;
pub use write::{END, Generation, ack_head, connected, disconnect, event_head, refused};
