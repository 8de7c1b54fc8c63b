//! How a held request waits: woken once by what it wants, or told to answer.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::AcqRel};
use std::task::Poll;

use futures::task::AtomicWaker;
use rustc_hash::FxHashMap;

/// Why a request need not wait any longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::gateway::pubnub) enum Woken {
    /// There may be something for it.
    Look,
    /// It is to answer as things are.
    Answer,
}

const LOOK: u8 = 1;
const ANSWER: u8 = 2;

/// One held request, as those know it who wake it.
#[derive(Debug)]
pub(super) struct Waiter {
    pub(super) id: u64,
    state: AtomicU8,
    waker: AtomicWaker,
}

impl Waiter {
    pub(super) fn new(id: u64) -> Arc<Self> {
        Arc::new(Self { id, state: AtomicU8::new(0), waker: AtomicWaker::new() })
    }

    pub(super) fn wake(&self, why: Woken) {
        let bit = match why {
            Woken::Look => LOOK,
            Woken::Answer => ANSWER,
        };
        self.state.fetch_or(bit, AcqRel);
        self.waker.wake();
    }

    /// Waits until it is woken.
    pub(super) async fn woken(&self) -> Woken {
        poll_fn(|cx| {
            self.waker.register(cx.waker());
            match self.state.fetch_and(!LOOK, AcqRel) {
                0 => Poll::Pending,
                state if state & ANSWER != 0 => Poll::Ready(Woken::Answer),
                _ => Poll::Ready(Woken::Look),
            }
        })
        .await
    }
}

/// Those who wait for one thing.
#[derive(Debug, Default)]
pub(super) struct Waiting(FxHashMap<u64, Arc<Waiter>>);

impl Waiting {
    pub(super) fn add(&mut self, waiter: &Arc<Waiter>) {
        self.0.insert(waiter.id, Arc::clone(waiter));
    }

    pub(super) fn remove(&mut self, id: u64) {
        self.0.remove(&id);
        if self.0.is_empty() {
            self.0 = FxHashMap::default();
        }
    }

    pub(super) fn wake(&self, why: Woken) {
        self.0.values().for_each(|waiter| waiter.wake(why));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
