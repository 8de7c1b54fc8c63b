//! Requests as the libraries signed them, with invented names; and what must not pass for one.

use secrecy::SecretString;
use serde_json::Value;

use super::*;
use crate::gateway::pubnub::answer::Service;
use crate::gateway::pubnub::fixture;

/// What Python's library 7.0.0 and JavaScript's 7.3.3 sent, in this order, one JSON object a line.
const RECORDED: &str = include_str!("requests.jsonl");

fn settings() -> Settings {
    Settings {
        publish_key: "pub-c-test".to_owned(),
        subscribe_key: "sub-c-test".to_owned(),
        secret_key: SecretString::from("sec-c-test"),
        ..fixture::settings()
    }
}

fn check(method: &str, target: &str, body: &str, seconds: u64) -> Result<(), Unsigned> {
    let (path, query) = target.split_once('?').unwrap();
    let query = Query::parse(query, Service::PubSub).unwrap();
    let request = Request { method, path, query: &query, body: body.as_bytes() };
    request.check(&settings(), Wall(seconds * Wall::TICKS_PER_SECOND))
}

fn recorded() -> impl Iterator<Item = (String, String, String, u64)> {
    RECORDED.lines().map(|line| {
        let request: Value = serde_json::from_str(line).unwrap();
        let part = |name: &str| request[name].as_str().unwrap().to_owned();
        let target = part("target");
        let query = target.split_once('?').unwrap().1;
        let timestamp = query.split('&').find_map(|pair| pair.strip_prefix("timestamp=")).unwrap();
        let timestamp = timestamp.parse().unwrap();
        (part("method"), target, part("body"), timestamp)
    })
}

#[test]
fn what_the_libraries_signed_is_signed() {
    assert!(recorded().count() > 30);
    for (method, target, body, at) in recorded() {
        assert_eq!(check(&method, &target, &body, at + 60), Ok(()), "{method} {target}");
        assert_eq!(check(&method, &target, &body, at - 60), Ok(()), "{method} {target}");
    }
}

#[test]
fn a_flipped_byte_or_another_time_is_refused() {
    for (method, target, body, at) in recorded() {
        assert_eq!(check(&method, &target, &body, at + 61), Err(Unsigned::Late), "{target}");
        assert_eq!(check(&method, &target, &body, at - 61), Err(Unsigned::Late), "{target}");
        let other = if target.contains("signature=v2.A") { "signature=v2.B" } else { "signature=v2.A" };
        let first = target.find("signature=v2.").map(|at| at..at + 14);
        if let Some(range) = first {
            let mut forged = target.clone();
            forged.replace_range(range, other);
            assert_eq!(check(&method, &forged, &body, at), Err(Unsigned::Wrong), "{forged}");
        }
        for forged in [
            target.replacen("sub-c-test", "sub-c-tesu", 1),
            target.replacen("uuid=bo", "uuid=co", 1),
            format!("{target}&more=1"),
        ] {
            let is_same = forged == target;
            assert!(is_same || check(&method, &forged, &body, at).is_err(), "{forged}");
        }
        let is_body_signed = method == "POST" && !target.starts_with("/publish/");
        let forged = check(&method, &target, &format!("{body} "), at);
        // A published body is in the signature of no library, and what is got has none.
        assert_eq!(forged.is_err(), is_body_signed || method != "POST", "{target}");
        assert!(check("PUT", &target, &body, at).is_err());
    }
}

#[test]
fn what_rust_signs_is_signed() {
    let value = r#"{"k ~( ) *":"v+w&x=1!"}"#;
    let wire = utf8_percent_encode(value, NON_ALPHANUMERIC).to_string();
    let signed = utf8_percent_encode(value, RUST).to_string();
    assert_eq!(signed, "%7B%22k%20~(%20)%20*%22%3A%22v%2Bw&x%3D1%21%22%7D");
    let path = "/v2/presence/sub-key/sub-c-test/channel/a/uuid/ana/data";
    let text = format!("GET\npub-c-test\n{path}\nstate={signed}&timestamp=1000\n");
    let mut mac = Hmac::<Sha256>::new_from_slice(b"sec-c-test").unwrap();
    mac.update(text.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    let target = format!("{path}?timestamp=1000&signature=v2.{signature}&state={wire}");
    assert_eq!(check("GET", &target, "", 1000), Ok(()));
    assert_eq!(check("GET", &target.replace("ana", "ben"), "", 1000), Err(Unsigned::Wrong));
}

#[test]
fn what_is_no_signature_signs_nothing() {
    let path = "/v2/presence/sub-key/sub-c-test/uuid/ana";
    for (query, why) in [
        ("uuid=ana", Unsigned::Missing),
        ("signature=", Unsigned::Late),
        ("signature=v2.x&timestamp=x", Unsigned::Late),
        ("signature=&timestamp=1000", Unsigned::Wrong),
        ("signature=v2.&timestamp=1000", Unsigned::Wrong),
        ("signature=v2.%ff%00&timestamp=1000", Unsigned::Wrong),
        ("signature=v3.AAAA&timestamp=1000", Unsigned::Wrong),
        ("signature=AAAA&timestamp=-99999999999999999999", Unsigned::Late),
    ] {
        assert_eq!(check("GET", &format!("{path}?{query}"), "", 1000), Err(why), "{query}");
    }
    let nobody = Settings { secret_key: SecretString::from(""), ..settings() };
    let query = Query::parse("timestamp=1000&signature=v2.x", Service::PubSub).unwrap();
    let request = Request { method: "GET", path, query: &query, body: b"" };
    assert_eq!(request.check(&nobody, Wall(1000 * Wall::TICKS_PER_SECOND)), Err(Unsigned::Wrong));
}
