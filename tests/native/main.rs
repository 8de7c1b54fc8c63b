//! The native dialect end to end: a whole hub on ports of its own with a clock that the test moves, spoken to over real sockets.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod attacks;
mod client;
mod companions;
mod explaining;
mod guarding;
mod hub;
mod last_heard;
#[path = "../engine/late.rs"]
mod late;
mod operations;
mod paging;
mod pattern;
mod renewal;
mod scenario;
mod spaces;

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

scenarios!(
    channels, presence, sessions, directed, leaving, messages, media, removal, rest, errors, resume,
    dialogue, guarded, people, meetings, dialin
);

#[test]
fn all_scenarios_are_run() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/native/scenarios");
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    found.sort();
    let mut named: Vec<&str> = NAMES.to_vec();
    named.sort_unstable();
    assert_eq!(found, named);
}
