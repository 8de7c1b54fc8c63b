//! Any bytes as a document of the Cisco dialect.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../invariants/cisco_xml.rs"]
mod invariants;

fuzz_target!(|bytes: &[u8]| {
    invariants::holds(bytes);
});
