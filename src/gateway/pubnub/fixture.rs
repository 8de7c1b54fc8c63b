//! Settings for the tests of the dialect: those of an app that configures nothing.

use crate::config::{Config, ConfigArgs, PubNub};

/// What an app has that sets nothing but its own key and secret: `k` and `s` of 32 bytes.
pub(super) fn settings() -> PubNub {
    let set = ["apps.0.id=1", "apps.0.key=k", "apps.0.secret=ssssssssssssssssssssssssssssssss"];
    let args = ConfigArgs { set: set.map(str::to_owned).into(), ..ConfigArgs::default() };
    Config::load(&args, std::iter::empty()).unwrap().config.apps[0].pubnub.clone()
}
