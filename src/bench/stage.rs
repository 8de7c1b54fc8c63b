//! Takes connections to where a scenario begins: authenticated, and watching their topics.

use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use futures::future::try_join_all;

use super::connect::{Address, open};
use super::error::BenchError;
use super::fleet::{Fleet, Sink, Taken};
use super::process::Process;
use super::protocol::{Heard, Protocol, Saying, Speaker};
use super::token::Mint;

/// How many connections are opened, or topics watched, at once.
const STRIDE: usize = 64;
/// Of what a hub refuses, this much is repeated to the person.
const REFUSAL_SHOWN: usize = 400;

/// What a scenario listens with.
pub(super) trait Audience: 'static {
    /// Takes a frame. Is there something in it that the driver of the scenario may be waiting for?
    fn hear(&mut self, seat: usize, heard: Heard, text: &[u8], wire: usize) -> bool;
}

/// Where a scenario takes place.
#[derive(Debug)]
pub(super) struct Ground {
    /// The hub's address.
    pub(super) address: Address,
    /// The hub's process.
    pub(super) process: Process,
    /// Makes the parties' tokens.
    pub(super) mint: Mint,
    /// The dialect spoken.
    pub(super) protocol: Rc<dyn Protocol>,
    /// How long nothing may happen before a scenario gives up.
    pub(super) patience: Duration,
}

/// Stands between the connections and the audience, and keeps count of who is in.
#[derive(Debug)]
pub(super) struct Stage<A> {
    protocol: Rc<dyn Protocol>,
    /// What the hub calls the connections, by seat, where clients must know.
    sockets: Vec<String>,
    welcomed: usize,
    watching: usize,
    refusal: Option<(usize, String)>,
    audience: A,
}

impl<A: Audience> Sink for Stage<A> {
    fn take(&mut self, seat: usize, text: &[u8], wire: usize, answers: &mut Vec<u8>) -> Taken {
        let heard = self.protocol.hear(text);
        if let Heard::Call { answer } = heard {
            self.protocol.transport().put(answer, answers);
            return Taken::Beat;
        }
        if let Some(next) = self.protocol.next(seat, text) {
            self.protocol.transport().put(&next, answers);
        }
        if self.notice(seat, heard, text, wire) { Taken::Awaited } else { Taken::Said }
    }
}

impl<A: Audience> Stage<A> {
    /// Is there something in it that the driver of the scenario may be waiting for?
    fn notice(&mut self, seat: usize, heard: Heard, text: &[u8], wire: usize) -> bool {
        match heard {
            Heard::Welcome => {
                self.welcomed += 1;
                if let Some(socket) = self.protocol.socket_of(text) {
                    self.sockets.resize_with(self.sockets.len().max(seat + 1), String::new);
                    self.sockets[seat] = socket;
                }
                true
            }
            Heard::Watching => {
                self.watching += 1;
                true
            }
            Heard::Snapshot => {
                self.watching += 1;
                self.audience.hear(seat, heard, text, wire);
                true
            }
            Heard::Refused => {
                let shown = text.get(..REFUSAL_SHOWN).unwrap_or(text);
                self.refusal.get_or_insert_with(|| (seat, String::from_utf8_lossy(shown).into_owned()));
                true
            }
            Heard::Batch => self.unpack(seat, text, wire),
            Heard::Text | Heard::Online | Heard::Left | Heard::Other | Heard::Call { .. } => {
                self.audience.hear(seat, heard, text, wire)
            }
        }
    }

    /// What surrounds the texts of a batch counts as a part of the first.
    fn unpack(&mut self, seat: usize, batch: &[u8], wire: usize) -> bool {
        let Self { protocol, audience, .. } = self;
        let mut texts = 0;
        protocol.parts(batch, &mut |part| texts += part.len());
        let mut around = wire.saturating_sub(texts);
        let mut is_awaited = false;
        protocol.parts(batch, &mut |part| {
            is_awaited |= audience.hear(seat, Heard::Text, part, part.len() + std::mem::take(&mut around));
        });
        is_awaited
    }
}

/// The connections of a scenario, all authenticated.
#[derive(Debug)]
pub(super) struct Crowd<A> {
    fleet: Fleet<Stage<A>>,
    protocol: Rc<dyn Protocol>,
    patience: Duration,
}

impl<A: Audience> Crowd<A> {
    /// Connects this many parties and waits until the hub has let them in.
    pub(super) async fn gather(ground: &Ground, size: usize, audience: A) -> Result<Self, BenchError> {
        let mut crowd = Self::nobody(ground, audience);
        while crowd.fleet.size() < size {
            crowd.admit(ground, size).await?;
        }
        Ok(crowd)
    }

    /// The same, and lets each connection watch the topic that belongs to its seat as soon as it is in: a hub closes one that asks
    /// for nothing, however many are still to come.
    pub(super) async fn gather_watching(
        ground: &Ground,
        size: usize,
        audience: A,
        topic: impl Fn(usize) -> String,
    ) -> Result<Self, BenchError> {
        let mut crowd = Self::nobody(ground, audience);
        while crowd.fleet.size() < size {
            let seats = crowd.admit(ground, size).await?;
            crowd.watch(seats, &topic).await?;
        }
        Ok(crowd)
    }

    fn nobody(ground: &Ground, audience: A) -> Self {
        let protocol = Rc::clone(&ground.protocol);
        let stage =
            Stage { protocol, sockets: Vec::new(), welcomed: 0, watching: 0, refusal: None, audience };
        let protocol = Rc::clone(&ground.protocol);
        Self { fleet: Fleet::new(stage), protocol, patience: ground.patience }
    }

    /// Connects the next few of this many parties.
    async fn admit(&mut self, ground: &Ground, size: usize) -> Result<Range<usize>, BenchError> {
        let first = self.fleet.size();
        let seats = first..size.min(first + STRIDE);
        let opened = try_join_all(seats.clone().map(|seat| admit(ground, seat))).await?;
        for (stream, begun) in opened {
            self.fleet.add(stream, &begun, ground.protocol.transport());
        }
        let text = format!("{} parties to be authenticated", seats.end);
        self.settle(&text, |stage| stage.welcomed >= seats.end).await?;
        Ok(seats)
    }

    /// Lets these connections, the first that do, watch their topics, and waits until they do.
    async fn watch(&self, seats: Range<usize>, topic: impl Fn(usize) -> String) -> Result<(), BenchError> {
        for seat in seats.clone() {
            self.say(seat, Saying::Watch { topic: &topic(seat) });
            self.fleet.flush(seat).await?;
        }
        self.settle("topics to be watched", |stage| stage.watching >= seats.end).await
    }

    /// Says something on one connection.
    pub(super) fn say(&self, seat: usize, saying: Saying<'_>) {
        self.say_all(seat, &[saying]);
    }

    /// Says several things on one connection, in one write.
    pub(super) fn say_all(&self, seat: usize, sayings: &[Saying<'_>]) {
        let mut out = Vec::with_capacity(1_024);
        for saying in sayings {
            self.put(seat, *saying, &mut out);
        }
        self.fleet.push(seat, &out);
    }

    /// Appends the frames that say something on one connection, to be sent with [`Self::send`].
    pub(super) fn put(&self, seat: usize, saying: Saying<'_>, out: &mut Vec<u8>) {
        self.fleet.with(|stage| {
            let socket = stage.sockets.get(seat).map_or("", String::as_str);
            let transport = self.protocol.transport();
            let mut put = |text: &str| transport.put(text, out);
            self.protocol.say(Speaker { seat, socket }, saying, &mut put);
        });
    }

    /// Sends frames on one connection.
    pub(super) async fn send(&self, seat: usize, frames: &[u8]) -> Result<(), BenchError> {
        self.fleet.push(seat, frames);
        self.fleet.flush(seat).await
    }

    /// Waits until everything said on any connection has been taken by the kernel.
    pub(super) async fn flush(&self) -> Result<(), BenchError> {
        for seat in 0..self.fleet.size() {
            self.fleet.flush(seat).await?;
        }
        Ok(())
    }

    /// Looks at or changes the audience.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut A) -> T) -> T {
        self.fleet.with(|stage| look(&mut stage.audience))
    }

    /// Text frames and bytes that have arrived so far.
    pub(super) fn volume(&self) -> (u64, u64) {
        self.fleet.volume()
    }

    /// Has every connection lasted, and was nothing refused?
    pub(super) fn check(&self) -> Result<(), BenchError> {
        self.fleet.check()?;
        self.refusal()
    }

    /// Waits until the audience is as wanted.
    pub(super) async fn until(
        &self,
        what: &str,
        mut is_so: impl FnMut(&mut A) -> bool,
    ) -> Result<(), BenchError> {
        self.settle(what, |stage| is_so(&mut stage.audience)).await
    }

    async fn settle(
        &self,
        what: &str,
        mut is_so: impl FnMut(&mut Stage<A>) -> bool,
    ) -> Result<(), BenchError> {
        self.fleet.until(what, self.patience, |stage| stage.refusal.is_some() || is_so(stage)).await?;
        self.refusal()
    }

    fn refusal(&self) -> Result<(), BenchError> {
        match self.fleet.with(|stage| stage.refusal.take()) {
            Some((seat, text)) => Err(BenchError::Refused { seat, text }),
            None => Ok(()),
        }
    }
}

async fn admit(ground: &Ground, seat: usize) -> Result<(tokio::net::TcpStream, Vec<u8>), BenchError> {
    let token = ground.mint.token(seat)?;
    let target = ground.protocol.request_target(&token);
    open(&ground.address, seat, &target, ground.protocol.transport()).await
}
