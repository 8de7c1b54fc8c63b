//! A hub without anything around it: decides, stamps, folds, and tells the leases what a broker would tell them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use presence_hub::core::{
    Cause, Change, Command, Content, Decision, Epoch, Expiry, Facts, Fingerprint, Leases, Limits, Message,
    Mono, NodeId, Now, Op, Party, PartyId, Record, Refusal, Rev, Roster, SessionId, Snapshot, Stamp, Terms,
    Timetoken, TopicName, Wall, decide,
};
use uuid::Uuid;

/// 2026-01-01, in milliseconds.
const BIRTH: u64 = 1_767_225_600_000;

/// The node of all sessions here.
pub(crate) const NODE: NodeId = NodeId(Uuid::from_u128(0xabcd));

pub(crate) fn topic(number: u8) -> TopicName {
    TopicName::new(&format!("topic-{number}")).unwrap()
}

pub(crate) fn party_id(number: u8) -> PartyId {
    PartyId::new(&format!("party-{number}")).unwrap()
}

pub(crate) fn party(number: u8) -> Arc<Party> {
    Arc::new(Party::new(party_id(number)))
}

pub(crate) fn session(number: u128) -> SessionId {
    SessionId(Uuid::from_u128(number))
}

pub(crate) fn number_of(name: &str) -> u8 {
    name.rsplit('-').next().unwrap().parse().unwrap()
}

/// What content `number` says of its session: 1 is in a media session, 2 is idle.
pub(crate) fn facts(number: u8) -> Facts {
    Facts { in_media: number == 1, idle: number == 2 }
}

/// A content whose bytes come in several spellings that mean the same.
pub(crate) fn content(number: u8, spelling: u8) -> Content {
    if number == 0 {
        return Content::default();
    }
    let bytes = match spelling % 3 {
        0 => format!(r#"{{"a":{number},"b":0}}"#),
        1 => format!(r#"{{"b":0,"a":{number}}}"#),
        _ => format!(r#"{{"b":0,"a":{number},"joinTime":{spelling}}}"#),
    };
    Content { bytes: bytes.into(), fingerprint: Fingerprint(u128::from(number)), facts: facts(number) }
}

pub(crate) fn wall(millis: u64) -> Wall {
    Wall((BIRTH + millis) * 10_000)
}

pub(crate) fn millis_of(wall: Wall) -> u64 {
    wall.millis() - BIRTH
}

pub(crate) fn now(millis: u64) -> Now {
    Now { mono: Mono(Duration::from_millis(millis)), wall: wall(millis) }
}

pub(crate) fn message(from: u8, text: u8, is_kept: bool) -> Arc<Message> {
    Arc::new(Message {
        from: party(from),
        session: None,
        name: "chat".into(),
        body: text.to_string().into(),
        receivers: None,
        is_kept,
        extra: Bytes::new(),
    })
}

/// One record after it was folded: what it changed, and the roster of its topic then.
#[derive(Debug)]
pub(crate) struct Folded {
    pub(crate) stamp: Stamp,
    pub(crate) change: Option<Arc<Change>>,
    pub(crate) snapshot: Snapshot,
}

/// What became of a command.
#[derive(Debug)]
pub(crate) enum Outcome {
    Refused(Refusal),
    Done(Vec<Arc<Change>>),
}

impl Outcome {
    pub(crate) fn changes(self) -> Vec<Arc<Change>> {
        match self {
            Self::Done(changes) => changes,
            Self::Refused(refusal) => panic!("refused: {refusal}"),
        }
    }

    pub(crate) fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Done(_) => None,
            Self::Refused(refusal) => Some(refusal),
        }
    }
}

#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) roster: Roster,
    pub(crate) leases: Leases,
    pub(crate) millis: u64,
    pub(crate) log: BTreeMap<TopicName, Vec<Folded>>,
    /// Where in its log the roster's memory of a topic begins.
    pub(crate) lives: BTreeMap<TopicName, usize>,
    stamps: BTreeMap<TopicName, Stamp>,
    last: Timetoken,
    epochs: u64,
}

impl Hub {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            roster: Roster::new(limits),
            leases: Leases::default(),
            millis: 0,
            log: BTreeMap::new(),
            lives: BTreeMap::new(),
            stamps: BTreeMap::new(),
            last: Timetoken(0),
            epochs: 0,
        }
    }

    pub(crate) fn now(&self) -> Now {
        now(self.millis)
    }

    /// The place of the next record of a topic.
    pub(crate) fn stamp(&mut self, topic: &TopicName) -> Stamp {
        self.last = Timetoken(self.now().wall.0.max(self.last.0 + 1));
        let epochs = &mut self.epochs;
        let stamp = self.stamps.entry(topic.clone()).or_insert_with(|| {
            *epochs += 1;
            Stamp { epoch: Epoch(*epochs), ..Stamp::default() }
        });
        *stamp = Stamp { rev: Rev(stamp.rev.0 + 1), timetoken: self.last, ..*stamp };
        *stamp
    }

    /// Orders and folds a record.
    pub(crate) fn order(&mut self, record: &Record) -> Option<Arc<Change>> {
        let stamp = self.stamp(&record.topic);
        let is_new = self.roster.topic(&record.topic).is_none();
        let change = self.roster.fold(stamp, record);
        if let Op::Leave { session, .. } = &record.op {
            self.leases.leave(*session, &record.topic);
        }
        if !matches!(record.op, Op::Override(..)) {
            let snapshot = self.roster.snapshot(&record.topic);
            let folded = Folded { stamp, change: change.clone(), snapshot };
            let log = self.log.entry(record.topic.clone()).or_default();
            if is_new {
                self.lives.insert(record.topic.clone(), log.len());
            }
            log.push(folded);
        }
        change
    }

    pub(crate) fn submit(&mut self, command: &Command) -> Outcome {
        let decision = decide(&self.roster, &self.leases, NODE, self.now(), command);
        if let Decision::Refused(refusal) = decision {
            return Outcome::Refused(refusal);
        }
        match command {
            Command::Enter { session, topic, grace, .. } | Command::EnterAs { session, topic, grace, .. } => {
                self.leases.enter(*session, topic.clone(), *grace)
            }
            Command::Leave { session, topic, .. } => self.leases.leave(*session, topic),
            Command::End(session, _) => self.leases.close(*session),
            _ => {}
        }
        let Decision::Records(records) = decision else { return Outcome::Done(Vec::new()) };
        Outcome::Done(records.iter().filter_map(|record| self.order(record)).collect())
    }

    /// A connection brings a session, new or known.
    pub(crate) fn open(&mut self, id: u128, of: u8, timeout: Option<u64>) -> Vec<Arc<Change>> {
        let terms = Terms { timeout: timeout.map(Duration::from_millis) };
        self.leases.open(session(id), party(of), terms, self.now());
        self.submit(&Command::Attach(session(id))).changes()
    }

    /// A session's connection is gone.
    pub(crate) fn detach(&mut self, id: u128) -> Vec<Arc<Change>> {
        let changes = self.submit(&Command::Detach(session(id))).changes();
        self.leases.detach(session(id), self.now());
        changes
    }

    /// Content `said` is said as is; `None` keeps what was said before.
    pub(crate) fn enter(&mut self, id: u128, to: u8, said: Option<Content>, grace: u64) -> Outcome {
        let grace = Duration::from_millis(grace);
        self.submit(&Command::Enter { session: session(id), topic: topic(to), content: said, grace })
    }

    pub(crate) fn leave(&mut self, id: u128, from: u8) -> Vec<Arc<Change>> {
        let cause = Cause::Left;
        self.submit(&Command::Leave { session: session(id), topic: topic(from), cause }).changes()
    }

    /// Time goes on; what patience ends by it is for the caller to serve.
    pub(crate) fn advance(&mut self, millis: u64) -> Vec<Expiry> {
        self.millis += millis;
        self.leases.expired(self.now())
    }

    pub(crate) fn expire(&mut self, expiry: &Expiry) -> Vec<Arc<Change>> {
        let Expiry { session, topic, cause, .. } = expiry.clone();
        let command = match topic {
            Some(topic) => Command::Leave { session, topic, cause },
            None => Command::End(session, cause),
        };
        self.submit(&command).changes()
    }

    /// Lets time go on and serves what patience ends by it.
    pub(crate) fn pass(&mut self, millis: u64) -> Vec<Arc<Change>> {
        let due = self.advance(millis);
        due.iter().flat_map(|expiry| self.expire(expiry)).collect()
    }

    /// The engine forgets the numbering of what the roster has forgotten.
    pub(crate) fn renumber(&mut self) {
        let roster = &self.roster;
        self.stamps.retain(|topic, _| roster.topic(topic).is_some());
    }
}
