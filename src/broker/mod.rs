//! The central actor: it owns the roster, serves commands in turn, and fans changes out without ever waiting.

mod actor;
mod clock;
mod deliver;
mod encode;
mod feed;
mod handle;
mod lag;
mod outbox;
mod policy;
mod reply;
mod rested;
mod room;
mod slow;
mod statuses;
mod stream;

pub use actor::{Broker, Parts};
pub use clock::{Clock, Hand};
pub use encode::{Encode, EncoderId, Link, MAX_ENCODERS, Roll, Step};
pub use feed::{Backlog, Feed, FeedRoom, Missed, Promise, Told};
pub use handle::{Handle, Opening, Since};
pub use outbox::{Bounds, Broadcast, Item, Outbox, Pushed};
pub use policy::Policy;
pub use reply::{CloseReason, Notice, Reply, ReplyTo, Retry, Tag, Watching};
pub use statuses::Statuses;

pub use crate::engine::{AppSlot, Document, NotKept, Version};
