//! What holds of anything that a client may send: asked by the fuzz target, and by the tests here.

use bytes::Bytes;
use serde_json::json;

use super::access::is_sealed_right;
use super::answer::{Callback, Service};
use super::body;
use super::filter::{Facts, Filter};
use super::names::{self, Name};
use super::query::Query;
use super::sdk::Sdk;
use crate::config::PubNub as Settings;
use crate::gateway::json::Caps;

/// Reads bytes as everything that a client may send to an app with these settings, and says whether all of it is read or refused as
/// promised.
#[must_use]
pub fn hold(settings: &Settings, bytes: &[u8]) -> bool {
    let body = Bytes::copy_from_slice(bytes);
    let is_bounded = body::unpacked(&body, settings.message_bytes)
        .is_ok_and(|unpacked| unpacked.len() > settings.message_bytes);
    let text = String::from_utf8_lossy(bytes);
    !is_bounded
        && is_sealed_right(settings, bytes)
        && names_hold(settings, &text)
        && query_holds(settings, &text)
}

/// What is a name once is the same name when it is written and read again.
fn names_hold(settings: &Settings, text: &str) -> bool {
    let most = settings.channels_per_request;
    let Ok(list) = names::channels(text, most, Service::PubSub) else { return true };
    let written: Vec<_> = list.names.iter().map(Name::written).collect();
    let escaped = written.join(",").replace('%', "%25");
    let again = names::channels(&escaped, most, Service::PubSub);
    list.names.len() <= list.count && again.is_ok_and(|again| again.names == list.names)
}

/// Each parameter is read or refused; a filter is asked of something.
fn query_holds(settings: &Settings, text: &str) -> bool {
    let (meta, caps) = (json!({"a": 1, "b": ["c", {"d": "e"}], "pn_ispresence": 1}), Caps::default());
    let facts = Facts { meta: Some(&meta), data: Some(&meta) };
    let wants = |text: &str| Filter::parse(text).is_ok_and(|filter| filter.wants(facts));
    // Whether it is wanted is all that can come of it, and the same each time.
    let is_steady = wants(text) == wants(text);
    drop(Callback::parse(text, Service::PubSub));
    drop(names::groups(text, Sdk::parse(text), settings.groups_per_client, Service::PubSub));
    let Ok(query) = Query::parse(text, Service::PubSub) else { return is_steady };
    drop((query.cursor(), query.uuid(), query.auth(), query.groups(settings), query.callback()));
    let is_asked = query.filter().is_ok_and(|filter| filter.is_some_and(|filter| wants(&filter)));
    drop((query.flag("state"), query.number("limit"), query.state(settings, &caps), is_asked));
    let is_empty = |states: &super::query::States| states.values().any(|state| state.get() == "{}");
    let has_empty = query.states(settings, &caps).is_ok_and(|states| is_empty(&states));
    let timeout = query.timeout(settings).unwrap_or(settings.minimum_timeout);
    is_steady && !has_empty && timeout >= settings.minimum_timeout
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gateway::pubnub::fixture::settings;
    use proptest::prelude::*;

    const PARTS: &str = "([ -~]{1,3}|tt=|&|state=%7B%22a%22%3A%7B%7D%7D|heartbeat=|filter-expr=|%2520|,|-pnpres|\\.\\*|a == 1|&&|\\(|'x'|\\PC)";

    proptest! {
        #[test]
        fn they_hold_of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(hold(&settings(), &bytes));
        }

        #[test]
        fn they_hold_of_anything_that_looks_like_something(parts in prop::collection::vec(PARTS, 0..20)) {
            prop_assert!(hold(&settings(), parts.concat().as_bytes()));
        }

        #[test]
        fn they_hold_of_anything_that_looks_like_a_token(
            parts in prop::collection::vec(prop::sample::select(vec![
                &b"\xa1"[..], b"\xa8", b"\x41v", b"\x02", b"\x41t", b"\x1a\x68\xf6\xba\x40", b"\x43ttl", b"\x18\x3c", b"\x43res", b"\xa5",
                b"\x44chan", b"\x66room-a", b"\x43grp", b"\x43pat", b"\xa0", b"\x44meta", b"\x44uuid", b"\x63ana", b"\xff", b"\x9f", b"\xbf",
                b"\xc1", b"\xfb", b"\x5b", b"\x9b\xff\xff\xff\xff",
            ]), 0..24)
        ) {
            prop_assert!(hold(&settings(), &parts.concat()));
        }
    }
}
