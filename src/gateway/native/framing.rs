//! How events of the dialect are put on a wire: the one thing in which its two framings differ.

use std::fmt;

use bytes::BytesMut;
use presence_protocol::native::event;
use presence_protocol::socketio;

use super::fault::Fault;
use crate::core::{Epoch, Rev, Timetoken};
use crate::gateway::frames;
use crate::gateway::json::{self, Members};

/// Where a frame stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Place {
    /// In the topic, if the frame is part of a viewer's stream.
    pub rev: Option<(Epoch, Rev)>,
    /// The rev that the viewer had before it.
    pub prev: Option<Rev>,
    /// In the hub's time.
    pub timetoken: Option<Timetoken>,
}

/// A wire form of the dialect: events in, transport-ready frames out.
pub trait Framing: Send + Sync + fmt::Debug {
    /// Appends one event. The payload is the JSON text that the parts make together.
    fn event(&self, name: &str, payload: &[&[u8]], place: Place, out: &mut BytesMut);

    /// Appends the acknowledgement of the request that the client calls `id`, which is raw JSON.
    fn ack(&self, id: &str, outcome: Result<(), &Fault>, out: &mut BytesMut);

    /// Whether clients know what the hub adds to the dialect: the greeting, and the roster in the answer to a subscription.
    /// Others know who they are, and ask for the parties.
    fn is_extended(&self) -> bool;
}

/// Text frames on a plain WebSocket, each with one object.
#[derive(Debug, Clone, Copy)]
pub struct Plain;

impl Framing for Plain {
    fn event(&self, name: &str, payload: &[&[u8]], place: Place, out: &mut BytesMut) {
        let mut tail = String::new();
        if let Some((epoch, rev)) = place.rev {
            tail.push_str(&format!(r#","epoch":"{epoch}","rev":{rev}"#));
        }
        if let Some(prev) = place.prev {
            tail.push_str(&format!(r#","prev":{prev}"#));
        }
        if let Some(timetoken) = place.timetoken {
            tail.push_str(&format!(r#","timetoken":"{timetoken}""#));
        }
        tail.push('}');
        text([br#"{"event":""#, name.as_bytes(), br#"","payload":"#], payload, &tail, out);
    }

    fn ack(&self, id: &str, outcome: Result<(), &Fault>, out: &mut BytesMut) {
        let mut payload = Vec::with_capacity(64);
        json::object(&mut payload, |ack| {
            ack.raw("id", id.as_bytes());
            tell(outcome, ack);
        });
        self.event(event::ACK, &[&payload], Place::default(), out);
    }

    fn is_extended(&self) -> bool {
        true
    }
}

/// Socket.IO packets in the text messages of Engine.IO, which are the same in all their versions. Over polling, the same frames are taken
/// apart again, so that one encoding serves every client.
#[derive(Debug, Clone, Copy)]
pub struct SocketIo {
    namespace: &'static str,
}

/// In the namespace `/chat`, which the dialect's clients use.
pub const CHAT: SocketIo = SocketIo { namespace: "/chat" };
/// In the root namespace.
pub const ROOT: SocketIo = SocketIo { namespace: "/" };

impl Framing for SocketIo {
    fn event(&self, name: &str, payload: &[&[u8]], _place: Place, out: &mut BytesMut) {
        let mut head = Vec::with_capacity(64);
        socketio::event_head(self.namespace, name, &mut head);
        text([b"4", &head], payload, socketio::END, out);
    }

    fn ack(&self, id: &str, outcome: Result<(), &Fault>, out: &mut BytesMut) {
        // An id that the packets of this framing cannot have belongs to a request of another.
        let Ok(id) = id.parse() else { return };
        let mut head = Vec::with_capacity(32);
        socketio::ack_head(self.namespace, id, &mut head);
        let mut payload = Vec::with_capacity(64);
        json::object(&mut payload, |ack| tell(outcome, ack));
        text([b"4", &head], &[&payload], socketio::END, out);
    }

    fn is_extended(&self) -> bool {
        false
    }
}

/// Appends a text frame of all the parts together.
fn text<const N: usize>(head: [&[u8]; N], payload: &[&[u8]], tail: &str, out: &mut BytesMut) {
    let parts = || head.iter().chain(payload).copied().chain([tail.as_bytes()]);
    frames::text_head(parts().map(<[u8]>::len).sum(), out);
    for part in parts() {
        out.extend_from_slice(part);
    }
}

/// What an acknowledgement says of the outcome.
fn tell(outcome: Result<(), &Fault>, ack: &mut Members<'_>) {
    ack.raw("ok", if outcome.is_ok() { b"true" } else { b"false" });
    if let Err(fault) = outcome {
        fault.write(ack.key("error"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use presence_protocol::native::ServerFrame;

    #[test]
    fn socket_io_names_the_namespace() {
        let mut out = BytesMut::new();
        CHAT.event("X", &[b"{\"a\":", b"1}"], Place::default(), &mut out);
        assert_eq!(read(&out), r#"42/chat,["X",{"a":1}]"#);
        out.clear();
        ROOT.event("X", &[b"{}"], Place::default(), &mut out);
        assert_eq!(read(&out), r#"42["X",{}]"#);
        out.clear();
        CHAT.ack("7", Err(&Fault::new("x.y", "because")), &mut out);
        let error = r#"{"code":"x.y","message":"because"}"#;
        assert_eq!(read(&out), format!(r#"43/chat,7[{{"ok":false,"error":{error}}}]"#));
        out.clear();
        ROOT.ack("0", Ok(()), &mut out);
        assert_eq!(read(&out), r#"430[{"ok":true}]"#);
    }

    /// The text of the only frame.
    fn read(out: &BytesMut) -> &str {
        let head = if out[1] < 126 { 2 } else { 4 };
        std::str::from_utf8(&out[head..]).unwrap()
    }

    #[test]
    fn a_frame_says_where_it_stands() {
        let mut out = BytesMut::new();
        let place = Place {
            rev: Some((Epoch(7), Rev(3))),
            prev: Some(Rev(2)),
            timetoken: Some(Timetoken(17_000_000_000_000_001)),
        };
        Plain.event("X", &[b"{\"a\":", b"1}"], place, &mut out);
        let frame: ServerFrame<'_> = serde_json::from_str(read(&out)).unwrap();
        assert_eq!((frame.event.as_ref(), frame.payload.get()), ("X", r#"{"a":1}"#));
        assert_eq!((frame.epoch.as_deref(), frame.rev, frame.prev), (Some("7"), Some(3), Some(2)));
        assert_eq!(frame.timetoken.as_deref(), Some("17000000000000001"));
        out.clear();
        Plain.event("X", &[b"{}"], Place::default(), &mut out);
        assert_eq!(read(&out), r#"{"event":"X","payload":{}}"#);
    }

    #[test]
    fn an_ack_names_its_request() {
        let mut out = BytesMut::new();
        Plain.ack("\"a\"", Ok(()), &mut out);
        assert_eq!(read(&out), r#"{"event":"ACK","payload":{"id":"a","ok":true}}"#);
        out.clear();
        Plain.ack("7", Err(&Fault::new("x.y", "because")), &mut out);
        let error = r#"{"code":"x.y","message":"because"}"#;
        assert_eq!(
            read(&out),
            format!(r#"{{"event":"ACK","payload":{{"id":7,"ok":false,"error":{error}}}}}"#)
        );
    }
}
