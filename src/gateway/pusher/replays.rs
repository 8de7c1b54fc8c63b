//! Signed requests that were served: the same one again soon is a twin or a retry, later it must have no effect.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Bytes;
use rustc_hash::FxHashMap;

use crate::core::Mono;

/// Two requests that say the same in the same second have the same signature; this soon after the first they are taken for two.
const TWINS: Duration = Duration::from_secs(5);

/// How many requests with one signature are served at most.
const MOST_TWINS: u32 = 8;

/// How many bytes of answers are kept for one app. Beyond them the oldest are forgotten, and only that there was a request is known.
const ANSWER_BYTES: usize = 8 << 20;

/// A signature, cut to what tells any two apart.
pub(super) type Mark = [u8; 16];

/// What is to be done with a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is new, or a twin.
    Serve,
    /// Nothing: it is answered as it was.
    Answer(Bytes),
    /// Nothing: it is being served, or was, and what it was answered is not known any more.
    Unanswerable,
}

/// Requests with one signature.
#[derive(Debug)]
struct Served {
    /// When the first came. Later ones do not renew it, or one could be kept young for ever.
    first: Mono,
    /// How many were served or are.
    times: u32,
    answer: Option<Bytes>,
}

/// What is remembered of the requests of one app.
#[derive(Debug)]
pub(super) struct Replays {
    served: FxHashMap<Mark, Served>,
    /// In the order in which they came first.
    order: VecDeque<Mark>,
    /// How many of the oldest have lost their answers.
    bare: usize,
    /// Of all answers.
    bytes: usize,
    most: usize,
    most_bytes: usize,
    lasts: Duration,
    /// How many were forgotten before their time, since somebody asked last.
    pushed_out: u64,
}

impl Replays {
    /// Remembers at most so many, each as long as its signature can be good.
    pub(super) fn new(most: usize, lasts: Duration) -> Self {
        let (served, order) = (FxHashMap::default(), VecDeque::new());
        Self { served, order, bare: 0, bytes: 0, most, most_bytes: ANSWER_BYTES, lasts, pushed_out: 0 }
    }

    /// A request came. If it is to be served it counts as served until it fails, so that no two at once are one too many.
    pub(super) fn admit(&mut self, mark: Mark, now: Mono) -> Verdict {
        if let Some(known) = self.served.get_mut(&mark) {
            let is_twin = now < known.first + TWINS && known.times < MOST_TWINS;
            if is_twin || known.times == 0 {
                known.times += 1;
                return Verdict::Serve;
            }
            return known.answer.clone().map_or(Verdict::Unanswerable, Verdict::Answer);
        }
        self.make_room(now);
        self.order.push_back(mark);
        self.served.insert(mark, Served { first: now, times: 1, answer: None });
        Verdict::Serve
    }

    /// A request was served, and so answered.
    pub(super) fn answered(&mut self, mark: &Mark, answer: Bytes) {
        let Some(known) = self.served.get_mut(mark) else { return };
        self.bytes += answer.len();
        self.bytes -= known.answer.replace(answer).map_or(0, |before| before.len());
        while self.bytes > self.most_bytes
            && let Some(oldest) = self.order.get(self.bare).copied()
        {
            self.bare += 1;
            self.forget_answer(&oldest);
        }
        if self.bytes > self.most_bytes {
            self.forget_answer(mark);
        }
    }

    /// A request was not served: it may come again.
    pub(super) fn failed(&mut self, mark: &Mark) {
        if let Some(known) = self.served.get_mut(mark) {
            known.times = known.times.saturating_sub(1);
        }
    }

    /// How many that were served have been forgotten, for want of room, while their signatures were good. Each could be replayed.
    pub(super) fn take_pushed_out(&mut self) -> u64 {
        std::mem::take(&mut self.pushed_out)
    }

    fn forget_answer(&mut self, mark: &Mark) {
        let answer = self.served.get_mut(mark).and_then(|known| known.answer.take());
        self.bytes -= answer.map_or(0, |answer| answer.len());
    }

    /// Forgets those whose signatures are too old to be good, and the oldest if there are as many as there may be.
    fn make_room(&mut self, now: Mono) {
        while let Some(oldest) = self.order.front().copied() {
            let is_over = self.served.get(&oldest).is_none_or(|known| known.first + self.lasts <= now);
            if !is_over && self.order.len() < self.most {
                return;
            }
            self.forget_answer(&oldest);
            let gone = self.served.remove(&oldest);
            self.pushed_out += u64::from(!is_over && gone.is_some_and(|gone| gone.times > 0));
            self.order.pop_front();
            self.bare = self.bare.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono(Duration::from_secs(seconds))
    }

    fn serve(replays: &mut Replays, mark: u8, seconds: u64, answer: &'static [u8]) {
        assert_eq!(replays.admit([mark; 16], at(seconds)), Verdict::Serve, "{mark} at {seconds}");
        replays.answered(&[mark; 16], Bytes::from_static(answer));
    }

    fn answer(text: &'static [u8]) -> Verdict {
        Verdict::Answer(Bytes::from_static(text))
    }

    #[test]
    fn twins_are_two_and_a_later_one_is_a_replay() {
        let mut replays = Replays::new(10, Duration::from_secs(1200));
        serve(&mut replays, 1, 0, b"1");
        serve(&mut replays, 1, 4, b"2");
        for late in [5, 8, 9, 600, 1199] {
            assert_eq!(replays.admit([1; 16], at(late)), answer(b"2"), "{late}");
        }
        serve(&mut replays, 2, 5, b"1");
    }

    #[test]
    fn only_so_many_are_twins() {
        let mut replays = Replays::new(10, Duration::from_secs(1200));
        for _ in 0..MOST_TWINS {
            assert_eq!(replays.admit([1; 16], at(0)), Verdict::Serve);
        }
        assert_eq!(replays.admit([1; 16], at(0)), Verdict::Unanswerable, "none is answered yet");
        replays.answered(&[1; 16], Bytes::from_static(b"{}"));
        assert_eq!(replays.admit([1; 16], at(0)), answer(b"{}"));
        replays.failed(&[1; 16]);
        serve(&mut replays, 1, 1, b"{}");
    }

    #[test]
    fn what_failed_may_come_again_once_it_is_late() {
        let mut replays = Replays::new(10, Duration::from_secs(1200));
        assert_eq!(replays.admit([1; 16], at(0)), Verdict::Serve);
        replays.failed(&[1; 16]);
        serve(&mut replays, 1, 60, b"1");
        assert_eq!(replays.admit([1; 16], at(61)), answer(b"1"));
    }

    #[test]
    fn memory_is_bounded_in_number_and_time() {
        let mut replays = Replays::new(3, Duration::from_secs(100));
        for mark in 0..10 {
            serve(&mut replays, mark, u64::from(mark), b"x");
        }
        assert_eq!((replays.served.len(), replays.order.len(), replays.bytes), (3, 3, 3));
        assert_eq!((replays.take_pushed_out(), replays.take_pushed_out()), (7, 0), "each is told once");
        assert_eq!(replays.admit([9; 16], at(50)), answer(b"x"));
        serve(&mut replays, 99, 200, b"x");
        assert_eq!((replays.served.len(), replays.order.len(), replays.bytes), (1, 1, 1));
        assert_eq!(replays.take_pushed_out(), 0, "their time was over");
    }

    #[test]
    fn memory_is_bounded_in_bytes() {
        let mut replays = Replays { most_bytes: 5, ..Replays::new(10, Duration::from_secs(100)) };
        for mark in 0..4 {
            serve(&mut replays, mark, 0, b"xx");
        }
        for (mark, verdict) in
            [(0, Verdict::Unanswerable), (1, Verdict::Unanswerable), (2, answer(b"xx")), (3, answer(b"xx"))]
        {
            assert_eq!(replays.admit([mark; 16], at(50)), verdict, "{mark}");
        }
        serve(&mut replays, 4, 50, b"xxxxxx");
        assert_eq!((replays.admit([4; 16], at(60)), replays.bytes), (Verdict::Unanswerable, 0));
        for mark in 5..200 {
            serve(&mut replays, mark, 60 + u64::from(mark), b"xx");
            assert!(replays.bytes <= 5 && replays.bare <= replays.order.len());
        }
        assert_eq!(replays.admit([199; 16], at(300)), answer(b"xx"));
    }
}
