//! The writing side of one connection: what the kernel does not take at once waits here, in order.

use std::cell::RefCell;
use std::io;

use tokio::net::tcp::OwnedWriteHalf;

/// Writes to one connection.
#[derive(Debug)]
pub(super) struct Line {
    half: OwnedWriteHalf,
    waiting: RefCell<Vec<u8>>,
}

impl Line {
    /// Takes over the writing half of a connection.
    pub(super) fn new(half: OwnedWriteHalf) -> Self {
        Self { half, waiting: RefCell::default() }
    }

    /// Writes what the kernel takes now and keeps the rest for [`Self::flush`]. A broken connection shows on its reading side.
    pub(super) fn push(&self, bytes: &[u8]) {
        let mut waiting = self.waiting.borrow_mut();
        let taken = if waiting.is_empty() { self.half.try_write(bytes).unwrap_or(0) } else { 0 };
        waiting.extend_from_slice(bytes.get(taken..).unwrap_or_default());
    }

    /// Waits until the kernel has taken everything.
    pub(super) async fn flush(&self) -> io::Result<()> {
        while !self.waiting.borrow().is_empty() {
            self.half.writable().await?;
            let mut waiting = self.waiting.borrow_mut();
            match self.half.try_write(&waiting) {
                Ok(taken) => drop(waiting.drain(..taken)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
