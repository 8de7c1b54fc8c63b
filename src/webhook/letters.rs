//! Dead letters: the newest hooks that were given up, kept for an operator to look at and to send again.

use std::collections::VecDeque;

use super::queue::Queued;
use crate::core::Wall;

/// A hook that was given up.
#[derive(Debug, Clone)]
pub struct Letter {
    /// The hook.
    pub queued: Queued,
    /// When it was given up.
    pub at: Wall,
    /// How many times it was tried.
    pub tries: u32,
    /// Why the last try failed, or that there was no room.
    pub why: String,
}

/// The newest of them, and how many there were.
#[derive(Debug)]
pub(super) struct Letters {
    kept: VecDeque<Letter>,
    most: usize,
    count: u64,
}

impl Letters {
    pub(super) fn new(most: usize) -> Self {
        Self { kept: VecDeque::new(), most, count: 0 }
    }

    /// Gives hooks up.
    pub(super) fn put(&mut self, hooks: Vec<Queued>, at: Wall, tries: u32, why: &str) {
        self.count += hooks.len() as u64;
        let letter = |queued| Letter { queued, at, tries, why: why.to_owned() };
        self.kept.extend(hooks.into_iter().map(letter));
        let over = self.kept.len().saturating_sub(self.most);
        self.kept.drain(..over);
    }

    /// How many hooks were ever given up.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Those that are kept, oldest first.
    pub(super) fn kept(&self) -> impl Iterator<Item = &Letter> {
        self.kept.iter()
    }

    /// Takes those that are kept, to be tried again.
    pub(super) fn take(&mut self) -> Vec<Queued> {
        self.kept.drain(..).map(|letter| letter.queued).collect()
    }
}
