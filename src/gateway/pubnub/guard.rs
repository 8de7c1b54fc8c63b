//! Whether whoever is held may still be told what comes: what allowed it may end meanwhile, and a pattern matches more than it is
//! let into.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::access::{Access, Pass};
use super::call::Call;
use super::desk::Found;
use crate::core::{Mono, Now, TopicName};
use crate::gateway::spaces::Spaces;

/// What is asked before a held request is told something.
#[derive(Debug)]
pub(super) struct Guard {
    access: Arc<Access>,
    spaces: Arc<Spaces>,
    pass: Pass,
    address: Option<IpAddr>,
    /// How often spaces had changed before the request was let in.
    changes: u64,
}

/// Which channels have been asked about for one answer.
pub(super) type Asked = HashMap<TopicName, bool>;

impl Guard {
    /// Of a request that is about to be let in.
    pub(super) fn of(call: &Call<'_>) -> Self {
        Self {
            access: Arc::clone(&call.shared.access),
            spaces: Arc::clone(&call.shared.spaces),
            pass: call.pass.clone(),
            address: call.address,
            changes: call.shared.spaces.changes(),
        }
    }

    /// When what allows it ends by itself.
    pub(super) fn ends(&self, now: Now) -> Option<Mono> {
        let left = self.pass.ends()?.saturating_sub(now.wall.seconds());
        Some(now.mono + std::time::Duration::from_secs(left))
    }

    /// Whether it is still allowed anything. What cannot be known now is not.
    pub(super) async fn is_good(&self) -> bool {
        self.access.is_good(&self.pass).await
    }

    /// Whether something may be told. Whoever named the channel itself was let into it before, which holds until a space is changed.
    pub(super) async fn shows(&self, found: &Found, asked: &mut Asked) -> bool {
        if !found.is_matched && self.spaces.changes() == self.changes {
            return true;
        }
        let topic = &found.entry.topic;
        if let Some(known) = asked.get(topic) {
            return *known;
        }
        let is_let_in = (!found.is_matched || self.pass.may_match(topic))
            && self.spaces.admit(self.pass.principal(), topic, None, self.address).await.is_ok();
        asked.insert(topic.clone(), is_let_in);
        is_let_in
    }
}
