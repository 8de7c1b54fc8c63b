//! The readers of what clients send, against any text at all and against naive models.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../../fuzz/invariants/cisco_xml.rs"]
mod cisco_xml;
mod mutations;
#[path = "../../../fuzz/invariants/native_frame.rs"]
mod native_frame;
mod packets;
#[path = "../../../fuzz/invariants/socketio_packet.rs"]
mod socketio_packet;
