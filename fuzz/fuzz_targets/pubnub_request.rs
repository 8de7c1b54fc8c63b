//! Any bytes as what a client of the PubNub dialect sends: names, parameters, filters, bodies and tokens.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use presence_hub::config::{Config, ConfigArgs, PubNub};
use presence_hub::gateway::pubnub::invariants;

/// Those of an app that configures nothing.
static SETTINGS: LazyLock<PubNub> = LazyLock::new(|| {
    let loaded = Config::load(&ConfigArgs::default(), std::iter::empty()).unwrap();
    loaded.config.apps[0].pubnub.clone()
});

fuzz_target!(|bytes: &[u8]| {
    assert!(invariants::hold(&SETTINGS, bytes));
});
