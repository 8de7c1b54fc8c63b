//! Whether the hub has too much to do: a gauge that is looked at now and then, and a switch that does not flutter.

use std::fmt;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::broker::{Clock, Handle};

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

/// The fewest ticks of all processors, of a hundredth of a second each, that say something.
const TICKS: u64 = 20;

/// The gauge of the machine that the hub runs on, as its kernel tells under /proc; where it does not, only the inbox counts.
#[derive(Debug)]
pub struct Machine {
    broker: Handle,
    /// Whether what other programs use counts too.
    is_of_all: bool,
    processors: Average,
}

/// The share of the processors in use, over a while.
#[derive(Debug, Default)]
struct Average {
    /// What was counted last.
    last: Option<Ticks>,
    /// In hundredths.
    share: f64,
}

/// What the kernel has counted since the machine started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ticks {
    used: u64,
    /// Used or not, by whomever.
    passed: u64,
}

impl Machine {
    /// Has not measured yet.
    #[must_use]
    pub fn new(broker: Handle, is_of_all: bool) -> Self {
        Self { broker, is_of_all, processors: Average::default() }
    }

    fn ticks(&self) -> Option<Ticks> {
        let all = ticks_of_all(&fs::read_to_string("/proc/stat").ok()?)?;
        if self.is_of_all {
            return Some(all);
        }
        let used = ticks_of_one(&fs::read_to_string("/proc/self/stat").ok()?)?;
        Some(Ticks { used, ..all })
    }
}

impl Average {
    /// Takes what has been used since the last time into the average. The kernel's own measure of time is the one that counts here.
    fn note(&mut self, now: Ticks) {
        let Some(last) = self.last else {
            self.last = Some(now);
            return;
        };
        let (used, passed) = (now.used.saturating_sub(last.used), now.passed.saturating_sub(last.passed));
        if passed < TICKS {
            return;
        }
        self.last = Some(now);
        let share = u32::try_from(used * 100 / passed).unwrap_or(100).min(100);
        self.share += (f64::from(share) - self.share) * WEIGHT;
    }

    fn whole(&self) -> usize {
        let whole = (0..=100_u8).rev().find(|whole| f64::from(*whole) <= self.share);
        whole.unwrap_or(0).into()
    }
}

impl Gauge for Machine {
    fn measure(&mut self) -> Measured {
        if let Some(ticks) = self.ticks() {
            self.processors.note(ticks);
        }
        Measured { processors: self.processors.whole(), inbox: self.broker.fullness() }
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

/// What all programs have used, and what there was to use: idleness and waiting too. From /proc/stat.
fn ticks_of_all(stat: &str) -> Option<Ticks> {
    let line = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let counts = line.split_ascii_whitespace().take(8).map(str::parse).collect::<Result<Vec<u64>, _>>();
    let counts = counts.ok().filter(|counts| counts.len() == 8)?;
    let (passed, idle) = (counts.iter().sum(), counts[3] + counts[4]);
    Some(Ticks { used: passed - idle, passed })
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
        assert_eq!(ticks_of_all(all), Some(Ticks { used: 25, passed: 1_225 }));
        for text in ["", "cpu 1 2", "cpu a b c d e f g h"] {
            assert_eq!((ticks_of_one(text), ticks_of_all(text)), (None, None), "{text:?}");
        }
    }

    #[test]
    fn a_burst_is_not_yet_too_much() {
        let mut average = Average::default();
        let mut now = Ticks { used: 5_000, passed: 9_000 };
        average.note(now);
        let shares = [100, 100, 100, 100, 100, 0, 0, 0].map(|used| {
            now = Ticks { used: now.used + used, passed: now.passed + 100 };
            average.note(now);
            average.whole()
        });
        assert_eq!(shares, [30, 51, 65, 75, 83, 58, 40, 28]);
        average.note(Ticks { used: now.used + TICKS - 1, passed: now.passed + TICKS - 1 });
        assert_eq!(average.whole(), 28, "too short to say something");
    }

    #[test]
    fn this_machines_kernel_is_understood() {
        let all = ticks_of_all(&fs::read_to_string("/proc/stat").unwrap()).unwrap();
        assert!(all.used > 0 && all.used <= all.passed);
        assert!(ticks_of_one(&fs::read_to_string("/proc/self/stat").unwrap()).is_some());
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
