//! Any text as a Socket.IO packet.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../invariants/socketio_packet.rs"]
mod invariants;

fuzz_target!(|text: &str| {
    invariants::holds(text);
});
