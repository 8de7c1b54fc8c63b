//! Calls that the hub makes: which addresses it may call, checked each time, the calling itself, signatures, and when it is tried again.

mod address;
mod caller;
mod outcome;
mod retry;
mod rules;
mod sign;

pub use address::{Reach, reach};
pub use caller::{Answer, Answered, CallError, Caller, Resolve, System};
pub use outcome::{PATIENCE, Why};
pub use retry::{LONGEST, Tries};
pub use rules::{Refused, Rules, Target};
pub use sign::Signer;
