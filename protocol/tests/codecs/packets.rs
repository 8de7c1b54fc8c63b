//! Properties of the packets of Socket.IO.

use bytes::Bytes;
use presence_protocol::socketio::{
    Event, Kind, MAX_ATTACHMENTS, Packet, PacketError, pairs, with_attachments,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{native_frame, socketio_packet};

const KINDS: [Kind; 7] = [
    Kind::Connect,
    Kind::Disconnect,
    Kind::Event,
    Kind::Ack,
    Kind::Error,
    Kind::BinaryEvent,
    Kind::BinaryAck,
];

/// The parts of a packet that somebody might send.
#[derive(Debug, Clone)]
struct Parts {
    kind: Kind,
    attachments: u32,
    namespace: String,
    query: Option<String>,
    id: Option<u64>,
    data: String,
}

impl Parts {
    fn packet(&self) -> Packet<'_> {
        Packet {
            kind: self.kind,
            attachments: self.attachments,
            namespace: &self.namespace,
            query: self.query.as_deref(),
            id: self.id,
            data: &self.data,
        }
    }
}

fn parts() -> impl Strategy<Value = Parts> {
    let head = (proptest::sample::select(&KINDS[..]), 0..=MAX_ATTACHMENTS);
    let place = (r#"/|/[a-zé/#:;.|~-]{0,12}"#, proptest::option::of("[^,]{0,20}"));
    let rest = (proptest::option::of(any::<u64>()), r#"(|[^0-9].{0,30}|\["N",\{"a":[0-9]\}\])"#);
    (head, place, rest).prop_map(|((kind, attachments), (namespace, query), (id, data))| Parts {
        kind,
        attachments: if kind.is_binary() { attachments } else { 0 },
        namespace,
        query,
        id: if matches!(kind, Kind::Ack | Kind::BinaryAck) { id.or(Some(0)) } else { id },
        data,
    })
}

/// JSON in which some objects are placeholders, numbered from 0 in an order that any writer might have.
fn with_placeholders() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        3 => any::<i32>().prop_map(Value::from),
        3 => r#"(_placeholder|num|[a-z"\\{}é]{0,6})"#.prop_map(Value::from),
        1 => Just(json!({"_placeholder": false, "num": 0})),
        4 => Just(json!({"_placeholder": true, "num": 0})),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map(r#"(num|[a-z"\\{]{0,4})"#, inner, 0..5)
                .prop_map(|members| members.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

fn is_placeholder(value: &Value) -> bool {
    value.get("_placeholder") == Some(&Value::Bool(true))
}

/// Does something to every placeholder, in the order in which they stand.
fn each_placeholder(value: &mut Value, act: &mut impl FnMut(&mut Value)) {
    match value {
        value if is_placeholder(value) => act(value),
        Value::Array(values) => values.iter_mut().for_each(|value| each_placeholder(value, act)),
        Value::Object(members) => members.values_mut().for_each(|value| each_placeholder(value, act)),
        _ => {}
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,80}") {
        socketio_packet::holds(&text);
        native_frame::holds(&text);
    }

    #[test]
    fn any_text_that_begins_like_a_packet_is_read_or_refused(
        text in r#"[0-7]([0-9]{1,2}-)?(/[a-z?=&%+]{0,8},?)?[0-9]{0,2}(\[("[a-z]{0,3}"|[0-9]|,|\{|\}|\[|\]){0,6}\]?)?"#
    ) {
        socketio_packet::holds(&text);
    }

    #[test]
    fn what_is_written_is_read_again(parts in parts()) {
        let mut out = Vec::new();
        parts.packet().write(&mut out);
        let text = String::from_utf8(out).unwrap();
        prop_assert_eq!(Packet::parse(&text).unwrap(), parts.packet());
    }

    #[test]
    fn attachments_are_capped_however_many_are_announced(count in any::<u128>(), small in 0..30u32, zeros in 0..40usize) {
        for count in [count, small.into()] {
            let text = format!("5{}{count}-[\"N\"]", "0".repeat(zeros));
            let expected = match u32::try_from(count) {
                Ok(count @ ..=MAX_ATTACHMENTS) => Ok(count),
                _ => Err(PacketError::TooManyAttachments),
            };
            prop_assert_eq!(Packet::parse(&text).map(|packet| packet.attachments), expected);
        }
    }

    #[test]
    fn ids_are_read_to_the_last_digit(id in any::<u128>()) {
        let text = format!("2{id}[\"N\"]");
        let expected = u64::try_from(id).map(Some).map_err(|_| PacketError::Id);
        prop_assert_eq!(Packet::parse(&text).map(|packet| packet.id), expected);
    }

    #[test]
    fn events_are_read_as_any_reader_of_json_would(name in ".{0,12}", payload in with_placeholders(), more in 0..3usize) {
        let mut array = vec![json!(name), payload.clone()];
        array.extend(vec![json!({"more": [1]}); more]);
        for text in [json!(array).to_string(), serde_json::to_string_pretty(&array).unwrap()] {
            let event = Event::parse(&text).unwrap();
            prop_assert_eq!(event.name.as_ref(), name.trim());
            let read = event.payload.map(|payload| serde_json::from_str::<Value>(payload.get()).unwrap());
            prop_assert_eq!(read, Some(payload.clone()));
        }
    }

    #[test]
    fn attachments_are_placed_as_in_a_tree(mut tree in with_placeholders(), rotation in 0..9usize) {
        let mut count = 0;
        each_placeholder(&mut tree, &mut |_| count += 1);
        let mut next = rotation;
        each_placeholder(&mut tree, &mut |placeholder| {
            placeholder["num"] = json!(next % count);
            next += 1;
        });
        let attachments: Vec<Bytes> = (0..count).map(|number| Bytes::from(vec![b'x'; number])).collect();
        let texts = [tree.to_string(), serde_json::to_string_pretty(&tree).unwrap()];
        let mut expected = tree;
        each_placeholder(&mut expected, &mut |placeholder| {
            let number = placeholder["num"].as_u64().unwrap() as usize;
            let base64 = ["", "eA==", "eHg="][number % 3];
            *placeholder = json!("eHh4".repeat(number / 3) + base64);
        });
        for text in texts {
            let whole = with_attachments(&text, &attachments).unwrap();
            prop_assert_eq!(serde_json::from_str::<Value>(&whole).unwrap(), expected.clone());
            if count > 0 {
                let refused = with_attachments(&text, &attachments[1..]);
                prop_assert_eq!(refused, Err(PacketError::NoAttachment));
            }
        }
    }

    #[test]
    fn queries_are_decoded_to_what_was_encoded(name in "[^=&%+]{1,8}", value in ".{0,12}") {
        let hex: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let query = format!("{name}={hex}&x");
        let read: Vec<_> = pairs(&query).collect();
        prop_assert_eq!(&read, &[(name.into(), value.into()), ("x".into(), "".into())]);
    }
}
