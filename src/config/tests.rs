//! The schema, its sources and its rules, as a whole.

use std::path::PathBuf;

use super::schema::keys;
use super::sources::Written;
use super::value::{Kind, list};
use super::{Config, ConfigArgs, KeyConfig, Loaded, manual, print};

fn load(args: &ConfigArgs, environment: &[(&str, &str)]) -> Result<Loaded, String> {
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(args, environment).map_err(|error| error.to_string())
}

fn set(settings: &[&str]) -> ConfigArgs {
    ConfigArgs {
        set: settings.iter().map(|setting| (*setting).to_owned()).collect(),
        ..ConfigArgs::default()
    }
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("presence-hub-{}-{name}.toml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

fn is_list(kind: Kind) -> bool {
    matches!(kind, Kind::List | Kind::Networks)
}

/// A value that each kind takes and no default has.
fn sample(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Secret => "sample",
        Kind::Address | Kind::OptionalAddress => "127.0.0.1:4711",
        Kind::Duration | Kind::Wait => "17s",
        Kind::Size | Kind::Count | Kind::Positive => "77777",
        Kind::Percent => "77",
        Kind::Name => "sample-1",
        Kind::Path => "/sample/1",
        Kind::Format => "json",
        Kind::Level => "warn,presence_hub::broker=trace",
        Kind::Flag => "true",
        Kind::HookFormat => "pusher",
        Kind::LeaveOnClose => "always",
        Kind::Networks => "10.0.0.0/8,::1",
        Kind::List => "one,two",
    }
}

#[test]
fn every_key_means_the_same_in_a_file_in_the_environment_and_as_a_flag() {
    for key in keys() {
        let (path, value) = (key.path.replace('#', "0"), sample(key.kind));
        let read = |args: &ConfigArgs, environment: Option<(String, String)>| {
            let (written, _) = Written::collect(args, environment.into_iter()).unwrap();
            let (text, _) = written.0[&path].clone();
            if is_list(key.kind) { list(&text).join(",") } else { text }
        };
        let flag = read(&set(&[&format!("{path}={value}")]), None);
        let name = format!("PRESENCE_HUB_{}", path.to_uppercase().replace('.', "__"));
        let variable = read(&ConfigArgs::default(), Some((name, value.to_owned())));
        let in_toml = if is_list(key.kind) { format!("{:?}", list(value)) } else { format!("{value:?}") };
        let last = path.rsplit('.').next().unwrap();
        let toml = match key.path.split(".#.").collect::<Vec<_>>()[..] {
            [outer, inner, _] => format!("[[{outer}]]\n[[{outer}.{inner}]]\n{last} = {in_toml}\n"),
            [outer, rest] => format!("[[{outer}]]\n{rest} = {in_toml}\n"),
            _ => format!("{path} = {in_toml}\n"),
        };
        let config = Some(file(&path, &toml));
        let filed = read(&ConfigArgs { config, ..ConfigArgs::default() }, None);
        assert_eq!((flag.as_str(), variable.as_str(), filed.as_str()), (value, value, value), "{path}");
    }
}

#[test]
fn later_sources_win_and_print_says_where_each_value_was_written() {
    let config =
        Some(file("precedence", "listen = \"127.0.0.1:1\"\n[presence]\ngrace = \"1s\"\nhistory = 7\n"));
    let args = ConfigArgs {
        config,
        listen: Some("127.0.0.1:3".to_owned()),
        set: vec!["admin.token=hush".to_owned()],
    };
    let loaded =
        load(&args, &[("PRESENCE_HUB_PRESENCE__GRACE", "2s"), ("PRESENCE_HUB_LISTEN", "127.0.0.1:2")])
            .unwrap();
    assert_eq!(loaded.config.listen.port(), 3);
    assert_eq!(loaded.config.presence.grace.as_secs(), 2);
    assert_eq!(loaded.config.presence.history, 7);
    let mut out = Vec::new();
    print(&loaded, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    for part in [
        "listen = \"127.0.0.1:3\"  # from the flag --listen",
        "presence.grace = \"2s\"  # from the environment variable PRESENCE_HUB_PRESENCE__GRACE",
        "presence.announce_max = \"2000\"  # the default",
        "admin.token = \"***\"  # from the flag --set",
    ] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(!text.contains("hush"));
}

#[test]
fn mistakes_are_answered_with_a_sentence_that_helps() {
    for (settings, expected) in [
        (
            &["admin.lsiten=127.0.0.1:1"][..],
            "admin.lsiten (from the flag --set) is not a setting; did you mean admin.listen?",
        ),
        (&["nonsense=1"], "nonsense (from the flag --set) is not a setting"),
        (
            &["presence.grace=15"],
            "presence.grace (from the flag --set) must be a duration, such as 250ms, 15s, 2m or 1h, up to 8784h, but is \"15\"",
        ),
        (&["listen"], "--set listen has no value; write --set KEY=VALUE"),
        (&["tls.cert=a.pem"], "tls.cert and tls.key go together: set both or neither"),
        (&["apps.0.key=k"], "apps.0.id is missing; there must be one"),
        (
            &["admin.listen=0.0.0.0:1"],
            "admin.listen must be a loopback address: put a proxy with TLS in front of it",
        ),
        (&["drain.timeout=1s"], "drain.timeout must not be shorter than drain.window"),
        (
            &["http.trusted_proxies=ten"],
            "http.trusted_proxies must hold networks such as 10.0.0.0/8, but holds \"ten\"",
        ),
    ] {
        assert_eq!(load(&set(settings), &[]).unwrap_err(), expected);
    }
    let why = load(&ConfigArgs::default(), &[("PRESENCE_HUB_LIMTS__INBOX", "1")]).unwrap_err();
    assert_eq!(
        why,
        "limts.inbox (from the environment variable PRESENCE_HUB_LIMTS__INBOX) is not a setting; did you mean limits.inbox?"
    );
}

#[test]
fn known_secrets_are_not_for_public_addresses() {
    for settings in [
        &["listen=0.0.0.0:8080"][..],
        &["listen=[::]:8080", "apps.0.id=1", "apps.0.key=k", "apps.0.secret=demo-secret"],
    ] {
        assert!(load(&set(settings), &[]).unwrap_err().contains("known to everybody"), "{settings:?}");
    }
    let own = ["listen=0.0.0.0:8080", "apps.0.id=1", "apps.0.key=k", "apps.0.secret=own"];
    assert!(!load(&set(&own), &[]).unwrap().config.has_demo());
}

#[test]
fn a_file_with_secrets_that_others_can_read_is_warned_of() {
    use std::os::unix::fs::PermissionsExt;
    let path = file("secrets", "[admin]\ntoken = \"hush\"\n");
    for (mode, is_warned) in [(0o644, true), (0o604, true), (0o640, false), (0o600, false)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let args = ConfigArgs { config: Some(path.clone()), ..ConfigArgs::default() };
        let warnings = load(&args, &[]).unwrap().warnings;
        assert_eq!(
            warnings.iter().any(|text| text.contains("can be read by everybody")),
            is_warned,
            "{mode:o}"
        );
    }
}

#[test]
fn the_manual_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIG.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, manual()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), manual());
}

#[test]
fn no_mistake_shows_a_secret() {
    let config = Some(file("broken", "[admin]\ntoken = \"hush\n"));
    let why = load(&ConfigArgs { config, ..ConfigArgs::default() }, &[]).unwrap_err();
    assert!(why.contains("is not TOML") && why.ends_with(", in line 2"), "{why}");
    for settings in
        [&["admin.token:hush"][..], &["admin.token hush"], &["apps.0.secret=hush"], &["apps.0.secrte=hush"]]
    {
        let why = load(&set(settings), &[]).unwrap_err() + &why;
        assert!(!why.contains("hush"), "{why}");
    }
    let loaded =
        load(&set(&["apps.0.id=1", "apps.0.key=k", "apps.0.secret=hush", "admin.token=hush"]), &[]).unwrap();
    assert!(!format!("{:?}", loaded.config).contains("hush"));
}

const OWN: [&str; 3] = ["apps.0.id=1", "apps.0.key=k", "apps.0.secret=0123456789abcdef0123456789abcdef"];

#[test]
fn what_would_stop_the_hub_later_stops_the_start() {
    for setting in [
        "limits.inbox=0",
        "limits.inbox=4294967296",
        "limits.outbox_frames=0",
        "limits.frame_bytes=0",
        "limits.frame_bytes=2048MiB",
        "limits.json_depth=128",
        "socketio.attachments=11",
        "limits.unauthenticated_percent=0",
        "limits.unauthenticated_percent=101",
        "limits.ping_interval=0s",
        "presence.interval=0ms",
        "presence.grace=8785h",
        "http.head_timeout=0s",
        "log.level=infoo",
        "log.level=",
        "log.level=info,broker",
        "log.format=xml",
        "listen=127.0.0.1:8081",
        "data_dir=a\nb",
    ] {
        let why = load(&set(&[setting]), &[]).unwrap_err();
        assert!(why.starts_with(setting.split('=').next().unwrap()), "{setting}: {why}");
    }
    for setting in [
        "presence.grace=0s",
        "limits.connections=0",
        "presence.retention=8784h",
        "log.level=off",
        "data_dir=",
    ] {
        assert!(load(&set(&[setting]), &[]).is_ok(), "{setting}");
    }
}

const TWICE: [&str; 2] = [
    "apps.1.key stands twice; every key of every app must be another",
    "apps.0.keys.0.key stands twice; every key of every app must be another",
];

#[test]
fn pairs_of_keys_are_in_the_order_of_their_age() {
    let later = ["apps.0.keys.0.key=b", "apps.0.keys.0.secret=s", "apps.0.keys.0.enabled=false"];
    let last = ["apps.0.keys.1.key=c", "apps.0.keys.1.secret=s"];
    let keys = |settings: &[&str]| {
        let config = load(&set(settings), &[]).unwrap().config;
        let shown = |pair: &KeyConfig| format!("{}={} {}", pair.path, pair.key, pair.enabled);
        config.apps[0].keys.iter().map(shown).collect::<Vec<_>>()
    };
    let listed = ["apps.0.keys.0=b false", "apps.0.keys.1=c true"];
    assert_eq!(keys(&[&["apps.0.id=1"][..], &later, &last].concat()), listed);
    assert_eq!(keys(&[&OWN[..], &later, &last].concat()), [&["apps.0=k true"][..], &listed].concat());
}

#[test]
fn apps_are_whole_and_distinct() {
    for (more, expected) in [
        (
            &["apps.0.id=a b"][..],
            "apps.0.id (from the flag --set) must be 1 to 64 letters, digits, - or _, but is \"a b\"",
        ),
        (
            &["apps.0.key=a:b"],
            "apps.0.key (from the flag --set) must be 1 to 64 letters, digits, - or _, but is \"a:b\"",
        ),
        (&["apps.0.secret="], "apps.0.secret is missing; there must be one"),
        (&["apps.2.id=x"], "apps.1.id is missing; there must be one"),
        (&["apps.0.topics.0.grace=1s"], "apps.0.topics.0.pattern is missing; there must be one"),
        (&["apps.1.id=1", "apps.1.key=j", "apps.1.secret=s"], "apps.1.id is that of another app"),
        (&["apps.1.id=2", "apps.1.key=k", "apps.1.secret=s"], TWICE[0]),
        (&["apps.0.keys.0.key=k", "apps.0.keys.0.secret=s"], TWICE[1]),
        (
            &["apps.1.id=2", "apps.1.keys.0.key=k", "apps.1.keys.0.secret=s", "apps.1.keys.1.key=j"],
            "apps.1.keys.1.secret is missing; there must be one",
        ),
        (
            &["apps.1.id=2", "apps.1.keys.0.key=j", "apps.1.keys.0.secret=s", "apps.1.keys.0.enabled=false"],
            "apps.1.keys has no key that is enabled; there must be one",
        ),
        (
            &[
                "apps.1.id=2",
                "apps.1.key=j",
                "apps.1.secret=s",
                "apps.0.pubnub.subscribe_key=x",
                "apps.1.pubnub.subscribe_key=x",
            ],
            "apps.1.pubnub.subscribe_key is another app's; it must be unique",
        ),
    ] {
        let settings = [&OWN, more].concat();
        assert_eq!(load(&set(&settings), &[]).unwrap_err(), expected, "{more:?}");
    }
    let rules = [
        "apps.0.grace=3s",
        "apps.0.topics.0.pattern=calls/*",
        "apps.0.topics.0.grace=0s",
        "apps.0.topics.1.pattern=**",
    ];
    let config = load(&set(&[&OWN[..], &rules].concat()), &[]).unwrap().config;
    let graces: Vec<_> = config.apps[0].topics.iter().map(|rule| rule.grace.as_secs()).collect();
    assert_eq!((config.apps[0].grace.as_secs(), graces), (3, vec![0, 3]));
}

#[test]
fn a_name_that_is_no_setting_is_not_passed_over() {
    for (path, expected) in [
        ("apps.#.id", "apps.#.id (from the flag --set) is not a setting; did you mean apps.0.id?"),
        ("apps.00.id", "apps.00.id (from the flag --set) is not a setting; did you mean apps.0.id?"),
        (
            "apps.7.secrte",
            "apps.7.secrte (from the flag --set) is not a setting; did you mean apps.7.secret?",
        ),
        ("apps.1000.id", "apps.1000.id (from the flag --set) is not a setting; did you mean apps.0.id?"),
        (
            "frame_bytes",
            "frame_bytes (from the flag --set) is not a setting; did you mean limits.frame_bytes?",
        ),
        ("a\nb", "a\\nb (from the flag --set) is not a setting"),
        ("", " (from the flag --set) is not a setting"),
    ] {
        assert_eq!(load(&set(&[&format!("{path}=1")]), &[]).unwrap_err(), expected);
    }
    for (text, expected) in [
        ("[limts]\n", "limts (from FILE) is not a setting"),
        (
            "[limits.inbox]\n",
            "limits.inbox (from FILE) must be a whole number from 1 to 4294967295, but is \"something else\"",
        ),
        ("limits = 5\n", "limits (from FILE) is not a setting"),
        ("[apps]\nid = \"1\"\n", "apps.id (from FILE) is not a setting; did you mean apps.0.id?"),
        ("[[apps]]\n", "apps.0 (from FILE) must be a table with settings"),
        ("apps = [1]\n", "apps.0 (from FILE) must be a table with settings"),
        (
            "[http]\nhosts = [1]\n",
            "http.hosts (from FILE) must be a list of texts, but is \"something else\"",
        ),
        ("[[limits]]\ninbox = 1\n", "limits (from FILE) is not a setting"),
    ] {
        let path = file("passed-over", text);
        let args = ConfigArgs { config: Some(path.clone()), ..ConfigArgs::default() };
        let why = load(&args, &[]).unwrap_err().replace(&path.display().to_string(), "FILE");
        assert!(why.starts_with(expected), "{text:?}: {why}");
    }
    let none = ConfigArgs { config: Some(file("no-apps", "apps = []\n")), ..ConfigArgs::default() };
    assert!(load(&none, &[]).unwrap().config.has_demo());
}

#[test]
fn variables_that_an_orchestrator_makes_are_no_settings() {
    for name in
        ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT", "PORT_8080_TCP", "PORT_8080_TCP_ADDR"]
    {
        assert!(
            load(&ConfigArgs::default(), &[(&format!("PRESENCE_HUB_{name}"), "tcp://10.0.0.1:1")]).is_ok(),
            "{name}"
        );
    }
    for name in ["PORTS", "PORT_X", "SERVICE", "", "LISTEN__"] {
        assert!(load(&ConfigArgs::default(), &[(&format!("PRESENCE_HUB_{name}"), "1")]).is_err(), "{name}");
    }
}

#[test]
fn print_shows_every_key_of_every_app_in_order() {
    let apps = (0..11).flat_map(|n| ["id", "key", "secret"].map(|key| format!("apps.{n}.{key}=x{n}")));
    let rule = ["apps.1.topics.0.pattern=a".to_owned()];
    let loaded = load(&ConfigArgs { set: apps.chain(rule).collect(), ..ConfigArgs::default() }, &[]).unwrap();
    let printed = |loaded: &Loaded| {
        let mut out = Vec::new();
        print(loaded, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let text = printed(&loaded);
    let place =
        |key: &str| text.find(&format!("\n{key} = ")).unwrap_or_else(|| panic!("{key} is not in\n{text}"));
    let order = [
        "limits.inbox",
        "apps.0.grace",
        "apps.1.id",
        "apps.1.topics.0.pattern",
        "apps.2.id",
        "apps.10.open_topics",
    ];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{text}");
    let demo = printed(&load(&ConfigArgs::default(), &[]).unwrap());
    for line in
        ["apps.0.key = \"demo-key\"  # the demo app\n", "apps.0.anonymous = \"true\"  # the default\n"]
    {
        assert!(demo.contains(line), "{demo}");
    }
}

#[test]
fn what_is_unwise_is_warned_of() {
    for (more, expected) in [
        (&[][..], &[][..]),
        (&["apps.0.secret=short"], &["apps.0.secret has 5 bytes; it should have 32 or more"]),
        (
            &["apps.0.webhooks.0.url=https://a.test/", "apps.0.webhooks.0.secret=short"],
            &["apps.0.webhooks.0.secret has 5 bytes; it should have 16 or more"],
        ),
        (&["admin.token=short"], &["admin.token has 5 bytes; it should have 16 or more"]),
        (
            &["listen=0.0.0.0:80"],
            &[
                "listen is a public address and tls.cert is not set: unless a proxy adds TLS, tokens pass in the clear",
            ],
        ),
        (&["listen=0.0.0.0:80", "tls.cert=a", "tls.key=b"], &[]),
    ] {
        assert_eq!(load(&set(&[&OWN, more].concat()), &[]).unwrap().warnings, expected, "{more:?}");
    }
    assert_eq!(load(&ConfigArgs::default(), &[]).unwrap().warnings, [] as [&str; 0]);
}

#[test]
fn the_pubnub_dialect_uses_the_apps_own_key_and_secret_unless_it_has_others() {
    use secrecy::ExposeSecret;
    let read = |more: &[&str]| {
        let loaded = load(&set(&[&OWN, more].concat()), &[]).unwrap();
        let app = loaded.config.apps[0].pubnub.clone();
        let secret = app.secret_key.expose_secret().to_owned();
        (app.publish_key, app.subscribe_key, secret, app.access_manager, loaded.warnings)
    };
    let (publish, subscribe, secret, is_guarded, warnings) = read(&[]);
    assert_eq!((publish.as_str(), subscribe.as_str(), is_guarded), ("k", "k", true));
    assert_eq!((secret.as_str(), warnings.len()), ("0123456789abcdef0123456789abcdef", 0));
    let keys =
        ["apps.0.pubnub.publish_key=p", "apps.0.pubnub.subscribe_key=s", "apps.0.pubnub.secret_key=hush"];
    let (publish, subscribe, secret, _, warnings) = read(&keys);
    assert_eq!((publish.as_str(), subscribe.as_str(), secret.as_str()), ("p", "s", "hush"));
    assert_eq!(warnings, ["apps.0.pubnub.secret_key has 4 bytes; it should have 32 or more"]);
    let demo = load(&ConfigArgs::default(), &[]).unwrap().config;
    assert!(!demo.apps[0].pubnub.access_manager && demo.apps[0].pubnub.enabled);
    let small = load(&set(&["limits.content_bytes=1KiB"]), &[]).unwrap().config;
    assert_eq!(small.apps[0].pubnub.state_bytes, 1024);
}
