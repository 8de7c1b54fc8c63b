//! The central actor: it owns the roster, serves commands in turn, and fans changes out without ever waiting.

mod clock;
mod encode;
mod handle;
mod outbox;
mod reply;

pub use clock::{Clock, Hand};
pub use encode::{Encode, EncoderId, Link, MAX_ENCODERS, Roll, Step};
pub use handle::{Handle, Opening};
pub use outbox::{Bounds, Broadcast, Item, Outbox, Pushed};
pub use reply::{CloseReason, Notice, Reply, ReplyTo, Retry, Tag, Watching};
