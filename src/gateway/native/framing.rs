//! How events of the dialect are put on a wire: the one thing in which its two framings differ.

use std::fmt;

use bytes::BytesMut;
use presence_protocol::native::event;

use super::fault::Fault;
use crate::core::{Epoch, Rev, Timetoken};
use crate::gateway::frames;
use crate::gateway::json;

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

    /// Whether the answer to a subscription carries the roster. Clients that know of no such thing ask for the parties.
    fn has_roster(&self) -> bool;
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
        let parts = [r#"{"event":""#, name, r#"","payload":"#].map(str::as_bytes);
        let whole = parts.iter().chain(payload).map(|part| part.len()).sum::<usize>() + tail.len() + 1;
        frames::text_head(whole, out);
        for part in parts.iter().chain(payload) {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(tail.as_bytes());
        out.extend_from_slice(b"}");
    }

    fn ack(&self, id: &str, outcome: Result<(), &Fault>, out: &mut BytesMut) {
        let mut payload = Vec::with_capacity(64);
        json::object(&mut payload, |ack| {
            ack.raw("id", id.as_bytes());
            ack.raw("ok", if outcome.is_ok() { b"true" } else { b"false" });
            if let Err(fault) = outcome {
                fault.write(ack.key("error"));
            }
        });
        self.event(event::ACK, &[&payload], Place::default(), out);
    }

    fn has_roster(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use presence_protocol::native::ServerFrame;

    /// The text of the only frame.
    fn text(out: &BytesMut) -> &str {
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
        let frame: ServerFrame<'_> = serde_json::from_str(text(&out)).unwrap();
        assert_eq!((frame.event.as_ref(), frame.payload.get()), ("X", r#"{"a":1}"#));
        assert_eq!((frame.epoch.as_deref(), frame.rev, frame.prev), (Some("7"), Some(3), Some(2)));
        assert_eq!(frame.timetoken.as_deref(), Some("17000000000000001"));
        out.clear();
        Plain.event("X", &[b"{}"], Place::default(), &mut out);
        assert_eq!(text(&out), r#"{"event":"X","payload":{}}"#);
    }

    #[test]
    fn an_ack_names_its_request() {
        let mut out = BytesMut::new();
        Plain.ack("\"a\"", Ok(()), &mut out);
        assert_eq!(text(&out), r#"{"event":"ACK","payload":{"id":"a","ok":true}}"#);
        out.clear();
        Plain.ack("7", Err(&Fault::new("x.y", "because")), &mut out);
        let error = r#"{"code":"x.y","message":"because"}"#;
        assert_eq!(
            text(&out),
            format!(r#"{{"event":"ACK","payload":{{"id":7,"ok":false,"error":{error}}}}}"#)
        );
    }
}
