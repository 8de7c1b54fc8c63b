//! Calls that the hub makes: which addresses it may call, checked each time, and the calling itself.

mod address;
mod caller;
mod rules;

pub use address::{Reach, reach};
pub use caller::{Answer, CallError, Caller, Resolve, System};
pub use rules::{Refused, Rules, Target};
