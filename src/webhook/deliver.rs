//! One try of one post.

use std::time::Duration;

use super::format::Rendered;
use crate::broker::Clock;
use crate::egress::{Caller, PATIENCE, Why};

/// A try that is over.
#[derive(Debug)]
pub(super) struct Tried {
    /// The lane whose post it was.
    pub(super) lane: usize,
    /// What made it, for the next.
    pub(super) caller: Caller,
    /// Whether the other side has it; if not, how long it asks to be left alone.
    pub(super) outcome: Result<(), (Why, Option<Duration>)>,
}

/// Posts, and waits for the answer for as long as `timeout` of the hub's time.
pub(super) async fn attempt(
    lane: usize,
    caller: Caller,
    rendered: Rendered,
    clock: Clock,
    timeout: Duration,
) -> Tried {
    let answered = tokio::select! {
        answered = caller.post(rendered.headers, rendered.body) => Some(answered),
        () = clock.sleep(timeout) => None,
    };
    let outcome = Why::judge(answered, timeout, clock.sleep(PATIENCE)).await;
    Tried { lane, caller, outcome }
}
