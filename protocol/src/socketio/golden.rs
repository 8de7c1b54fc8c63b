//! Holds the codec to the packets of real clients and of hostile ones.

use bytes::Bytes;
use serde::Deserialize;

use super::*;

/// A packet, and what is to be read from it.
#[derive(Debug, Deserialize)]
struct Golden {
    says: String,
    text: String,
    #[serde(flatten)]
    head: Head,
    error: Option<String>,
    event: Option<String>,
    payload: Option<String>,
    event_error: Option<String>,
}

#[derive(Debug, PartialEq, Eq, Default, Deserialize)]
struct Head {
    kind: Option<String>,
    #[serde(default)]
    attachments: u32,
    namespace: Option<String>,
    query: Option<String>,
    id: Option<u64>,
    #[serde(default)]
    data: String,
}

fn head(packet: &Packet<'_>) -> Head {
    Head {
        kind: Some(format!("{:?}", packet.kind)),
        attachments: packet.attachments,
        namespace: (packet.namespace != "/").then(|| packet.namespace.to_owned()),
        query: packet.query.map(str::to_owned),
        id: packet.id,
        data: packet.data.to_owned(),
    }
}

#[test]
fn packets_are_read_as_they_are_meant() {
    let all: Vec<Golden> =
        serde_json::from_str(include_str!("../../payloads/socketio-packets.json")).unwrap();
    for golden in all {
        let says = &golden.says;
        let packet = match Packet::parse(&golden.text) {
            Ok(packet) => packet,
            Err(error) => {
                assert_eq!(Some(format!("{error:?}")), golden.error, "{says}");
                continue;
            }
        };
        assert_eq!(golden.error, None, "{says}");
        assert_eq!(head(&packet), golden.head, "{says}");
        let mut again = Vec::new();
        packet.write(&mut again);
        assert_eq!(Packet::parse(std::str::from_utf8(&again).unwrap()), Ok(packet.clone()), "{says}");
        if !matches!(packet.kind, Kind::Event | Kind::BinaryEvent) {
            continue;
        }
        match Event::parse(packet.data) {
            Ok(event) => {
                assert_eq!(Some(event.name.into_owned()), golden.event, "{says}");
                assert_eq!(event.payload.map(|payload| payload.get().to_owned()), golden.payload, "{says}");
                assert_eq!(golden.event_error, None, "{says}");
            }
            Err(error) => assert_eq!(Some(format!("{error:?}")), golden.event_error, "{says}"),
        }
    }
}

#[test]
fn every_reserved_name_is_refused() {
    for name in RESERVED_EVENTS {
        assert_eq!(Event::parse(&format!("[\"{name}\"]")).unwrap_err(), PacketError::Reserved);
        assert!(Event::parse(&format!("[\"{name}2\"]")).is_ok());
    }
}

#[test]
fn depth_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(1 << 20), "]".repeat(1 << 20));
    assert_eq!(Event::parse(&format!("[\"N\",{deep}]")).unwrap().payload.unwrap().get(), deep);
    assert!(Event::parse(&format!("[\"N\",1,{deep}]")).is_ok());
    assert_eq!(Event::parse(&deep).unwrap_err(), PacketError::Name);
    assert_eq!(with_attachments(&deep, &[]).unwrap(), deep);
}

/// The attachments of the tests: `AA==`, `/w==` and nothing.
fn three() -> [Bytes; 3] {
    [Bytes::from_static(&[0]), Bytes::from_static(&[255]), Bytes::new()]
}

#[test]
fn attachments_come_to_stand_where_their_placeholders_were() {
    for (data, expected) in [
        (r#"["N",{"_placeholder":true,"num":1}]"#, r#"["N","/w=="]"#),
        (r#"{"_placeholder":true,"num":2}"#, r#""""#),
        (
            r#"["é",{"a":[{ "num" : 0 , "_placeholder" : true },{"_placeholder":true,"num":1}]}]"#,
            r#"["é",{"a":["AA==","/w=="]}]"#,
        ),
        // What only looks like a placeholder stays.
        (r#"["{\"_placeholder\":true,\"num\":9}"]"#, r#"["{\"_placeholder\":true,\"num\":9}"]"#),
        (r#"["\\",{"_placeholder":false,"num":9}]"#, r#"["\\",{"_placeholder":false,"num":9}]"#),
        (r#"{"num":9}"#, r#"{"num":9}"#),
        (r#"{"num":{"_placeholder":true,"num":0}}"#, r#"{"num":"AA=="}"#),
        (
            r#"{"x":1,"_placeholder":true,"a":{"_placeholder":true,"num":0}}"#,
            r#"{"x":1,"_placeholder":true,"a":"AA=="}"#,
        ),
        (r#" [ ] "#, r#" [ ] "#),
    ] {
        assert_eq!(with_attachments(data, &three()).as_deref(), Ok(expected));
    }
}

#[test]
fn placeholders_that_stand_for_nothing_are_refused() {
    use PacketError::{Json, NoAttachment, Placeholder, Repeated};
    for (data, error) in [
        (r#"[{"_placeholder":true,"num":3}]"#, NoAttachment),
        (r#"[{"_placeholder":true,"num":18446744073709551615}]"#, NoAttachment),
        (r#"[{"_placeholder":true,"num":18446744073709551616}]"#, Placeholder),
        (r#"[{"_placeholder":true,"num":-1}]"#, Placeholder),
        (r#"[{"num":-1,"_placeholder":true}]"#, Placeholder),
        (r#"[{"_placeholder":true,"num":0.5}]"#, Placeholder),
        (r#"[{"_placeholder":true,"num":"0"}]"#, Placeholder),
        (r#"[{"_placeholder":true,"num":null}]"#, Placeholder),
        (r#"[{"_placeholder":true,"num":[0]}]"#, Placeholder),
        (r#"[{"_placeholder":true}]"#, Placeholder),
        (r#"[{"_placeholder":true,"num":0,"x":1}]"#, Placeholder),
        (r#"[{"_placeholder":true,"num":0},{"_placeholder":true,"num":0}]"#, Repeated),
        (r#"[{"_placeholder":true,"num":0}"#, Json),
        ("", Json),
    ] {
        assert_eq!(with_attachments(data, &three()), Err(error), "{data}");
    }
    assert_eq!(with_attachments(r#"{"_placeholder":true,"num":0}"#, &[]), Err(NoAttachment));
}
