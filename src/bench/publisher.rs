//! The first seat of a crowd as the publisher to all seats.

use std::time::Duration;

use super::error::BenchError;
use super::options::Kind;
use super::process::Process;
use super::protocol::Saying;
use super::stage::{Crowd, Ground};
use super::stopwatch::{Stopwatch, unix_seconds};
use super::tally::{Count, Tally};

/// The seat that publishes.
pub(super) const PUBLISHER: usize = 0;

/// What a stretch of publishing came to.
#[derive(Debug)]
pub(super) struct Stretch {
    /// What was published and delivered.
    pub(super) count: Count,
    /// Deliveries that never came.
    pub(super) lost: u64,
    /// How long it took.
    pub(super) elapsed: Duration,
    /// CPU of the hub.
    pub(super) hub: Duration,
    /// CPU of the bench.
    pub(super) bench: Duration,
}

/// A topic that all seats watch and the first one publishes to.
#[derive(Debug)]
pub(super) struct Publisher {
    crowd: Crowd<Tally>,
    hub: Process,
    watch: Stopwatch,
    topic: String,
    kind: Kind,
    pad: usize,
}

impl Publisher {
    /// Gathers the watchers, and finds how long a text must be for deliveries of this size.
    pub(super) async fn prepare(
        ground: &Ground,
        connections: usize,
        kind: Kind,
        frame_bytes: usize,
    ) -> Result<Self, BenchError> {
        let habits = ground.protocol.habits();
        if kind == Kind::Presence && !habits.updates {
            let why = "members cannot change what they say of themselves in this dialect: use --kind message";
            return Err(BenchError::Option(why.to_owned()));
        }
        let watch = Stopwatch::start();
        // Everything goes to as many as was asked for, and be it that who publishes comes on top.
        let (seats, deaf) =
            if habits.echoes { (connections, None) } else { (connections + 1, Some(PUBLISHER)) };
        let topic = topic("publish");
        let tally = Tally::new(seats, deaf, watch);
        let crowd = Crowd::gather_watching(ground, seats, tally, |_| topic.clone()).await?;
        let mut publisher = Self { crowd, hub: ground.process, watch, topic, kind, pad: 0 };
        for _ in 0..2 {
            publisher.publish(&[watch.nanos()]).await?;
            publisher
                .crowd
                .until("a first publication to reach everybody", |tally| tally.outstanding() == 0)
                .await?;
            let wire = publisher.crowd.with(|tally| tally.latest_wire());
            publisher.pad = (publisher.pad + frame_bytes).saturating_sub(wire);
        }
        Ok(publisher)
    }

    /// Keeps this many publications on their way for this long, and waits until all have arrived.
    pub(super) async fn closed(&mut self, window: usize, duration: Duration) -> Result<Stretch, BenchError> {
        let begin = self.begin()?;
        let mut stall = None;
        while begin.watch.elapsed() < duration && stall.is_none() {
            let free = window.saturating_sub(self.crowd.with(|tally| tally.outstanding()));
            self.publish(&vec![self.watch.nanos(); free]).await?;
            let waited = self
                .crowd
                .until("publications to reach everybody", |tally| tally.outstanding() < window)
                .await;
            stall = stalled(waited)?;
        }
        self.finish(begin).await
    }

    /// Publishes at this rate for this long, whatever the hub does, and waits until all have arrived.
    pub(super) async fn open(&mut self, per_second: f64, duration: Duration) -> Result<Stretch, BenchError> {
        let begin = self.begin()?;
        let start = self.watch.elapsed();
        let total = (duration.as_secs_f64() * per_second).ceil() as u64;
        for turn in 0..total {
            let due = start + Duration::from_secs_f64(turn as f64 / per_second);
            super::stopwatch::wait_until(self.watch, due).await;
            self.crowd.check()?;
            self.publish(&[u64::try_from(due.as_nanos()).unwrap_or(u64::MAX)]).await?;
        }
        self.finish(begin).await
    }

    fn begin(&self) -> Result<Begin, BenchError> {
        self.crowd.with(Tally::restart);
        Ok(Begin { watch: Stopwatch::start(), hub: self.hub.cpu()?, bench: Process::own().cpu()? })
    }

    async fn finish(&self, begin: Begin) -> Result<Stretch, BenchError> {
        stalled(
            self.crowd
                .until("the last publications to reach everybody", |tally| tally.outstanding() == 0)
                .await,
        )?;
        let (hub, bench) = (self.hub.cpu()? - begin.hub, Process::own().cpu()? - begin.bench);
        let elapsed = begin.watch.elapsed();
        let (count, missing) = self.crowd.with(|tally| (tally.count().clone(), tally.missing()));
        let lost = match self.kind {
            Kind::Message => missing + count.skipped,
            Kind::Presence => missing,
        };
        Ok(Stretch { count, lost, elapsed, hub, bench })
    }

    /// Publishes once for every time that a publication is due.
    async fn publish(&self, dues: &[u64]) -> Result<(), BenchError> {
        let mut frames = Vec::with_capacity(dues.len() * 1_024);
        for due in dues {
            let text = self.crowd.with(|tally| tally.publish(*due)).text(self.pad);
            let (topic, text) = (self.topic.as_str(), text.as_str());
            let saying = match self.kind {
                Kind::Message => Saying::Publish { topic, text },
                Kind::Presence => Saying::Online { topic, text },
            };
            self.crowd.put(PUBLISHER, saying, &mut frames);
        }
        self.crowd.send(PUBLISHER, &frames).await
    }
}

impl Stretch {
    /// The error that says that deliveries do not add up, if so.
    pub(super) fn fault(&self, kind: Kind) -> Option<BenchError> {
        let repeated = match kind {
            Kind::Message => self.count.repeated,
            Kind::Presence => 0,
        };
        let expected = self.count.deliveries + self.lost;
        (self.lost > 0 || repeated > 0).then_some(BenchError::Lost { lost: self.lost, expected, repeated })
    }
}

struct Begin {
    watch: Stopwatch,
    hub: Duration,
    bench: Duration,
}

/// A stall ends a stretch, and what is then missing is lost; any other failure ends the run.
fn stalled(waited: Result<(), BenchError>) -> Result<Option<BenchError>, BenchError> {
    match waited {
        Ok(()) => Ok(None),
        Err(stall @ BenchError::Stalled { .. }) => Ok(Some(stall)),
        Err(other) => Err(other),
    }
}

/// A topic that no other run uses.
pub(super) fn topic(scenario: &str) -> String {
    format!("load-{scenario}-{}-{}", unix_seconds(), std::process::id())
}
