//! An engine that lets everything arrive a few polls after it was ordered, as a networked one does.

use std::collections::VecDeque;
use std::task::{Context, Poll};

use presence_hub::core::{Now, TopicName};
use presence_hub::engine::{AppSlot, Arrival, Engine, Submission, Ticket, Write};

/// Lets another engine's arrivals come late, in the same order.
#[derive(Debug)]
pub(crate) struct Late<E> {
    inner: E,
    held: VecDeque<Arrival>,
    polls: usize,
}

impl<E> Late<E> {
    pub(crate) fn new(inner: E) -> Self {
        Self { inner, held: VecDeque::new(), polls: 0 }
    }
}

impl<E: Engine> Engine for Late<E> {
    fn submit(&mut self, now: Now, submission: Submission) {
        self.inner.submit(now, submission);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Arrival> {
        while let Poll::Ready(arrival) = self.inner.poll(cx) {
            self.held.push_back(arrival);
        }
        self.polls += 1;
        if !self.polls.is_multiple_of(3) {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.held.pop_front() {
            Some(arrival) => Poll::Ready(arrival),
            None => Poll::Pending,
        }
    }

    fn ask(&mut self, app: AppSlot, topic: &TopicName) {
        self.inner.ask(app, topic);
    }

    fn read(&mut self, app: AppSlot, ticket: Ticket, key: &str) {
        self.inner.read(app, ticket, key);
    }

    fn write(&mut self, write: Write) {
        self.inner.write(write);
    }

    fn sweep(&mut self, now: Now) {
        self.inner.sweep(now);
    }
}
