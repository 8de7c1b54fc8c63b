//! What the hub answers, in the forms that the clients of each generation take. The buffers must grow, as vectors do.

use bytes::BufMut;

use super::packet::Kind;

/// What ends an event and an acknowledgement after their last argument.
pub const END: &str = "]";

/// The generations of clients, by the Engine.IO that they speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Generation {
    /// Engine.IO 3 and Socket.IO protocol 4: libraries 1.x and 2.x.
    Eio3,
    /// Engine.IO 4 and Socket.IO protocol 5: libraries 3.x and 4.x.
    Eio4,
}

/// Appends the packet that says that a namespace was entered: `0/chat` without a comma, which alone suits every client of
/// its generation, or `0/chat,{"sid":"..."}`.
pub fn connected(generation: Generation, namespace: &str, sid: &str, out: &mut impl BufMut) {
    match generation {
        Generation::Eio3 if namespace == "/" => out.put_u8(Kind::Connect.digit()),
        Generation::Eio3 => {
            out.put_u8(Kind::Connect.digit());
            out.put_slice(namespace.as_bytes());
        }
        Generation::Eio4 => {
            head(Kind::Connect, namespace, out);
            out.put_slice(b"{\"sid\":");
            string(sid, out);
            out.put_u8(b'}');
        }
    }
}

/// Appends the packet that says why a namespace may not be entered: a bare string, or an object with a `message`.
pub fn refused(generation: Generation, namespace: &str, message: &str, out: &mut impl BufMut) {
    head(Kind::Error, namespace, out);
    match generation {
        Generation::Eio3 => string(message, out),
        Generation::Eio4 => {
            out.put_slice(b"{\"message\":");
            string(message, out);
            out.put_u8(b'}');
        }
    }
}

/// Appends the packet that ends a namespace. Clients do not come back after it by themselves.
pub fn disconnect(namespace: &str, out: &mut impl BufMut) {
    head(Kind::Disconnect, namespace, out);
}

/// Appends an event up to its payload: `2/chat,["NAME",`. The payload and [`END`] follow.
pub fn event_head(namespace: &str, name: &str, out: &mut impl BufMut) {
    head(Kind::Event, namespace, out);
    out.put_u8(b'[');
    string(name, out);
    out.put_u8(b',');
}

/// Appends an acknowledgement up to its arguments: `3/chat,0[`. The arguments, if any, and [`END`] follow.
pub fn ack_head(namespace: &str, id: u64, out: &mut impl BufMut) {
    head(Kind::Ack, namespace, out);
    out.put_slice(id.to_string().as_bytes());
    out.put_u8(b'[');
}

fn head(kind: Kind, namespace: &str, out: &mut impl BufMut) {
    out.put_u8(kind.digit());
    if namespace != "/" {
        out.put_slice(namespace.as_bytes());
        out.put_u8(b',');
    }
}

fn string(text: &str, out: &mut impl BufMut) {
    out.put_slice(serde_json::Value::from(text).to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socketio::{Event, Packet};

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(Packet::parse(&text).is_ok(), "{text}");
        text
    }

    #[test]
    fn each_generation_is_answered_in_its_own_form() {
        use Generation::{Eio3, Eio4};
        for (generation, namespace, entered, not) in [
            (Eio3, "/", "0", r#"4"not \"you\"""#),
            (Eio3, "/chat", "0/chat", r#"4/chat,"not \"you\"""#),
            (Eio4, "/", r#"0{"sid":"s1"}"#, r#"4{"message":"not \"you\""}"#),
            (Eio4, "/chat", r#"0/chat,{"sid":"s1"}"#, r#"4/chat,{"message":"not \"you\""}"#),
        ] {
            assert_eq!(written(|out| connected(generation, namespace, "s1", out)), entered);
            assert_eq!(written(|out| refused(generation, namespace, "not \"you\"", out)), not);
        }
        assert_eq!(written(|out| disconnect("/", out)), "1");
        assert_eq!(written(|out| disconnect("/chat", out)), "1/chat,");
    }

    #[test]
    fn events_and_acknowledgements_are_heads_and_an_end() {
        let event = written(|out| {
            event_head("/chat", "A\"B", out);
            out.put_slice(b"{\"a\":1}");
            out.put_slice(END.as_bytes());
        });
        assert_eq!(event, r#"2/chat,["A\"B",{"a":1}]"#);
        let packet = Packet::parse(&event).unwrap();
        assert_eq!(Event::parse(packet.data).unwrap().name, "A\"B");
        let ack = written(|out| {
            ack_head("/", 12, out);
            out.put_slice(END.as_bytes());
        });
        assert_eq!(ack, "312[]");
    }
}
