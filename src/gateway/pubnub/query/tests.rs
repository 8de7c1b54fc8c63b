//! Parameters as the libraries write them, and as nobody does.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::gateway::pubnub::fixture::settings;

fn of(query: &str) -> Query<'_> {
    Query::parse(query, Service::PubSub).unwrap()
}

fn state(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[test]
fn every_way_of_writing_a_cursor_is_read() {
    for (query, timetoken, region) in [
        ("", 0, None),
        ("ee=&uuid=ana", 0, None),
        ("tt=0", 0, None),
        ("tt=", 0, None),
        ("tt=-1", 0, None),
        ("tr=1", 0, Some(1)),
        ("tt=17610000000041122&tr=12", 17_610_000_000_041_122, Some(12)),
        ("t=%7B%22r%22%3A12%2C%22t%22%3A%2217610000000041122%22%7D", 17_610_000_000_041_122, Some(12)),
        ("t={\"r\":0,\"t\":0}", 0, Some(0)),
    ] {
        let cursor = of(query).cursor().unwrap();
        assert_eq!((cursor.timetoken.0, cursor.region), (timetoken, region), "{query}");
    }
    for bad in
        ["tt=x", "tt=1e3", "tt=+1", "tt=99999999999999999999", "t=%7B", "t=1", "t={}", "t={\"t\":\"x\"}"]
    {
        assert!(of(bad).cursor().is_err(), "{bad}");
    }
}

#[test]
fn a_timeout_is_kept_within_its_bounds() {
    let settings = settings();
    for (query, seconds) in [
        ("", 300),
        ("heartbeat=", 300),
        ("heartbeat=0", 300),
        ("heartbeat=20", 20),
        ("heartbeat=1", 3),
        ("heartbeat=99999999999", 86_400),
    ] {
        assert_eq!(of(query).timeout(&settings).unwrap(), Duration::from_secs(seconds), "{query}");
    }
    assert!(of("heartbeat=soon").timeout(&settings).is_err());
}

#[test]
fn states_that_say_nothing_are_nothing() {
    let (settings, caps) = (settings(), Caps::default());
    let read = |text: &str| {
        let query = format!("state={}", state(text));
        let states = of(&query).states(&settings, &caps)?;
        Ok::<_, Fault>(
            states.into_iter().map(|(name, state)| (name, state.get().to_owned())).collect::<Vec<_>>(),
        )
    };
    for none in ["", "{}", r#"{"channel":{},"group":{ }}"#] {
        assert_eq!(read(none).unwrap(), [], "{none}");
    }
    let mood = ("room-a".to_owned(), r#"{"mood":"ok"}"#.to_owned());
    assert_eq!(read(r#"{"room-a":{"mood":"ok"},"b":{}}"#).unwrap(), [mood]);
    for bad in ["[]", "5", "{", r#"{"a":5}"#, r#"{"a":[1]}"#, r#"{"a":null}"#, r#"{"a":{"b":1e999}}"#] {
        assert_eq!(read(bad), Err(Fault::bad_state(Service::PubSub)), "{bad}");
    }
    let long = format!(r#"{{"a":{{"b":"{}"}}}}"#, "x".repeat(16 * 1024 - 7));
    assert_eq!(read(&long), Err(Fault::long_state(Service::PubSub)));
}

#[test]
fn a_state_is_an_object() {
    let (settings, caps) = (settings(), Caps::default());
    let read = |query: &str| Query::parse(query, Service::Presence).unwrap().state(&settings, &caps);
    assert_eq!(read("state=%7B%22mood%22%3A%20%22ok%22%7D").unwrap().get(), r#"{"mood": "ok"}"#);
    assert_eq!(read("state=%7B%7D").unwrap().get(), "{}");
    for none in ["", "state", "state="] {
        assert_eq!(read(none).unwrap_err(), Fault::no_state(), "{none}");
    }
    for bad in ["state=x", "state=[]", "state=5", "state=null", "state=%7B", "state=%7B%7D%7B%7D"] {
        assert_eq!(read(bad).unwrap_err(), Fault::bad_state(Service::Presence), "{bad}");
    }
    assert_eq!(read("state=%ff").unwrap_err(), Fault::not_text(Service::Presence));
    let deep = format!("state={}1{}", state("{\"a\":").repeat(40), state("}").repeat(40));
    assert_eq!(read(&deep).unwrap_err(), Fault::bad_state(Service::Presence));
}

#[test]
fn parameters_are_found_by_name_and_bounded() {
    let query = of(
        "uuid=bo%27b%20%281%29&uuid=x&state=1&disable_uuids=0&limit=3&pnsdk=PubNub-Rust%2F0.9.0&auth=&filter-expr=a%2520%253D%253D%25201",
    );
    assert_eq!(query.uuid().unwrap().unwrap().as_str(), "bo'b (1)");
    assert_eq!(
        (query.flag("state"), query.flag("disable_uuids"), query.flag("x")),
        (Ok(true), Ok(false), Ok(false))
    );
    assert!(of("state=2").flag("state").is_err());
    assert_eq!((query.number("limit"), query.number("offset")), (Ok(Some(3)), Ok(None)));
    assert!(query.auth().unwrap().is_none() && query.sdk().encodes_twice());
    assert_eq!(query.filter().unwrap().as_deref(), Some("a == 1"));
    assert_eq!(of("filter-expr=a%2520b").filter().unwrap().as_deref(), Some("a%20b"));
    assert!(of("uuid=").uuid().unwrap().is_none() && of("uuid=%00").uuid().is_err());
    assert!(Query::parse(&"a&".repeat(128), Service::PubSub).is_ok());
    assert!(Query::parse(&"a&".repeat(129), Service::PubSub).is_err());
    let many = format!("channel-group={}", (0..21).map(|n| format!("g{n},")).collect::<String>());
    assert!(of(&many).groups(&settings()).is_err());
    assert_eq!(of("channel-group=g%2Cg-pnpres").groups(&settings()).unwrap().names.len(), 2);
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "([a-z=&%{}\":0-9,]|tt=|state=|heartbeat=|t=|uuid=|channel-group=|%7B|%22|%ff|é){0,24}") {
        let (settings, caps) = (settings(), Caps::default());
        let Ok(query) = Query::parse(&text, Service::PubSub) else { return Ok(()) };
        drop((query.cursor(), query.states(&settings, &caps), query.uuid(), query.filter(), query.groups(&settings)));
        drop((query.callback(), query.auth(), query.flag("state"), query.number("limit")));
        let state = query.state(&settings, &caps);
        prop_assert!(state.is_err() || text.contains("state="));
        let timeout = query.timeout(&settings);
        prop_assert!(timeout.is_err() || timeout.unwrap() >= settings.minimum_timeout);
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_given(timetoken in any::<u64>(), region in any::<u32>(), is_json in any::<bool>()) {
        let plain = format!("tt={timetoken}&tr={region}");
        let both = format!("t=%7B%22t%22%3A%22{timetoken}%22,%22r%22%3A{region}%7D");
        let cursor = of(if is_json { &both } else { &plain }).cursor().unwrap();
        prop_assert_eq!(cursor, Cursor { timetoken: Timetoken(timetoken), region: Some(region) });
    }
}
