//! Grants and what comes of them: read back, sealed, and no more allowed than was granted.

use std::collections::BTreeMap;

use proptest::prelude::*;
use secrecy::SecretString;

use super::*;
use crate::core::{TopicName, Wall};
use crate::gateway::pubnub::fixture::settings;
use crate::gateway::pubnub::names::{Group, Name};

const NOW: Wall = Wall(1_761_000_000 * Wall::TICKS_PER_SECOND);

/// As the libraries write it, with what they add.
const BODY: &str = r#"{"ttl":"60","permissions":{"resources":{"channels":{"room-a":1,"room-b":3},"groups":{"grp-1":5},"uuids":{},"users":{},"spaces":{}},
    "patterns":{"channels":{"^ro.*$":2},"groups":{},"uuids":{},"users":{},"spaces":{}},"meta":{"a":["b",1.5,null]},"uuid":"ana","categories":{}}}"#;

fn bytes_of(text: &str) -> Vec<u8> {
    token::decoded(text).unwrap()
}

fn granted(body: &str) -> String {
    Token::make(&settings(), &Grant::parse(body.as_bytes()).unwrap(), NOW).unwrap()
}

fn app() -> Arc<App> {
    let secret = SecretString::from("secret");
    Arc::new(App::new(AppSlot(0), "1", "k", secret))
}

fn who(query: &str) -> Who {
    Who::of(&app(), &Query::parse(query, Service::PubSub).unwrap()).unwrap()
}

fn of_token(who: Who, token: Arc<Token>) -> Pass {
    Pass::of_token(who, token, Mark::of(b"any"))
}

fn name(text: &str) -> Name {
    names::channels(text, 1, Service::PubSub).unwrap().names.remove(0)
}

fn group(text: &str) -> Group {
    let list = names::groups(text, crate::gateway::pubnub::sdk::Sdk::default(), 1, Service::PubSub);
    list.unwrap().names.remove(0)
}

#[test]
fn a_token_is_what_libraries_read() {
    let text = granted(BODY);
    assert!(text.starts_with("qEF2AkF0Gmj2"), "{text}");
    assert!(granted(&BODY.replace(r#""uuid":"ana","#, "")).starts_with("p0F2AkF0"));
    let token = Token::read(&settings(), &bytes_of(&text)).unwrap();
    assert_eq!(token.ends(), NOW.seconds() + 3600);
    assert_eq!(token.uuid.as_ref().map(crate::core::PartyId::as_str), Some("ana"));
    let sums = ["room-a", "room-b", "ro-c", "x"].map(|name| token.channels.sum(name));
    assert_eq!((sums, token.groups.sum("grp-1")), ([1, 3, 2, 0], 5));
    let unpadded = text.trim_end_matches('=');
    assert_eq!(Mark::of(&bytes_of(unpadded)), Mark::of(&bytes_of(&text)), "one token has one mark");
}

#[test]
fn another_key_or_byte_is_no_token_of_the_app() {
    let bytes = bytes_of(&granted(BODY));
    for at in 0..bytes.len() {
        let mut forged = bytes.clone();
        forged[at] ^= 1;
        assert_eq!(Token::read(&settings(), &forged).unwrap_err(), Bad::Foreign, "byte {at}");
    }
    let other_app = Settings { subscribe_key: "other".to_owned(), ..settings() };
    let other_key = Settings { secret_key: SecretString::from("other"), ..settings() };
    let no_key = Settings { secret_key: SecretString::from(""), ..settings() };
    for other in [other_app, other_key, no_key] {
        assert_eq!(Token::read(&other, &bytes).unwrap_err(), Bad::Foreign);
    }
    for bad in [&b""[..], b"x", &[0; 38], &bytes[1..], &bytes[..bytes.len() - 1]] {
        assert!(Token::read(&settings(), bad).is_err());
    }
}

#[test]
fn what_is_no_grant_is_refused_in_the_words_of_the_service() {
    let none = r#"{"ttl":60,"permissions":{"resources":{"channels":{}},"patterns":{}}}"#;
    let with = |ttl: &str, rules: &str| format!(r#"{{"ttl":{ttl},"permissions":{{{rules}}}}}"#);
    let channel = r#""resources":{"channels":{"a":1}}"#;
    for (body, fault) in [
        ("", Fault::unreadable()),
        ("[]", Fault::unreadable()),
        (r#"{"ttl":1}"#, Fault::unreadable()),
        (&with("60", r#""resources":{"channels":{"a":-1}}"#), Fault::unreadable()),
        (none, Fault::no_permissions()),
        (&with("0", channel), Fault::bad_ttl()),
        (&with("43201", channel), Fault::bad_ttl()),
        (&with("-1", channel), Fault::bad_ttl()),
        (&with("\"x\"", channel), Fault::bad_ttl()),
        (&with("null", channel), Fault::bad_ttl()),
    ] {
        assert_eq!(Grant::parse(body.as_bytes()), Err(fault), "{body}");
    }
    for bad in [
        with("1", r#""resources":{"channels":{"a":256}}"#),
        with("1", r#""patterns":{"channels":{"(":1}}"#),
        with("1", r#""patterns":{"channels":{"(x{1000}){1000}":1}}"#),
        with("1", &format!("{channel},\"uuid\":\"\\u0000\"")),
    ] {
        assert!(Grant::parse(bad.as_bytes()).is_err(), "{bad}");
    }
    assert!(Grant::parse(with("43200", channel).as_bytes()).is_ok());
    let many = (0..3000).map(|n| format!("\"channel-{n}\":1")).collect::<Vec<_>>().join(",");
    let many = Grant::parse(with("1", &format!(r#""resources":{{"channels":{{{many}}}}}"#)).as_bytes());
    assert_eq!(Token::make(&settings(), &many.unwrap(), NOW), None);
}

#[test]
fn a_token_allows_what_it_names_and_nothing_else() {
    let token = Arc::new(Token::read(&settings(), &bytes_of(&granted(BODY))).unwrap());
    let pass = of_token(who("uuid=ana"), token);
    for (text, right, is_allowed) in [
        ("room-a", Right::Read, true),
        ("room-a", Right::Join, true),
        ("room-a", Right::Write, false),
        ("room-a-pnpres", Right::Read, false),
        ("room-b", Right::Write, true),
        ("room-c", Right::Write, true),
        ("room-c-pnpres", Right::Write, true),
        ("room-c", Right::Read, false),
        ("other", Right::Read, false),
    ] {
        assert_eq!(pass.may(right, &name(text)), is_allowed, "{text} {right:?}");
    }
    let channel = TopicName::new("anything").unwrap();
    assert!(pass.may_in_group(Right::Read, &group("grp-1"), &channel));
    assert!(!pass.may_in_group(Right::Read, &group("grp-1-pnpres"), &channel));
    assert!(!pass.may_in_group(Right::Read, &group("grp-1"), &TopicName::new("#server-to-user-x").unwrap()));
    assert!(pass.may_group(Right::Manage, &group("grp-1")) && !pass.may_group(Right::Read, &group("grp-2")));
    let (named, groups) = ([name("room-a"), name("x"), name("room-a-pnpres")], [group("grp-1"), group("g")]);
    let missing = ["x".to_owned(), "room-a-pnpres".to_owned()];
    assert_eq!(
        pass.require(Right::Read, &named, &groups),
        Err(Fault::forbidden(&missing, &["g".to_owned()]))
    );
    assert_eq!(pass.require(Right::Read, &named[..1], &groups[..1]), Ok(()));
    assert!(pass.require_everywhere().is_err() && !pass.principal().is_app);
}

#[test]
fn who_shows_nothing_is_nobody_to_spaces_and_may_do_what_is_open() {
    use crate::core::PartyKind;
    let (open, nothing, signed) =
        (Pass::open(who("uuid=ana")), Pass::nothing(who("")), Pass::signed(who("")));
    for (text, right, allowed) in [
        ("room", Right::Read, [true, false, true]),
        ("room-pnpres", Right::Read, [true, false, true]),
        ("presence-room", Right::Join, [false, false, true]),
        ("private-room", Right::Write, [false, false, true]),
        ("room", Right::Delete, [true, false, true]),
        ("#server-to-user-x", Right::Read, [false, false, false]),
    ] {
        let may = [&open, &nothing, &signed].map(|pass| pass.may(right, &name(text)));
        assert_eq!(may, allowed, "{text} {right:?}");
    }
    assert_eq!(open.party().unwrap().kind, PartyKind::User);
    assert_eq!(open.principal().party.kind, PartyKind::Anonymous, "the uuid is only claimed");
    assert!(nothing.party().is_none() && signed.principal().is_app && signed.require_everywhere().is_ok());
    let groups = [&open, &nothing, &signed].map(|pass| pass.may_group(Right::Manage, &group("g")));
    assert_eq!(groups, [true, false, true]);
    let own = Arc::new(Token::read(&settings(), &bytes_of(&granted(BODY))).unwrap());
    assert_eq!(of_token(who("uuid=ana"), own).principal().party.kind, PartyKind::User);
}

proptest! {
    #[test]
    fn what_was_granted_is_read_back(
        channels in prop::collection::btree_map("[^\\p{Cc}]{1,12}", 0_u64..256, 0..6),
        groups in prop::collection::btree_map("[a-z]{1,4}", 0_u64..256, 0..6),
        ttl in 1_u64..=43_200,
    ) {
        let body = json!({"ttl": ttl, "permissions": {"resources": {"channels": channels, "groups": groups}}});
        let grant = Grant::parse(body.to_string().as_bytes());
        if channels.is_empty() && groups.is_empty() {
            prop_assert_eq!(grant, Err(Fault::no_permissions()));
            return Ok(());
        }
        let text = Token::make(&settings(), &grant.unwrap(), NOW).unwrap();
        let token = Token::read(&settings(), &bytes_of(&text)).unwrap();
        prop_assert_eq!(token.ends(), NOW.seconds() + ttl * 60);
        let read = |names: &BTreeMap<String, u64>, of: &dyn Fn(&str) -> u64| names.iter().all(|(name, sum)| of(name) == *sum);
        prop_assert!(read(&channels, &|name| token.channels.sum(name)));
        prop_assert!(read(&groups, &|name| token.groups.sum(name)));
        prop_assert_eq!(token.channels.sum("never granted"), 0);
    }

    #[test]
    fn any_text_and_body_is_read_or_refused(text in "[A-Za-z0-9_=.é-]{0,80}", body in prop::collection::vec(any::<u8>(), 0..80)) {
        if let Some(bytes) = token::decoded(&text) {
            prop_assert!(Token::read(&settings(), &bytes).is_err());
        }
        prop_assert!(Token::read(&settings(), &body).is_err());
        prop_assert!(Grant::parse(&body).is_err());
    }
}
