//! A broker with a manual clock, sessions that keep what they are sent, and a viewer that folds it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use presence_hub::broker::{
    Bounds, Broker, Clock, Encode, EncoderId, Hand, Handle, Item, Notice, Opening, Outbox, Parts, Policy,
    Reply, ReplyTo, Since, Step, Tag, Watching,
};
use presence_hub::core::{
    Cause, ChangeKind, Command, Content, Epoch, Fingerprint, Limits, Message, NodeId, Occupancy, Party,
    PartyId, Rev, SessionId, Terms, Timetoken, TopicName,
};
use presence_hub::engine::{Engine, Memory};
use presence_hub::telemetry::Metrics;
use uuid::Uuid;

/// One line a change: kind, party, content, sessions, prev, rev, echo.
#[derive(Debug)]
pub(crate) struct Lines;

impl Encode for Lines {
    fn change(&self, step: &Step, echo: Option<&Bytes>, out: &mut BytesMut) {
        let (kind, party, content, sessions) = match &step.change.kind {
            ChangeKind::Joined(member) => {
                ("join", &member.party.id, member.content.fingerprint.0, member.attached)
            }
            ChangeKind::Updated(member) => {
                ("update", &member.party.id, member.content.fingerprint.0, member.attached)
            }
            ChangeKind::Sessions(member) => {
                ("tabs", &member.party.id, member.content.fingerprint.0, member.attached)
            }
            ChangeKind::Left { member, cause, .. } => {
                assert_ne!(*cause, Cause::NodeLost);
                (cause.as_str(), &member.party.id, 0, 0)
            }
            ChangeKind::Message(message) => ("say", &message.from.id, 0, 0),
            ChangeKind::State(..) | ChangeKind::Counts => return,
        };
        let (prev, rev) = step
            .link
            .map_or(("-".to_owned(), "-".to_owned()), |link| (link.prev.to_string(), link.rev.to_string()));
        let echo = echo.map_or("", |echo| std::str::from_utf8(echo).unwrap());
        let line = format!("{kind} {party} {content} {sessions} {prev} {rev} {echo}\n");
        out.extend_from_slice(line.as_bytes());
    }

    fn interval(&self, _: &TopicName, occupancy: Occupancy, out: &mut BytesMut) {
        out.extend_from_slice(format!("counts {}\n", occupancy.parties).as_bytes());
    }
}

/// The same without a chain and with the numbers of watchers, for those who are not sent what they caused themselves.
#[derive(Debug)]
pub(crate) struct Unheard;

impl Encode for Unheard {
    fn change(&self, step: &Step, echo: Option<&Bytes>, out: &mut BytesMut) {
        if matches!(step.change.kind, ChangeKind::Counts) {
            out.extend_from_slice(format!("counts {}\n", step.change.occupancy.watchers).as_bytes());
        }
        Lines.change(&Step { link: None, ..step.clone() }, echo, out);
    }

    fn interval(&self, topic: &TopicName, occupancy: Occupancy, out: &mut BytesMut) {
        Lines.interval(topic, occupancy, out);
    }

    fn omits_own(&self) -> bool {
        true
    }
}

pub(crate) struct Kit {
    pub(crate) handle: Handle,
    pub(crate) hand: Hand,
    pub(crate) topic: TopicName,
    next: u128,
}

pub(crate) struct Session {
    pub(crate) id: SessionId,
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) view: View,
    next_tag: u64,
}

/// What a client keeps of one topic.
#[derive(Debug, Default, Clone)]
pub(crate) struct View {
    pub(crate) epoch: Epoch,
    pub(crate) rev: Rev,
    pub(crate) members: BTreeMap<String, u128>,
    pub(crate) tabs: BTreeMap<String, u32>,
    /// Everything that came, by its first two words.
    pub(crate) tape: Vec<String>,
    pub(crate) echoes: Vec<String>,
    pub(crate) replies: Vec<Reply>,
    pub(crate) notices: Vec<Notice>,
    pub(crate) frames: usize,
    /// Of each frame, whether it has a place in the stream.
    pub(crate) links: Vec<bool>,
}

pub(crate) fn kit(policy: Policy) -> Kit {
    kit_on(policy, |memory| Box::new(memory))
}

pub(crate) fn kit_on(policy: Policy, engine: fn(Memory) -> Box<dyn Engine>) -> Kit {
    let (clock, hand) = Clock::manual();
    let retention = Duration::from_secs(60);
    let engine = engine(Memory::new(clock.now(), Timetoken(0), retention));
    let apps = vec![(Limits::default(), policy)];
    let encoders: Vec<Arc<dyn Encode>> = vec![Arc::new(Lines), Arc::new(Unheard)];
    let node = NodeId(Uuid::from_u128(1));
    let (broker, handle) =
        Broker::new(Parts { node, clock, engine, encoders, apps, inbox: 64, metrics: Metrics::new() });
    tokio::spawn(broker.run());
    Kit { handle, hand, topic: TopicName::new("lobby").unwrap(), next: 100 }
}

pub(crate) fn content(value: u128) -> Content {
    Content { fingerprint: Fingerprint(value), ..Content::default() }
}

impl Kit {
    /// Everything asked so far has been done, and what it changed has been sent.
    pub(crate) async fn settle(&self) {
        for _ in 0..8 {
            self.handle.read(|_, _, _| ()).await.expect("the broker lives");
        }
    }

    pub(crate) async fn advance(&self, millis: u64) {
        self.settle().await;
        self.hand.advance(Duration::from_millis(millis));
        // The broker's timer is one of the tasks that the hand woke.
        tokio::task::yield_now().await;
        self.settle().await;
    }

    pub(crate) async fn open(&mut self, party: &str) -> Session {
        self.open_bounded(party, Bounds::default()).await
    }

    pub(crate) async fn open_bounded(&mut self, party: &str, bounds: Bounds) -> Session {
        self.open_in(party, bounds, EncoderId(0)).await
    }

    pub(crate) async fn open_in(&mut self, party: &str, bounds: Bounds, encoder: EncoderId) -> Session {
        self.next += 1;
        let id = SessionId(Uuid::from_u128(self.next));
        let outbox = Arc::new(Outbox::new(bounds));
        let opening = Opening {
            session: id,
            party: Arc::new(Party::new(PartyId::new(party).unwrap())),
            terms: Terms { timeout: None },
            encoder,
            outbox: Arc::clone(&outbox),
        };
        self.handle.open(opening).await;
        Session { id, outbox, view: View::default(), next_tag: 0 }
    }

    pub(crate) async fn watch(&self, session: &mut Session) {
        let reply = session.reply();
        self.handle.watch(session.id, self.topic.clone(), None, reply).await;
    }

    /// Asks who is there, as the session.
    pub(crate) async fn ask_roster(&self, session: &mut Session) {
        let reply = session.reply();
        self.handle.roster(self.topic.clone(), reply).await;
    }

    pub(crate) async fn resume(&self, session: &mut Session, from: &View) {
        let reply = session.reply();
        session.view = View { tape: Vec::new(), replies: Vec::new(), ..from.clone() };
        self.handle
            .watch(session.id, self.topic.clone(), Some(Since::Place(from.epoch, from.rev)), reply)
            .await;
    }

    pub(crate) async fn enter(&self, session: &mut Session, value: u128) {
        self.enter_with(session, value, None).await;
    }

    pub(crate) async fn enter_with(&self, session: &mut Session, value: u128, echo: Option<&str>) {
        let command = Command::Enter {
            session: session.id,
            topic: self.topic.clone(),
            content: Some(content(value)),
            grace: Duration::from_secs(15),
        };
        let echo = echo.map(|echo| Bytes::copy_from_slice(echo.as_bytes()));
        self.handle.submit(command, echo, session.reply()).await;
    }

    pub(crate) async fn leave(&self, session: &Session) {
        let command = Command::Leave { session: session.id, topic: self.topic.clone(), cause: Cause::Left };
        self.handle.submit(command, None, ReplyTo::Nobody).await;
    }

    pub(crate) async fn say(
        &self,
        session: &mut Session,
        text: &str,
        receivers: Option<&[&str]>,
        echo: Option<&str>,
    ) {
        let receivers = receivers.map(|ids| ids.iter().map(|id| PartyId::new(id).unwrap()).collect());
        let message = Message {
            from: Arc::new(Party::new(PartyId::new("speaker").unwrap())),
            session: Some(session.id),
            name: "chat".into(),
            body: Bytes::copy_from_slice(text.as_bytes()),
            is_kept: receivers.is_none(),
            extra: Bytes::new(),
            receivers,
        };
        let command = Command::Publish(self.topic.clone(), Arc::new(message));
        let echo = echo.map(|echo| Bytes::copy_from_slice(echo.as_bytes()));
        self.handle.submit(command, echo, session.reply()).await;
    }

    /// Something said in passing, such as typing.
    pub(crate) async fn type_in(&self, session: &mut Session) {
        let message = Message {
            from: Arc::new(Party::new(PartyId::new("speaker").unwrap())),
            session: Some(session.id),
            name: "typing".into(),
            body: Bytes::new(),
            is_kept: false,
            extra: Bytes::new(),
            receivers: None,
        };
        let command = Command::Publish(self.topic.clone(), Arc::new(message));
        self.handle.submit(command, None, session.reply()).await;
    }

    pub(crate) async fn unwatch(&self, session: &Session) {
        self.handle.unwatch(session.id, self.topic.clone(), ReplyTo::Nobody).await;
    }

    pub(crate) async fn remove(&self, party: &str) {
        let command = Command::Remove {
            party: PartyId::new(party).unwrap(),
            topic: self.topic.clone(),
            cause: Cause::Kicked,
            by: Some(Arc::new(Party::new(PartyId::new("admin").unwrap()))),
        };
        self.handle.ask(command).await;
    }

    /// What the roster holds, as a view would.
    pub(crate) async fn truth(&self) -> BTreeMap<String, u128> {
        let roll = self.handle.snapshot(self.topic.clone()).await.unwrap();
        let member = |member: &presence_hub::core::MemberView| {
            (member.party.id.to_string(), member.content.fingerprint.0)
        };
        roll.snapshot.members.iter().map(member).collect()
    }
}

impl Session {
    fn reply(&mut self) -> ReplyTo {
        self.next_tag += 1;
        ReplyTo::Session(self.id, Tag(self.next_tag))
    }

    /// Reads everything that waits, as a connection that can write would, and folds it.
    pub(crate) fn read(&mut self) -> &mut View {
        let mut taken = VecDeque::new();
        let mut cx = Context::from_waker(Waker::noop());
        while self.outbox.poll_take(&mut cx, &mut taken).is_ready() {
            for item in taken.drain(..) {
                self.view.take(item);
            }
            self.outbox.written();
        }
        &mut self.view
    }
}

impl Session {
    /// Reads everything that waits without folding it, and counts what was said in it.
    pub(crate) fn hear(&mut self) -> usize {
        let (mut taken, mut said) = (VecDeque::new(), 0);
        let mut cx = Context::from_waker(Waker::noop());
        while self.outbox.poll_take(&mut cx, &mut taken).is_ready() {
            for item in taken.drain(..) {
                if let Item::Shared(_, bytes) | Item::Frame(bytes) = item {
                    said +=
                        bytes.split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"say")).count();
                }
            }
            self.outbox.written();
        }
        said
    }
}

impl View {
    fn take(&mut self, item: Item) {
        self.frames += 1;
        match item {
            Item::Shared(_, bytes) | Item::Frame(bytes) => {
                for line in std::str::from_utf8(&bytes).unwrap().lines() {
                    self.fold(line);
                }
            }
            Item::Reply(_, Reply::Watching(watching)) => self.start(watching),
            Item::Reply(_, reply) => self.replies.push(reply),
            Item::Notice(notice) => self.notices.push(notice),
        }
    }

    fn start(&mut self, watching: Watching) {
        let Watching { roll, epoch, rev, missed, .. } = watching;
        self.tape.push(if missed.is_some() { "resumed".to_owned() } else { "snapshot".to_owned() });
        if let Some(missed) = missed {
            let mut out = BytesMut::new();
            for step in &missed {
                Lines.change(step, None, &mut out);
            }
            for line in std::str::from_utf8(&out).unwrap().lines() {
                self.fold(line);
            }
            // Where nothing of the stream was left of what was missed, the answer alone says where the others are.
            if missed.iter().any(|step| step.link.is_some()) {
                assert_eq!(self.rev, rev, "the missed frames lead to where the others are");
            }
        } else {
            self.members.clear();
            for member in &roll.snapshot.members {
                self.members.insert(member.party.id.to_string(), member.content.fingerprint.0);
                self.tabs.insert(member.party.id.to_string(), member.attached);
            }
        }
        self.epoch = epoch;
        self.rev = rev;
    }

    fn fold(&mut self, line: &str) {
        let words: Vec<&str> = line.split(' ').collect();
        self.tape.push(words[..2].join(" "));
        if words[0] == "counts" {
            return;
        }
        let (kind, party, content) = (words[0], words[1].to_owned(), words[2].parse().unwrap());
        self.links.push(words[4] != "-");
        if words[4] != "-" {
            assert_eq!(words[4], self.rev.to_string(), "{line}: a gap after {:?}", self.tape);
            self.rev = Rev(words[5].parse().unwrap());
        }
        if !words[6].is_empty() {
            self.echoes.push(format!("{kind} {}", words[6]));
        }
        match kind {
            "join" | "update" | "tabs" => {
                self.members.insert(party.clone(), content);
                self.tabs.insert(party, words[3].parse().unwrap());
            }
            "say" => {}
            _ => {
                self.members.remove(&party);
            }
        }
    }
}
