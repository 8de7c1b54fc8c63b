//! What is let in, and what is not.

use super::*;
use crate::broker::AppSlot;
use crate::core::TopicName;
use crate::gateway::keys::{KeyPair, KeyPairs};
use crate::gateway::principal::Action;

const NOW: Wall = Wall(2_000_000_000 * Wall::TICKS_PER_SECOND);
const NOW_SECONDS: u64 = 2_000_000_000;

fn app(key: &str) -> App {
    App::new(AppSlot(0), "1", key, SecretString::from(format!("{key}-secret")))
}

fn apps() -> Apps {
    Apps::new(vec![app("one")])
}

fn signed(header: &Header, claims: &Value, secret: &str) -> String {
    encode(header, claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
}

fn token(mut claims: Value) -> String {
    if claims.get("exp").is_none() {
        claims["exp"] = json!(NOW_SECONDS + 60);
    }
    let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::HS256) };
    signed(&header, &claims, "one-secret")
}

#[test]
fn a_token_says_who_somebody_is() {
    let token = token(json!({
        "sub": "ann", "displayname": " A\u{202e}nn\u{7}", "username": "ann@example", "picture_url": "javascript:x()",
        "phone_numbers": ["+1"], "role": "admin", "info": {"team": 7},
        "capabilities": {"room:*": ["subscribe"]},
    }));
    let principal = verify(&apps(), &token, NOW).unwrap();
    let party = &principal.party;
    assert_eq!((party.id.as_str(), party.kind), ("ann", PartyKind::User));
    assert_eq!((&*party.displayname, &*party.username, &*party.picture_url), ("Ann", "ann@example", ""));
    assert_eq!((&party.phone_numbers[..], &party.info[..]), (&b"[\"+1\"]"[..], &b"{\"team\":7}"[..]));
    assert_eq!((principal.role, principal.is_app), (Role::Admin, false));
    assert_eq!(principal.expires, Some(Wall((NOW_SECONDS + 60) * Wall::TICKS_PER_SECOND)));
    let room = TopicName::new("room:1").unwrap();
    assert!(principal.may(Action::Subscribe, &room) && !principal.may(Action::Publish, &room));
}

#[test]
fn ids_and_roles_have_their_defaults() {
    for (claims, id, kind, role) in [
        (json!({"user_id": "u"}), "u", PartyKind::User, Role::Member),
        (json!({"sub": "s", "user_id": "u"}), "s", PartyKind::User, Role::Member),
        (json!({"anonymous_id": "a", "role": "admin"}), "a", PartyKind::Anonymous, Role::Guest),
        (json!({"sub": "s", "type": "anonymous", "role": "admin"}), "s", PartyKind::Anonymous, Role::Guest),
        (json!({"sub": "CA1", "type": "phone", "role": "guest"}), "CA1", PartyKind::Phone, Role::Guest),
        (json!({"sub": "s", "type": "bot", "role": "emperor"}), "s", PartyKind::Bot, Role::Guest),
    ] {
        let principal = verify(&apps(), &token(claims.clone()), NOW).unwrap();
        assert_eq!((principal.party.id.as_str(), principal.party.kind), (id, kind), "{claims}");
        assert_eq!(principal.role, role, "{claims}");
    }
}

#[test]
fn time_is_the_hubs_own() {
    let is_let_in = |claims: Value| verify(&apps(), &token(claims), NOW).is_ok();
    for (claims, is_in) in [
        (json!({"sub": "s", "exp": NOW_SECONDS - 4}), true),
        (json!({"sub": "s", "exp": NOW_SECONDS - 5}), false),
        (json!({"sub": "s", "exp": NOW_SECONDS as f64 + 0.5}), true),
        (json!({"sub": "s", "exp": "soon"}), false),
        (json!({"sub": "s", "exp": null}), false),
        (json!({"sub": "s", "exp": -1}), false),
        (json!({"sub": "s", "nbf": NOW_SECONDS + 5}), true),
        (json!({"sub": "s", "nbf": NOW_SECONDS + 6}), false),
        (json!({"sub": "s", "nbf": "x"}), false),
    ] {
        assert_eq!(is_let_in(claims.clone()), is_in, "{claims}");
    }
    let header = Header { kid: Some("one".into()), ..Header::new(Algorithm::HS256) };
    assert!(verify(&apps(), &signed(&header, &json!({"sub": "s"}), "one-secret"), NOW).is_err(), "no exp");
}

#[test]
fn audience_and_issuer_count_where_they_are_configured() {
    let mut strict = app("one");
    strict.audience = vec!["hub".into(), "hub2".into()];
    strict.issuer = vec!["io".into()];
    let strict = Apps::new(vec![strict]);
    for (claims, is_in) in [
        (json!({"sub": "s", "aud": "hub", "iss": "io"}), true),
        (json!({"sub": "s", "aud": ["x", "hub2"], "iss": ["zang", "io"]}), true),
        (json!({"sub": "s", "iss": "io"}), false),
        (json!({"sub": "s", "aud": "hub"}), false),
        (json!({"sub": "s", "aud": "HUB", "iss": "io"}), false),
        (json!({"sub": "s", "aud": [], "iss": "io"}), false),
    ] {
        let token = token(claims.clone());
        assert_eq!(verify(&strict, &token, NOW).is_ok(), is_in, "{claims}");
        assert!(verify(&apps(), &token, NOW).is_ok(), "not configured: {claims}");
    }
}

#[test]
fn everything_else_is_refused_alike() {
    let claims = json!({"sub": "s", "exp": NOW_SECONDS + 60});
    let kid = |key: &str, algorithm| Header { kid: Some(key.into()), ..Header::new(algorithm) };
    let good = token(json!({"sub": "s"}));
    let (head, rest) = good.split_once('.').unwrap();
    let none = "eyJhbGciOiJub25lIiwia2lkIjoib25lIn0";
    for bad in [
        String::new(),
        "x.y.z".into(),
        signed(&kid("two", Algorithm::HS256), &claims, "one-secret"),
        signed(&kid("two", Algorithm::HS256), &claims, DUMMY_SECRET),
        signed(&kid("one", Algorithm::HS256), &claims, "other"),
        signed(&kid("one", Algorithm::HS384), &claims, "one-secret"),
        signed(&kid("one", Algorithm::HS512), &claims, "one-secret"),
        format!("{none}.{rest}"),
        format!("{none}.{}.", rest.split('.').next().unwrap()),
        format!("{head}.{}", rest.split('.').next().unwrap()),
        format!("{}{}", good, "A".repeat(MAX_TOKEN)),
        token(json!({})),
        token(json!({"sub": 7})),
        token(json!({"sub": "a\u{0}b"})),
        token(json!({"sub": "s", "capabilities": []})),
        token(json!({"sub": "s", "capabilities": {"x": "subscribe"}})),
    ] {
        assert_eq!(verify(&apps(), &bad, NOW).unwrap_err(), Refused, "{bad}");
    }
}

#[test]
fn a_missing_kid_means_the_only_app_and_a_suffix_is_cut_off() {
    let claims = json!({"sub": "s", "exp": NOW_SECONDS + 60});
    let token = signed(&Header::new(Algorithm::HS256), &claims, "one-secret");
    assert!(verify(&apps(), &token, NOW).is_ok());
    assert!(verify(&apps(), &format!(" {token}=jwt "), NOW).is_ok());
    let two = Apps::new(vec![app("one"), App { id: "2".into(), ..app("two") }]);
    assert!(verify(&two, &token, NOW).is_err());
    let secretless = Apps::new(vec![App::new(AppSlot(0), "1", "one", SecretString::from(""))]);
    assert!(verify(&secretless, &signed(&Header::new(Algorithm::HS256), &claims, ""), NOW).is_err());
}

#[test]
fn each_active_pair_of_keys_signs() {
    let pair = |key: &str, is_active| KeyPair {
        key: key.into(),
        secret: SecretString::from(format!("{key}-secret")),
        is_active,
    };
    let keys = KeyPairs::new(pair("old", false), vec![pair("one", true), pair("two", true)]);
    let apps = Apps::new(vec![App { keys, ..app("one") }]);
    let claims = json!({"sub": "s", "exp": NOW_SECONDS + 60});
    let of = |key: Option<&str>, secret: &str| {
        let kid = key.map(str::to_owned);
        verify(&apps, &signed(&Header { kid, ..Header::new(Algorithm::HS256) }, &claims, secret), NOW).is_ok()
    };
    for key in ["one", "two"] {
        let secret = format!("{key}-secret");
        assert!(of(Some(key), &secret) && of(None, &secret), "{key}");
        assert!(check_secret(&apps, &STANDARD.encode(format!("{key}:{secret}"))).is_ok(), "{key}");
    }
    assert!(!of(Some("one"), "two-secret") && !of(Some("old"), "old-secret") && !of(None, "old-secret"));
    for pair in ["one:two-secret", "old:old-secret"] {
        assert!(check_secret(&apps, &STANDARD.encode(pair)).is_err(), "{pair}");
    }
    let grant = Grant { id: "a".into(), lasts: Duration::from_secs(60), ..Grant::default() };
    let minted = mint(apps.only().unwrap(), &grant, NOW).unwrap();
    assert_eq!(decode_header(&minted).unwrap().kid.as_deref(), Some("one"), "the oldest that is active");
    assert!(verify(&apps, &minted, NOW).is_ok());
}

#[test]
fn headers_carry_tokens_and_secrets() {
    for header in ["jwt T", "JWT  T", "Bearer T", "service_app T", "OAuth T"] {
        assert_eq!(Credentials::of_header(header), Some(Credentials::Token("T")), "{header}");
    }
    assert_eq!(Credentials::of_header("basic QQ=="), Some(Credentials::Basic("QQ==")));
    for header in ["", "T", "digest T", "jwt"] {
        assert_eq!(Credentials::of_header(header), None, "{header}");
    }
    let check = |pair: &str| check_secret(&apps(), &STANDARD.encode(pair));
    let principal = check("one:one-secret").unwrap();
    assert!(principal.is_app && principal.expires.is_none());
    assert_eq!((principal.party.id.as_str(), principal.party.kind), ("app:1", PartyKind::Bot));
    for pair in ["one:other", "one:", "one", "two:one-secret", &format!("two:{DUMMY_SECRET}"), ":"] {
        assert!(check(pair).is_err(), "{pair}");
    }
    assert!(check_secret(&apps(), "no base64").is_err());
}

#[test]
fn what_the_hub_mints_it_accepts() {
    let mut strict = app("one");
    strict.audience = vec!["hub".into()];
    strict.issuer = vec!["io".into()];
    let apps = Apps::new(vec![strict]);
    let app = apps.by_key("one").unwrap();
    let lasts = Duration::from_secs(24 * 3600);
    let grant =
        Grant { id: "a1".into(), is_anonymous: true, displayname: "Ann".into(), lasts, ..Grant::default() };
    let anonymous = verify(&apps, &mint(app, &grant, NOW).unwrap(), NOW).unwrap();
    assert_eq!((anonymous.party.kind, anonymous.role), (PartyKind::Anonymous, Role::Guest));
    assert_eq!(anonymous.expires, Some(Wall((NOW_SECONDS + 86_400) * Wall::TICKS_PER_SECOND)));
    let grant = Grant { is_anonymous: false, ..grant };
    let user = verify(&apps, &mint(app, &grant, NOW).unwrap(), NOW).unwrap();
    assert_eq!((user.party.id.as_str(), user.role), ("a1", Role::Admin));
}
