//! Any text as a frame of the native dialect.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../invariants/native_frame.rs"]
mod invariants;

fuzz_target!(|text: &str| {
    invariants::holds(text);
});
