//! Whether the hub has too much to do: a gauge that is looked at now and then, and a switch that does not flutter.

use std::fmt;
use std::fs;
use std::num::NonZero;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::broker::{Clock, Handle};
use crate::core::Mono;

/// How much there is to do, in hundredths of what can be done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Measured {
    /// The processors in use.
    pub processors: usize,
    /// The broker's inbox.
    pub inbox: usize,
}

/// Measures the load.
pub trait Gauge: fmt::Debug + Send {
    /// The load since the last time, or over a while.
    fn measure(&mut self) -> Measured;
}

/// From where on there is too much to do, and from where on no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bars {
    /// Processors: too much at this.
    pub high: usize,
    /// Enough below this.
    pub low: usize,
    /// The broker's inbox: too much at this, enough below half of it.
    pub inbox: usize,
}

impl Bars {
    /// Whether there is too much to do, after there was or was not.
    #[must_use]
    pub fn judge(self, was_high: bool, measured: Measured) -> bool {
        let Measured { processors, inbox } = measured;
        if was_high {
            processors >= self.low || inbox * 2 >= self.inbox
        } else {
            processors >= self.high || inbox >= self.inbox
        }
    }
}

/// Whether there is too much to do. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Load(Arc<watch::Sender<bool>>);

impl Load {
    /// Whether there is now.
    #[must_use]
    pub fn is_high(&self) -> bool {
        *self.0.borrow()
    }

    /// Hears of each turn.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<bool> {
        self.0.subscribe()
    }

    /// Says how it is; a test may do so instead of [`Load::follow`].
    pub fn set(&self, is_high: bool) {
        let has_changed = self.0.send_if_modified(|was| std::mem::replace(was, is_high) != is_high);
        match is_high {
            true if has_changed => tracing::warn!(dialect = "cisco", "too much to do: callbacks pause"),
            false if has_changed => tracing::info!(dialect = "cisco", "callbacks go on"),
            _ => {}
        }
    }

    /// Looks at a gauge at each interval, for ever.
    pub async fn follow(self, mut gauge: Box<dyn Gauge>, bars: Bars, clock: Clock, every: Duration) {
        loop {
            self.set(bars.judge(self.is_high(), gauge.measure()));
            clock.sleep(every).await;
        }
    }
}

/// The share of a new measurement in the average: four or five of them make up most of it.
const WEIGHT: f64 = 0.3;

/// The kernel counts the time of processors in hundredths of a second.
const TICK: f64 = 0.01;

/// The gauge of the machine that the hub runs on, as its kernel tells under /proc; where it does not, only the inbox counts.
#[derive(Debug)]
pub struct Machine {
    broker: Handle,
    clock: Clock,
    /// Whether what other programs use counts too.
    is_of_all: bool,
    /// When it was looked last, and the ticks in use until then.
    last: Option<(Mono, u64)>,
    average: f64,
}

impl Machine {
    /// Has not measured yet.
    #[must_use]
    pub fn new(broker: Handle, clock: Clock, is_of_all: bool) -> Self {
        Self { broker, clock, is_of_all, last: None, average: 0.0 }
    }

    fn ticks(&self) -> Option<u64> {
        if self.is_of_all {
            ticks_of_all(&fs::read_to_string("/proc/stat").ok()?)
        } else {
            ticks_of_one(&fs::read_to_string("/proc/self/stat").ok()?)
        }
    }

    /// The share of the processors that was in use since the last time, in hundredths.
    fn processors(&mut self) -> Option<f64> {
        let (now, ticks) = (self.clock.now().mono, self.ticks()?);
        let (then, before) = self.last.replace((now, ticks))?;
        let passed = now.0.saturating_sub(then.0).as_secs_f64();
        let used = f64::from(u32::try_from(ticks.saturating_sub(before)).unwrap_or(u32::MAX)) * TICK;
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        let can = passed * f64::from(u32::try_from(processors).unwrap_or(1));
        (can > 0.0).then(|| (used / can * 100.0).min(100.0))
    }
}

impl Gauge for Machine {
    fn measure(&mut self) -> Measured {
        if let Some(share) = self.processors() {
            self.average += (share - self.average) * WEIGHT;
        }
        let whole = (0..=100_u8).rev().find(|whole| f64::from(*whole) <= self.average);
        Measured { processors: whole.unwrap_or(0).into(), inbox: self.broker.fullness() }
    }
}

/// User and system time, from /proc/self/stat. The second field is the program's name in brackets, which may itself hold blanks.
fn ticks_of_one(stat: &str) -> Option<u64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// Everything but idleness and waiting, from /proc/stat.
fn ticks_of_all(stat: &str) -> Option<u64> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let counts = line.split_ascii_whitespace().take(8).map(str::parse).collect::<Result<Vec<u64>, _>>();
    let counts = counts.ok().filter(|counts| counts.len() == 8)?;
    let is_busy = |place: usize| place != 3 && place != 4;
    Some(counts.iter().enumerate().filter(|(place, _)| is_busy(*place)).map(|(_, count)| count).sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BARS: Bars = Bars { high: 80, low: 70, inbox: 50 };

    #[test]
    fn the_switch_does_not_flutter() {
        let mut is_high = false;
        let told = [0, 79, 80, 79, 71, 70, 69, 75, 79, 80, 100, 0].map(|processors| {
            is_high = BARS.judge(is_high, Measured { processors, inbox: 0 });
            is_high
        });
        let expected = [false, false, true, true, true, true, false, false, false, true, true, false];
        assert_eq!(told, expected);
        let told = [0, 49, 50, 49, 25, 24, 49].map(|inbox| {
            is_high = BARS.judge(is_high, Measured { processors: 0, inbox });
            is_high
        });
        assert_eq!(told, [false, false, true, true, true, false, false]);
        assert!(BARS.judge(true, Measured { processors: 70, inbox: 0 }), "either keeps it on");
    }

    #[test]
    fn the_kernels_counts_are_read() {
        let one = "4242 (a) b (c) S 1 4242 4242 0 -1 4194304 99 0 0 0 150 25 7 7 20 0 3 0 100 1 2";
        assert_eq!(ticks_of_one(one), Some(175));
        let all = "cpu  10 1 5 1000 200 2 3 4 50 60\ncpu0 1 1 1 1 1 1 1 1 0 0\n";
        assert_eq!(ticks_of_all(all), Some(25));
        for text in ["", "cpu 1 2", "cpu a b c d e f g h"] {
            assert_eq!((ticks_of_one(text), ticks_of_all(text)), (None, None), "{text:?}");
        }
    }

    /// Measures what it is told.
    #[derive(Debug)]
    struct Told(watch::Receiver<usize>);

    impl Gauge for Told {
        fn measure(&mut self) -> Measured {
            Measured { processors: *self.0.borrow(), inbox: 0 }
        }
    }

    #[tokio::test]
    async fn whoever_listens_hears_each_turn_once() {
        let (clock, hand) = Clock::manual();
        let told = watch::Sender::new(0);
        let load = Load::default();
        let mut turns = load.subscribe();
        let gauge = Box::new(Told(told.subscribe()));
        tokio::spawn(load.clone().follow(gauge, BARS, clock, Duration::from_secs(1)));
        for (processors, is_high) in [(90, true), (60, false), (100, true)] {
            told.send_replace(processors);
            // The follower may not have gone to sleep yet, so time goes on until it hears.
            while !turns.has_changed().unwrap() {
                hand.advance(Duration::from_secs(1));
                tokio::task::yield_now().await;
            }
            assert_eq!((*turns.borrow_and_update(), load.is_high()), (is_high, is_high));
        }
        load.set(true);
        assert!(!turns.has_changed().unwrap());
    }
}
