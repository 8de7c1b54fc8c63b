//! Socket.IO: packets of protocol 4 and 5 in the messages of Engine.IO, as a conversation of the native dialect.

mod attachments;
mod caller;
mod namespace;

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use engineioxide_core::ProtocolVersion;
use presence_protocol::Object;
use presence_protocol::native::event;
use presence_protocol::socketio::{self, Event, Kind, Packet, PacketError};

use super::dialect::{Arrival, Native, claim};
use super::engineio::{Beat, Gate, Heartbeat};
use super::fault::{self, Fault};
use super::framing::Place;
use super::pace::Pace;
use super::visit::{Paces, Request};
use crate::broker::{CloseReason, Notice, Outbox, Reply, Retry, Tag};
use crate::core::Mono;
use crate::gateway::conversation::Conversation;
use crate::gateway::frames;
use crate::gateway::json;
use crate::gateway::principal::Principal;
use attachments::{Collected, Incomplete};
pub(super) use caller::Caller;
use namespace::Namespace;

/// How often a second a connection may enter or leave its namespace, and how often at once.
const MOVES: u32 = 1;
const MOVES_AT_ONCE: u32 = 5;

/// How often a connection that is in no namespace looks whether the hub is about to stop, which tells only those that are.
const LOOK: Duration = Duration::from_secs(1);

/// How many of Engine.IO's pings a client may send a second, and at once.
const PINGS: u32 = 10;
const PINGS_AT_ONCE: u32 = 100;

/// How many packets a second may be none, or ask for what they cannot have; and how many at once.
const FAULTS: u32 = 10;
const FAULTS_AT_ONCE: u32 = 100;

/// One connection.
#[derive(Debug)]
pub(super) struct Packets {
    gate: Arc<Gate>,
    version: ProtocolVersion,
    /// Its id, until the client has been told.
    sid: Box<str>,
    outbox: Arc<Outbox>,
    caller: Caller,
    is_polling: bool,
    heart: Heartbeat,
    /// Where the connection speaks, once it does.
    place: Option<Entered>,
    /// Until when it has to be in a namespace.
    patience_ends: Option<Mono>,
    /// Its handshake said for whom it speaks, in version 3, where that is enough to be in the root namespace.
    is_somebody: bool,
    /// When it looks whether the hub is about to stop.
    look: Mono,
    opened: Mono,
    /// What is left of how often it may do what, from the namespace it has left.
    paces: Option<Box<Paces>>,
    moves: Pace,
    /// A packet of which parts are still to come.
    incomplete: Option<Box<Incomplete>>,
    pings: Pace,
    faults: Pace,
}

/// The namespace that a connection is in.
#[derive(Debug)]
struct Entered {
    namespace: Namespace,
    native: Box<Native>,
    /// It has said something there.
    is_used: bool,
}

impl Packets {
    /// A connection that has just been opened.
    pub(super) fn new(
        gate: &Arc<Gate>,
        version: ProtocolVersion,
        sid: &str,
        outbox: Arc<Outbox>,
        caller: Caller,
    ) -> Self {
        let now = gate.chat.clock.now().mono;
        Self {
            gate: Arc::clone(gate),
            version,
            sid: sid.into(),
            outbox,
            caller,
            is_polling: false,
            heart: Heartbeat::new(version, gate.ping_interval, gate.ping_timeout, now),
            place: None,
            patience_ends: Some(now + gate.chat.auth_timeout),
            is_somebody: false,
            look: now + LOOK,
            opened: now,
            paces: None,
            moves: Pace::new(MOVES, MOVES_AT_ONCE),
            incomplete: None,
            pings: Pace::new(PINGS, PINGS_AT_ONCE),
            faults: Pace::new(FAULTS, FAULTS_AT_ONCE),
        }
    }

    /// The same, over polling: it may become a WebSocket.
    pub(super) fn over_polling(self) -> Self {
        Self { is_polling: true, ..self }
    }

    fn now(&self) -> Mono {
        self.gate.chat.clock.now().mono
    }

    fn generation(&self) -> socketio::Generation {
        match self.version {
            ProtocolVersion::V3 => socketio::Generation::Eio3,
            ProtocolVersion::V4 => socketio::Generation::Eio4,
        }
    }

    /// Whether the connection is in this namespace.
    fn is_in(&self, namespace: Namespace) -> bool {
        self.place.as_ref().is_some_and(|place| place.namespace == namespace)
    }

    fn pace(&mut self) -> Result<(), CloseReason> {
        let now = self.now();
        if self.faults.allows(now) { Ok(()) } else { Err(CloseReason::TooFast) }
    }

    fn pace_moves(&mut self) -> Result<(), CloseReason> {
        let now = self.now();
        if self.moves.allows(now) { Ok(()) } else { Err(CloseReason::TooFast) }
    }

    // === Packets ===

    /// A message of Engine.IO came: one packet, of which parts may follow.
    async fn message(&mut self, text: &str, out: &mut BytesMut) -> Result<(), CloseReason> {
        if self.incomplete.take().is_some() {
            self.fault(None, &fault::INTERRUPTED, out)?;
        }
        let packet = match Packet::parse(text) {
            Ok(packet) => packet,
            Err(error) => return self.refuse_packet(&error.into(), out),
        };
        if packet.kind.is_binary() && packet.attachments > 0 {
            if packet.attachments > self.gate.attachments {
                return self.refuse_packet(&fault::MANY_ATTACHMENTS, out);
            }
            let ends = self.now() + self.gate.attachment_timeout;
            self.incomplete = Some(Box::new(Incomplete::new(text, packet.attachments, ends)));
            return Ok(());
        }
        self.packet(&packet, out).await
    }

    /// A part of a packet came.
    async fn part(&mut self, data: &[u8], out: &mut BytesMut) -> Result<(), CloseReason> {
        let most = self.gate.websocket.frame_bytes;
        let Some(mut incomplete) = self.incomplete.take() else {
            return self.fault(None, &fault::STRAY_BINARY, out);
        };
        match incomplete.add(data, most) {
            Collected::More => self.incomplete = Some(incomplete),
            Collected::TooMuch => {
                self.fault(None, &fault::LONG_ATTACHMENTS, out)?;
                return Err(CloseReason::TooLarge);
            }
            Collected::All(text, parts) => {
                let Ok(packet) = Packet::parse(&text) else { return Ok(()) };
                return match socketio::with_attachments(packet.data, &parts) {
                    Ok(data) => self.packet(&Packet { data: &data, ..packet }, out).await,
                    Err(error) => self.fault(packet.id, &error.into(), out),
                };
            }
        }
        Ok(())
    }

    async fn packet(&mut self, packet: &Packet<'_>, out: &mut BytesMut) -> Result<(), CloseReason> {
        match packet.kind {
            Kind::Connect => self.connect(packet, out).await,
            Kind::Disconnect => {
                if !Namespace::named(packet.namespace).is_some_and(|namespace| self.is_in(namespace)) {
                    return self.pace();
                }
                self.leave().await?;
                self.patience_ends = (!self.is_somebody).then(|| self.now() + self.gate.connect_timeout);
                self.pace_moves()
            }
            Kind::Event | Kind::BinaryEvent => self.event(packet, out).await,
            // The hub asks for no answers, and clients refuse nobody.
            Kind::Ack | Kind::BinaryAck | Kind::Error => self.pace(),
        }
    }

    /// No packet at all. Clients of version 4 expect to be sent away for it.
    fn refuse_packet(&mut self, fault: &Fault, out: &mut BytesMut) -> Result<(), CloseReason> {
        self.fault(None, fault, out)?;
        if self.version == ProtocolVersion::V4 { Err(CloseReason::Protocol) } else { Ok(()) }
    }

    /// Tells the client what is wrong: as the dialect does where it is in a namespace, else as Socket.IO refuses.
    fn fault(&mut self, id: Option<u64>, fault: &Fault, out: &mut BytesMut) -> Result<(), CloseReason> {
        self.pace()?;
        match &self.place {
            Some(place) => place.native.refuse(id.map(|id| id.to_string()).as_deref(), fault, out),
            None => self.refuse(Namespace::Root.name(), &fault.message, out),
        }
        Ok(())
    }

    async fn event(&mut self, packet: &Packet<'_>, out: &mut BytesMut) -> Result<(), CloseReason> {
        let namespace = Namespace::named(packet.namespace);
        // In version 3 everybody is in the root namespace, without asking.
        if namespace == Some(Namespace::Root) && self.place.is_none() && self.version == ProtocolVersion::V3 {
            self.connect(packet, out).await?;
            if self.place.is_none() {
                // It has been told why.
                return Ok(());
            }
        }
        let Some(namespace) = namespace.filter(|namespace| self.is_in(*namespace)) else {
            return self.elsewhere(packet, out);
        };
        let caps = self.place.as_ref().map(|place| place.native.caps()).unwrap_or_default();
        if let Err(excess) = json::check(packet.data, &caps) {
            return self.fault(packet.id, &excess.into(), out);
        }
        let event = match Event::parse(packet.data) {
            Ok(event) => event,
            Err(error @ (PacketError::Json | PacketError::Array)) => {
                return self.refuse_packet(&error.into(), out);
            }
            Err(error) => return self.fault(packet.id, &error.into(), out),
        };
        let id = packet.id.map(|id| id.to_string());
        let payload = event.payload.and_then(Object::of);
        let request = Request { event: &event.name, payload, id: id.as_deref() };
        let Some(place) = self.place.as_mut().filter(|place| place.namespace == namespace) else {
            return Ok(());
        };
        place.is_used = true;
        place.native.event(&request, out).await
    }

    /// An event in a namespace that the connection is not in.
    fn elsewhere(&mut self, packet: &Packet<'_>, out: &mut BytesMut) -> Result<(), CloseReason> {
        self.pace()?;
        let shared = match Namespace::named(packet.namespace) {
            Some(Namespace::Root) if self.place.is_some() => &self.gate.root,
            _ => {
                self.refuse(packet.namespace, "enter the namespace first", out);
                return Ok(());
            }
        };
        // The root namespace is never left in version 3, so it is told there, and not refused.
        shared.framing.event(event::ERROR, &[&fault::ELSEWHERE.body()], Place::default(), out);
        if let Some(id) = packet.id {
            shared.framing.ack(&id.to_string(), Err(&fault::ELSEWHERE), out);
        }
        Ok(())
    }

    // === Namespaces ===

    async fn connect(&mut self, packet: &Packet<'_>, out: &mut BytesMut) -> Result<(), CloseReason> {
        let Some(namespace) = Namespace::named(packet.namespace) else {
            self.pace()?;
            self.refuse(packet.namespace, "Invalid namespace", out);
            return Ok(());
        };
        let is_root_unasked = self.version == ProtocolVersion::V3 && namespace == Namespace::Root;
        if self.is_in(namespace) || (is_root_unasked && packet.kind == Kind::Connect) {
            self.pace()?;
            self.entered(namespace, out);
            return Ok(());
        }
        if self.place.as_ref().is_some_and(|place| place.is_used || namespace == Namespace::Root) {
            self.pace()?;
            self.refuse(packet.namespace, "the connection speaks in another namespace already", out);
            return Ok(());
        }
        let Some(principal) = self.caller.identify(&self.gate.chat, Some(packet)) else {
            self.gate.chat.metrics.unauthenticated();
            self.refuse(packet.namespace, "unauthorized", out);
            if self.place.is_none() && self.patience_ends == Some(self.opened + self.gate.chat.auth_timeout) {
                // It may try again with something better. Clients of version 3 stay by themselves, and would come back at once
                // if they were sent away.
                self.patience_ends = Some(self.opened + self.gate.connect_timeout);
            }
            return self.pace();
        };
        self.pace_moves()?;
        self.enter(namespace, principal, !is_root_unasked, out).await
    }

    /// The connection speaks for somebody in a namespace from now on.
    async fn enter(
        &mut self,
        namespace: Namespace,
        principal: Principal,
        is_told: bool,
        out: &mut BytesMut,
    ) -> Result<(), CloseReason> {
        if self.caller.admission.is_draining() {
            return Err(CloseReason::Restarting(LOOK));
        }
        self.leave().await?;
        let shared = match namespace {
            Namespace::Chat => &self.gate.chat,
            Namespace::Root => &self.gate.root,
        };
        // It is known for whom the connection speaks, so nothing else of the handshake counts any more.
        let arrival = Arrival { admission: Some(Arc::clone(&self.caller.admission)), ..Arrival::default() };
        let mut native = Box::new(Native::new(Arc::clone(shared), Arc::clone(&self.outbox), arrival));
        native.resume_paces(self.paces.take());
        if let Err(reason) = native.admit(principal, out).await {
            self.refuse(namespace.name(), &reason.to_string(), out);
            return Err(reason);
        }
        self.place = Some(Entered { namespace, native, is_used: false });
        self.patience_ends = None;
        if is_told {
            self.entered(namespace, out);
        }
        Ok(())
    }

    /// Says that the namespace is entered. The id is the session's own: whoever knows the connection's could poll in its stead.
    fn entered(&self, namespace: Namespace, out: &mut BytesMut) {
        let session = self.place.as_ref().and_then(|place| place.native.session());
        let session = session.map(|session| session.to_string()).unwrap_or_default();
        let mut packet = vec![b'4'];
        socketio::connected(self.generation(), namespace.name(), &session, &mut packet);
        frames::text(&packet, out);
    }

    fn refuse(&self, namespace: &str, message: &str, out: &mut BytesMut) {
        let mut packet = vec![b'4'];
        socketio::refused(self.generation(), namespace, message, &mut packet);
        frames::text(&packet, out);
    }

    /// The connection leaves its namespace, and may enter one again: another session, which gets nothing of this one's.
    async fn leave(&mut self) -> Result<(), CloseReason> {
        let Some(mut place) = self.place.take() else { return Ok(()) };
        self.paces = place.native.leave().await;
        // The broker has let go of the outbox once it has answered anything after that.
        self.gate.chat.broker.read(|_, _, _| ()).await;
        self.outbox.reopen().map_or(Ok(()), Err)
    }
}

impl Conversation for Packets {
    async fn opened(&mut self, out: &mut BytesMut) -> Result<(), CloseReason> {
        let upgrades: &[u8] = if self.is_polling { br#"["websocket"]"# } else { b"[]" };
        let sid = std::mem::take(&mut self.sid);
        frames::text(&self.gate.open_packet(self.version, &sid, upgrades), out);
        if self.version == ProtocolVersion::V3 {
            self.entered(Namespace::Root, out);
            // Whoever is in the root namespace without asking may say nothing for as long as it likes, if it is somebody.
            if let Some(principal) = self.caller.identify(&self.gate.chat, None)
                && claim(&self.caller.admission, &principal).is_ok()
            {
                self.is_somebody = true;
                self.patience_ends = None;
            }
        }
        Ok(())
    }

    async fn text(&mut self, text: &str, out: &mut BytesMut) -> Result<(), CloseReason> {
        let now = self.now();
        self.heart.heard(now);
        match text.as_bytes() {
            [b'4', ..] => return self.message(&text[1..], out).await,
            _ if !self.pings.allows(now) => return Err(CloseReason::TooFast),
            [b'2', rest @ ..] => {
                let answer = if rest == b"probe" { "3probe" } else { "3" };
                frames::text(answer.as_bytes(), out);
            }
            [b'3'] => self.heart.ponged(now),
            [b'1'] => return Err(CloseReason::Bye),
            // What is left of an upgrade, and noise.
            [b'3' | b'5' | b'6', ..] => {}
            _ => return Err(CloseReason::Protocol),
        }
        Ok(())
    }

    async fn binary(&mut self, data: &[u8], out: &mut BytesMut) -> Result<(), CloseReason> {
        self.heart.heard(self.now());
        match (self.version, data) {
            (ProtocolVersion::V3, [4, data @ ..]) | (ProtocolVersion::V4, data) => self.part(data, out).await,
            (ProtocolVersion::V3, _) => self.fault(None, &fault::STRAY_BINARY, out),
        }
    }

    fn reply(&mut self, tag: Tag, reply: Reply, out: &mut BytesMut) -> Result<(), CloseReason> {
        match &mut self.place {
            Some(place) => place.native.reply(tag, reply, out),
            None => Ok(()),
        }
    }

    fn notice(&mut self, notice: Notice, out: &mut BytesMut) -> Result<(), CloseReason> {
        match &mut self.place {
            Some(place) => place.native.notice(notice, out),
            None => Ok(()),
        }
    }

    fn deadline(&self) -> Option<Mono> {
        let native = self.place.as_ref().and_then(|place| place.native.deadline());
        let parts = self.incomplete.as_ref().map(|incomplete| incomplete.ends);
        let look = self.place.is_none().then_some(self.look);
        let own = [Some(self.heart.due()), self.patience_ends, parts, look];
        own.into_iter().flatten().chain(native).min()
    }

    async fn deadline_passed(&mut self, now: Mono, out: &mut BytesMut) -> Result<(), CloseReason> {
        match self.heart.beat(now) {
            Beat::Early => {}
            Beat::Ping => frames::text(b"2", out),
            Beat::Dead => return Err(CloseReason::TimedOut),
        }
        if self.incomplete.as_ref().is_some_and(|incomplete| incomplete.ends <= now) {
            self.incomplete = None;
            self.fault(None, &fault::NO_ATTACHMENTS, out)?;
        }
        if self.place.is_none() && self.look <= now {
            self.look = now + LOOK;
            if self.caller.admission.is_draining() {
                return Err(CloseReason::Restarting(LOOK));
            }
        }
        if self.patience_ends.is_some_and(|ends| ends <= now) {
            return Err(CloseReason::AuthenticationTimeout);
        }
        match &mut self.place {
            Some(place) if place.native.deadline().is_some_and(|at| at <= now) => {
                place.native.deadline_passed(now, out).await
            }
            _ => Ok(()),
        }
    }

    fn closing(&mut self, reason: CloseReason, out: &mut BytesMut) {
        let stays_away = matches!(reason.retry(), Retry::NewToken) || reason == CloseReason::Ended;
        if let Some(place) = self.place.as_ref().filter(|_| stays_away) {
            // Clients that are told to leave the namespace do not come back by themselves.
            let mut packet = vec![b'4'];
            socketio::disconnect(place.namespace.name(), &mut packet);
            frames::text(&packet, out);
            // Those in Python for version 3 do, unless the transport is taken leave of as well.
            frames::text(b"1", out);
        }
    }

    async fn closed(&mut self) {
        if let Some(place) = &mut self.place {
            place.native.closed().await;
        }
    }
}
