//! The schema, its sources and its rules, as a whole.

use std::path::PathBuf;

use super::schema::KEYS;
use super::sources::Written;
use super::value::{Kind, list};
use super::{Config, ConfigArgs, Loaded, manual, print};

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

/// A value that each kind takes and no default has.
fn sample(kind: Kind) -> &'static str {
    match kind {
        Kind::Text | Kind::Secret => "sample",
        Kind::Address | Kind::OptionalAddress => "127.0.0.1:4711",
        Kind::Duration => "17s",
        Kind::Size | Kind::Count => "77777",
        Kind::Flag => "true",
        Kind::List => "one,two",
    }
}

#[test]
fn every_key_means_the_same_in_a_file_in_the_environment_and_as_a_flag() {
    for key in KEYS {
        let (path, value) = (key.path.replace('#', "0"), sample(key.kind));
        let read = |args: &ConfigArgs, environment: Option<(String, String)>| {
            let (written, _) = Written::collect(args, environment.into_iter()).unwrap();
            let (text, _) = written.0[&path].clone();
            if key.kind == Kind::List { list(&text).join(",") } else { text }
        };
        let flag = read(&set(&[&format!("{path}={value}")]), None);
        let name = format!("PRESENCE_HUB_{}", path.to_uppercase().replace('.', "__"));
        let variable = read(&ConfigArgs::default(), Some((name, value.to_owned())));
        let in_toml =
            if key.kind == Kind::List { "[\"one\", \"two\"]".to_owned() } else { format!("{value:?}") };
        let last = path.rsplit('.').next().unwrap();
        let toml = match key.path.matches('#').count() {
            2 => format!("[[apps]]\n[[apps.topics]]\n{last} = {in_toml}\n"),
            1 => format!("[[apps]]\n{last} = {in_toml}\n"),
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
            "presence.grace (from the flag --set) must be a duration, such as 250ms, 15s, 2m or 1h, but is \"15\"",
        ),
        (&["listen"], "--set listen has no value; write --set KEY=VALUE"),
        (&["tls.cert=a.pem"], "tls.cert and tls.key go together: set both or neither"),
        (&["apps.0.key=k"], "apps.0.id is missing; every app needs one"),
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
    for (mode, warnings) in [(0o644, 1), (0o600, 0)] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let args = ConfigArgs { config: Some(path.clone()), ..ConfigArgs::default() };
        assert_eq!(load(&args, &[]).unwrap().warnings.len(), warnings, "{mode:o}");
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
