//! Holds the types to example frames.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::*;

fn same<'a, T: Serialize + Deserialize<'a>>(text: &'a str) -> T {
    let read: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let given: Value = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::to_value(&read).unwrap(), given);
    read
}

#[test]
fn what_the_hub_says_is_read_and_written_to_the_letter() {
    same::<ConnectionEstablished>(r#"{"socket_id":"123.456","activity_timeout":120}"#);
    same::<ErrorData>(r#"{"code":4001,"message":"x"}"#);
    same::<ErrorData>(r#"{"code":null,"message":"x"}"#);
    same::<SubscriptionSucceeded>("{}");
    same::<SubscriptionSucceeded>(
        r#"{"presence":{"count":2,"ids":["1","2"],"hash":{"1":{"name":"A"},"2":null}}}"#,
    );
    same::<SubscriptionSucceeded>(r#"{"resume":{"after_id":"ab6342e9f23c34","ok":true}}"#);
    same::<MemberAdded>(r#"{"user_id":"2","user_info":{"name":"B"}}"#);
    same::<MemberRemoved>(r#"{"user_id":"2"}"#);
    same::<SubscriptionCount>(r#"{"subscription_count":12}"#);
    same::<WatchlistEvents>(
        r#"{"events":[{"name":"online","user_ids":["7"]},{"name":"offline","user_ids":["8"]}]}"#,
    );
    same::<SubscriptionFailed>(r#"{"code":1000,"message":"x"}"#);
    let event = same::<ServerFrame<'_>>(
        r#"{"event":"client-typing","channel":"presence-x","data":"{\"a\":1}","user_id":"2","id":"17"}"#,
    );
    assert_eq!(event.data_text().as_deref(), Some(r#"{"a":1}"#));
}

fn frame(text: &str) -> ClientFrame<'_> {
    ClientFrame::parse(text).unwrap()
}

#[test]
fn subscriptions_are_read_leniently() {
    let plain = r#"{"event":"pusher:subscribe","data":{"auth":"","channel":"c"}}"#;
    let nested = r#"{"event":"pusher:subscribe","data":"{\"channel\":\"c\",\"auth\":\"k:s\",\"channel_data\":\"{}\",\"resume_after_id\":\"9\"}"}"#;
    let read = Subscribe::of(&frame(plain)).unwrap();
    assert_eq!((read.channel.as_str(), read.auth), ("c", None));
    let read = Subscribe::of(&frame(nested)).unwrap();
    assert_eq!((read.auth.as_deref(), read.channel_data.as_deref()), (Some("k:s"), Some("{}")));
    assert_eq!(read.resume_after_id.as_deref(), Some("9"));
    for bad in [r#"{"event":"x"}"#, r#"{"event":"x","data":[]}"#, r#"{"event":"x","data":{"channel":1}}"#] {
        assert_eq!(Subscribe::of(&frame(bad)), None, "{bad}");
    }
}

#[test]
fn what_is_no_frame_is_refused() {
    for text in ["", "{", "nul", "{}{}"] {
        assert_eq!(ClientFrame::parse(text).unwrap_err(), FrameError::Json, "{text}");
    }
    for text in ["[]", "1", "{}", r#"{"foo":1}"#, r#"{"event":1}"#] {
        assert_eq!(ClientFrame::parse(text).unwrap_err(), FrameError::Event, "{text}");
    }
}

#[test]
fn numbers_are_users_too() {
    for (text, id) in [
        (r#"{"user_id":10}"#, Some("10")),
        (r#"{"user_id":"10"}"#, Some("10")),
        (r#"{"user_id": "1", "user_info": {"twitter": "@pusher"}}"#, Some("1")),
        (r#"{"user_id":-1}"#, Some("-1")),
        (r#"{"user_id":9007199254740993}"#, Some("9007199254740993")),
        (r#"{"user_id":1.5}"#, None),
        (r#"{"user_id":null}"#, None),
        (r#"{"user_id":{}}"#, None),
        ("{}", None),
    ] {
        assert_eq!(ChannelData::parse(text).map(|data| data.user_id.0).as_deref(), id, "{text}");
    }
    assert!(UserData::parse(r#"{"id":7}"#).is_none());
    let user = UserData::parse(r#"{"id":"42","watchlist":["7",8,"9"]}"#).unwrap();
    assert_eq!(user.watchlist, ["7", "9"]);
}
