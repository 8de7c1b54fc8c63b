//! The bodies of the HTTP API.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::object::text_of;

/// The body of `POST /apps/{id}/events`, and an item of a batch.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Trigger<'a> {
    /// The name of the event.
    #[serde(borrow)]
    pub name: Option<Cow<'a, str>>,
    /// Its data: a string, to be passed on as it is; anything else is passed on as JSON text.
    #[serde(borrow)]
    pub data: Option<&'a RawValue>,
    /// The channels.
    pub channels: Option<Vec<String>>,
    /// The channel, where there is one.
    pub channel: Option<String>,
    /// The connection that is not sent the event.
    pub socket_id: Option<String>,
    /// What is asked about the channels, with commas between.
    pub info: Option<String>,
}

impl Trigger<'_> {
    /// The data as text; `None` if there is none, or a string that is no text.
    #[must_use]
    pub fn data_text(&self) -> Option<Cow<'_, str>> {
        let data = self.data.filter(|data| data.get() != "null")?;
        if data.get().starts_with('"') { text_of(data) } else { Some(Cow::Owned(compact(data.get()))) }
    }
}

/// The body of `POST /apps/{id}/batch_events`.
#[derive(Debug, Clone, Deserialize)]
pub struct Batch<'a> {
    /// The events, in order.
    #[serde(borrow)]
    pub batch: Vec<Trigger<'a>>,
}

/// JSON text without the white space between its tokens; nothing else is changed.
#[must_use]
pub fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let (mut is_inside, mut is_escaped) = (false, false);
    for letter in json.chars() {
        if is_inside || !matches!(letter, ' ' | '\n' | '\r' | '\t') {
            out.push(letter);
        }
        match letter {
            '"' if !is_escaped => is_inside = !is_inside,
            _ => {}
        }
        is_escaped = is_inside && letter == '\\' && !is_escaped;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_goes_only_where_it_means_nothing() {
        for (json, compacted) in [
            (r#"{ "a" : [ 1 , "x y" ] }"#, r#"{"a":[1,"x y"]}"#),
            (r#"{"a":"q \" w"}"#, r#"{"a":"q \" w"}"#),
            ("[\n\"\\\\\" , 1.50]", r#"["\\",1.50]"#),
        ] {
            assert_eq!(compact(json), compacted);
        }
    }

    #[test]
    fn data_is_passed_on_as_it_is() {
        for (body, data) in [
            (r#"{"data":"{\"b\":1,\"a\":\"\u00e9\"}"}"#, Some("{\"b\":1,\"a\":\"é\"}")),
            (r#"{"data":"hello"}"#, Some("hello")),
            (r#"{"data":""}"#, Some("")),
            (r#"{"data":{"b": 1, "a": [2]}}"#, Some(r#"{"b":1,"a":[2]}"#)),
            (r#"{"data":5}"#, Some("5")),
            (r#"{"data":null}"#, None),
            (r#"{"data":"\ud800"}"#, None),
            (r#"{"socket_id":null}"#, None),
        ] {
            let trigger: Trigger<'_> = serde_json::from_str(body).unwrap();
            assert_eq!(trigger.data_text().as_deref(), data, "{body}");
        }
    }
}
