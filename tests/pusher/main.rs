//! Pusher Channels end to end: a whole hub on ports of its own with a clock that the test moves, spoken to over real sockets.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod at_once;
mod attacks;
mod backend;
mod bounds;
mod client;
mod counts;
mod demo;
mod hub;
mod keeping;
#[path = "../native/pattern.rs"]
mod pattern;
mod rotation;
mod scenario;
mod slow;

/// Every scenario file; a file that is not listed fails `all_scenarios_are_run`.
macro_rules! scenarios {
    ($($name:ident),+ $(,)?) => {
        const NAMES: &[&str] = &[$(stringify!($name)),+];
        mod scenarios {
            $(
                #[tokio::test]
                async fn $name() {
                    super::scenario::run(include_str!(concat!("scenarios/", stringify!($name), ".json"))).await;
                }
            )+
        }
    };
}

scenarios!(across, connecting, channels, presence, messages, users, api, buffer);

#[test]
fn all_scenarios_are_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pusher/scenarios");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    let mut named: Vec<&str> = NAMES.to_vec();
    named.sort_unstable();
    assert_eq!(found, named);
}
