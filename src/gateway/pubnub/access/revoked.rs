//! Tokens that were revoked, remembered until they would have ended, in documents of the app.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use sha2::{Digest, Sha256};

use crate::broker::{AppSlot, Clock, Handle, NotKept, Version};
use crate::core::Mono;
use crate::gateway::pubnub::answer::Service;
use crate::gateway::pubnub::fault::Fault;

/// For how long a document is taken to be as it was read. What this node itself revokes is known at once.
const FRESH: Duration = Duration::from_secs(1);

/// Over how many documents the marks of an app are spread, so that none grows too large.
const SHARDS: u8 = 16;

/// How often a revocation is tried again that met somebody else's.
const ATTEMPTS: usize = 32;

const MARK_BYTES: usize = 16;
const ENTRY_BYTES: usize = MARK_BYTES + 8;

/// What stands for a token: half of its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Mark([u8; MARK_BYTES]);

impl Mark {
    /// The mark of a token's bytes; however its text is written, it has one.
    pub(super) fn of(token: &[u8]) -> Self {
        let digest = Sha256::digest(token);
        let mut mark = [0; MARK_BYTES];
        mark.copy_from_slice(&digest[..MARK_BYTES]);
        Self(mark)
    }

    fn shard(self) -> u8 {
        self.0[0] % SHARDS
    }
}

/// The marks of a document, and from which second each need not be remembered any more.
type Marks = HashMap<Mark, u64>;

type Place = (AppSlot, u8);

#[derive(Debug)]
struct Known {
    marks: Arc<Marks>,
    at: Mono,
}

/// The revoked tokens of all apps.
#[derive(Debug)]
pub(super) struct Revoked {
    broker: Handle,
    clock: Clock,
    known: Mutex<HashMap<Place, Known>>,
}

impl Revoked {
    pub(super) fn new(broker: Handle, clock: Clock) -> Self {
        Self { broker, clock, known: Mutex::default() }
    }

    /// Whether a token was revoked, at most a second ago if on another node.
    ///
    /// # Errors
    /// It cannot be known now, and so is not let in.
    pub(super) async fn has(&self, app: AppSlot, mark: Mark) -> Result<bool, Fault> {
        let (place, now) = ((app, mark.shard()), self.clock.now().mono);
        let known = lock(&self.known)
            .get(&place)
            .filter(|known| known.at + FRESH > now)
            .map(|known| Arc::clone(&known.marks));
        let marks = match known {
            Some(marks) => marks,
            None => self.read(place).await?.1,
        };
        Ok(marks.contains_key(&mark))
    }

    /// Remembers that a token was revoked that ends at a second. Of an app so many are remembered at most, within a sixteenth.
    ///
    /// # Errors
    /// There are too many, or it cannot be kept now.
    pub(super) async fn add(
        &self,
        (app, mark): (AppSlot, Mark),
        ends: u64,
        most: usize,
    ) -> Result<(), Fault> {
        let place = (app, mark.shard());
        for _ in 0..ATTEMPTS {
            let (version, before) = self.read(place).await?;
            let now = self.clock.now();
            let mut marks = Marks::clone(&before);
            marks.retain(|_, ends| *ends > now.wall.seconds());
            marks.insert(mark, ends);
            if marks.len() > most.div_ceil(usize::from(SHARDS)) {
                return Err(full());
            }
            let kept = self.broker.for_app(app).keep(&key(place), version, Some(written(&marks))).await;
            match kept {
                Ok(_) => {
                    let known = Known { marks: Arc::new(marks), at: now.mono };
                    lock(&self.known).insert(place, known);
                    return Ok(());
                }
                Err(NotKept::Conflict) => {}
                Err(NotKept::TooLarge | NotKept::Full) => return Err(full()),
                Err(NotKept::Unavailable) => return Err(unavailable()),
            }
        }
        Err(unavailable())
    }

    async fn read(&self, place: Place) -> Result<(Option<Version>, Arc<Marks>), Fault> {
        let at = self.clock.now().mono;
        let document = self.broker.for_app(place.0).document(&key(place)).await.map_err(|_| unavailable())?;
        let version = document.as_ref().map(|document| document.version);
        let marks = Arc::new(document.map(|document| marks(&document.value)).unwrap_or_default());
        lock(&self.known).insert(place, Known { marks: Arc::clone(&marks), at });
        Ok((version, marks))
    }
}

/// Never a status of 500 and more, which some libraries take badly.
fn unavailable() -> Fault {
    Fault::too_many_requests(Service::AccessManager, 1)
}

fn full() -> Fault {
    Fault::too_many_revocations()
}

fn key((_, shard): Place) -> String {
    format!("pubnub:revoked:{shard:x}")
}

fn written(marks: &Marks) -> Bytes {
    let entries = marks.iter().flat_map(|(mark, ends)| mark.0.into_iter().chain(ends.to_be_bytes()));
    entries.collect()
}

fn marks(bytes: &[u8]) -> Marks {
    let entry = |entry: &[u8]| {
        let (mark, ends) = entry.split_first_chunk::<MARK_BYTES>()?;
        Some((Mark(*mark), u64::from_be_bytes(ends.try_into().ok()?)))
    };
    bytes.chunks_exact(ENTRY_BYTES).filter_map(entry).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn marks_are_read_as_they_were_written(tokens in prop::collection::hash_map(any::<u64>(), any::<u64>(), 0..40)) {
            let all: Marks = tokens.iter().map(|(token, ends)| (Mark::of(&token.to_be_bytes()), *ends)).collect();
            prop_assert_eq!(marks(&written(&all)), all);
        }

        #[test]
        fn any_bytes_are_some_marks(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert!(marks(&bytes).len() <= bytes.len() / ENTRY_BYTES);
        }
    }
}
