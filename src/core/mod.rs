//! The roster as a value: pure state, no async, no clock, no I/O and no serialisation.
//!
//! [`decide`] turns a command into records without touching the roster; [`Roster::fold`] is the only writer
//! and says what a record changed. Every node folds the same records with this code, so what counts as a join,
//! a leave or an edge is decided here and nowhere else.

mod buffer;
mod change;
mod content;
mod decide;
mod history;
mod ids;
mod lease;
mod net;
mod party;
mod record;
mod roster;
mod snapshot;
mod status;
mod time;
mod topic;

pub use buffer::{BufferLimits, Recall};
pub use change::{Cause, Change, ChangeKind, Edge, MemberView, Occupancy};
pub use content::{Content, Facts, Fingerprint};
pub use decide::{Command, Decision, Refusal, decide};
pub use history::{CatchUp, History};
pub use ids::{Epoch, NameError, NodeId, PartyId, Rev, SessionId, Timetoken, TopicName};
pub use lease::{Expiry, Lease, Leases, Terms};
pub use net::Net;
pub use party::{Party, PartyKind};
pub use record::{Entry, Message, Op, Record, Stamp};
pub use roster::{Limits, Roster};
pub use snapshot::{Retained, Snapshot};
pub use status::{Override, Status, status_of};
pub use time::{Mono, Now, Wall};
pub use topic::{Member, Membership, Topic};
